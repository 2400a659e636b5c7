/** What `millrace learn` says at the end, for programs and for people. */
import type { ModelStatus } from '../protocol/messages.ts';
import type { Fed } from './feed.ts';
import { bytesText, counted, countText, qualityText } from './words.ts';

export interface LearnSummary {
  readonly model: string;
  readonly source: string;
  readonly events: number;
  readonly unreadable: number;
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Usable as `--min-seq`. */
  readonly seq: number;
  /** Of the model when this was written; absent when the server did not say. */
  readonly learned?: number;
  readonly rejected?: number;
  readonly duplicates?: number;
  readonly lag?: number;
  readonly phase?: ModelStatus['phase'];
  readonly metrics?: ModelStatus['metrics'];
}

export function learnSummary(
  model: string,
  source: string,
  { progress, unreadable, elapsedMs }: Fed,
  status: ModelStatus | undefined,
): LearnSummary {
  const { events, messages, bytes, seq } = progress;
  const counts = { model, source, events, unreadable, messages, bytes, seconds: elapsedMs / 1000, seq };
  if (status === undefined) return counts;
  const { learned, rejected, duplicates, lag, phase, metrics } = status;
  return { ...counts, learned, rejected, duplicates, lag, phase, metrics };
}

export function summaryText(summary: LearnSummary): string {
  const { model, source, events, unreadable, messages, bytes, seconds, seq, lag = 0 } = summary;
  const { rejected = 0, duplicates = 0 } = summary;
  const rate = countText(events / Math.max(seconds, 1e-3));
  const lines = [
    `${counted(events, 'event')} of ${source} sent to ${model} in ${counted(messages, 'message')} ` +
      `(${bytesText(bytes)}, ${seconds.toFixed(1)} s, ${rate} per second); sequence ${seq}`,
  ];
  if (summary.learned !== undefined) {
    const behind = lag > 0 ? `, ${counted(lag, 'message')} behind` : '';
    lines.push(`${model} has learned ${counted(summary.learned, 'event')}${behind}${lossText(summary)}`);
  }
  if (summary.phase === 'paused')
    lines.push(
      `${model} is paused: \`millrace status ${model}\` says why, \`millrace resume ${model}\` lets it go on`,
    );
  if (rejected > 0)
    lines.push(
      `${counted(rejected, 'event')} refused by ${model} so far, each with its reason in the rejected stream`,
    );
  if (duplicates > 0)
    lines.push(
      `${counted(duplicates, 'event')} known to ${model} already by their ids, so far, and not learned again`,
    );
  if (unreadable > 0)
    lines.push(
      `${counted(unreadable, 'line')} could not be read and ${unreadable === 1 ? 'was' : 'were'} passed over`,
    );
  return lines.join('\n');
}

function lossText({ metrics }: LearnSummary): string {
  if (metrics === undefined || metrics.total.averageLoss === null) return '';
  return `; predicted before learning: ${qualityText(metrics.total)}`;
}
