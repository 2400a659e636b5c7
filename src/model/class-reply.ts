/** What a reply says of a prediction of several classes; the same in the server and at the edge. */
import type { ClassLabel } from '../../config/class-label.ts';
import { MillraceError } from '../base/errors.ts';
import type { ClassScores } from './class-scores.ts';

export interface ClassReply {
  readonly prediction: ClassLabel;
  readonly score: number;
  /** By the text of each class. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** Throws MillraceError (notReady) when no class is known. */
export function classReply({ labels, best, probabilities }: ClassScores): ClassReply {
  const prediction = labels[best];
  if (prediction === undefined) {
    throw new MillraceError('notReady', 'no class is known yet: the model has not learned an event');
  }
  const entries = labels.map((label, number) => [String(label), probabilities[number]!] as const);
  return { prediction, score: probabilities[best]!, probabilities: Object.fromEntries(entries) };
}
