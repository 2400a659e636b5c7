/**
 * What a prediction of several classes came to: from a raw score of each to probabilities, the class that is chosen,
 * and, once the label is known, the loss.
 *
 *   softmax            p_c = e^(s_c) / sum e^(s_k)                       l = -ln p_y
 *   one against all    p_c = link(s_c) / sum link(s_k)                   l = sum of each class's own loss
 *
 * One against all, a class's own label is 1 where it is the event's, else 0; with squared loss 1 and -1 (as Vowpal
 * Wabbit). The link is the sigmoid with logistic loss, else (s + 1) / 2 within [0, 1].
 */
import type { ClassLabel } from '../../config/class-label.ts';
import type { LossConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import { sigmoid } from './losses/logistic.ts';
import { lossFunction } from './losses.ts';

export class ClassScores {
  readonly raw: Float64Array;
  readonly probabilities: Float64Array;
  /** Known classes, by number. */
  labels: readonly ClassLabel[] = [];
  /** Classes that are scored: the known ones, and that of a label that is new. */
  count = 0;
  /** Number of the known class with the highest score, the first of several. */
  best = 0;
  /** After `learn` or `judge`: number of the event's class. */
  label = 0;
  readonly #loss: LossConfig;

  constructor(max: number, loss: LossConfig) {
    this.raw = new Float64Array(max);
    this.probabilities = new Float64Array(max);
    this.#loss = loss;
  }

  /** From the raw scores of the first `count` classes, of which all but a new one are known. */
  settle(labels: readonly ClassLabel[], count: number): void {
    this.labels = labels;
    this.count = count;
    this.best = 0;
    for (let c = 1; c < labels.length; c++) if (this.raw[c]! > this.raw[this.best]!) this.best = c;
    if (this.#loss === 'softmax') softmax(this.raw, count, this.probabilities);
    else normalizedLinks(this.#loss, this.raw, count, this.probabilities);
  }

  /** After `learn`, what a prediction had said of the known classes; one that is new had the score 0. */
  retell(scores: Float64Array): void {
    this.raw.fill(0, 0, this.count);
    this.raw.set(scores);
    this.settle(this.labels, this.count);
  }

  /** After `predict`, when the label is known: a class that is new had the score 0. */
  judge(label: ClassLabel): void {
    // As config/class-label.ts has it, which is no part of a model at the edge.
    const text = String(label);
    const known = this.labels.findIndex((one) => String(one) === text);
    this.label = known < 0 ? this.labels.length : known;
    if (known >= 0) return;
    if (this.label >= this.raw.length)
      throw new MillraceError(
        'badInput',
        `label: ${JSON.stringify(label)} is none of the ${this.raw.length} classes`,
      );
    this.raw[this.label] = 0;
    this.settle(this.labels, this.labels.length + 1);
  }

  /** A class that was never seen cannot have been chosen. */
  get isCorrect(): boolean {
    return this.best === this.label && this.label < this.labels.length;
  }

  /** -ln p of the event's class: undefined of a loss that gives no probabilities. */
  get logLoss(): number | undefined {
    if (this.#loss === 'softmax') return softmaxLoss(this.raw, this.count, this.label);
    if (this.#loss !== 'logistic') return undefined;
    return -Math.log(Math.max(this.probabilities[this.label]!, Number.MIN_VALUE));
  }

  get loss(): number {
    if (this.#loss === 'softmax') return softmaxLoss(this.raw, this.count, this.label);
    const loss = lossFunction(this.#loss);
    let sum = 0;
    for (let c = 0; c < this.count; c++)
      sum += loss.value(this.raw[c]!, ownLabel(this.#loss, c === this.label));
    return sum;
  }
}

/** Into `into`, which may be the scores themselves; never exponentiates a positive number. */
function softmax(raw: Float64Array, count: number, into: Float64Array): void {
  const most = greatest(raw, count);
  let sum = 0;
  for (let c = 0; c < count; c++) {
    const e = Math.exp(raw[c]! - most);
    into[c] = e;
    sum += e;
  }
  for (let c = 0; c < count; c++) into[c] = into[c]! / sum;
}

/** Turns raw scores into dl/ds of each class, times the event's weight, in place. */
export function classGradients(
  loss: LossConfig,
  scores: Float64Array,
  { count, label }: Pick<ClassScores, 'count' | 'label'>,
  weight: number,
): void {
  if (loss === 'softmax') softmax(scores, count, scores);
  for (let c = 0; c < count; c++) {
    const isIt = c === label;
    const derivative =
      loss === 'softmax'
        ? scores[c]! - (isIt ? 1 : 0)
        : lossFunction(loss).derivative(scores[c]!, ownLabel(loss, isIt));
    scores[c] = Math.fround(weight * derivative);
  }
}

/** -ln p_y without a logarithm of 0. */
function softmaxLoss(raw: Float64Array, count: number, label: number): number {
  const most = greatest(raw, count);
  let sum = 0;
  for (let c = 0; c < count; c++) sum += Math.exp(raw[c]! - most);
  return Math.log(sum) + most - raw[label]!;
}

function greatest(raw: Float64Array, count: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < count; c++) if (raw[c]! > most) most = raw[c]!;
  return most;
}

/** What a class's own score is to come to, one against all. */
export function ownLabel(loss: LossConfig, isIt: boolean): number {
  if (isIt) return 1;
  return loss === 'squared' ? -1 : 0;
}

function normalizedLinks(loss: LossConfig, raw: Float64Array, count: number, into: Float64Array): void {
  let sum = 0;
  for (let c = 0; c < count; c++) {
    const link = loss === 'logistic' ? sigmoid(raw[c]!) : Math.min(1, Math.max(0, (raw[c]! + 1) / 2));
    into[c] = link;
    sum += link;
  }
  for (let c = 0; c < count; c++) into[c] = sum > 0 ? into[c]! / sum : 1 / count;
}
