/** `--delay`: labels that come later than their events, by a duration or at a time that a column holds. */
import type { Command } from 'commander';
import type { LabelDelay } from '../backtest/delayed-labels.ts';
import { holdsEvents, type RecordFormat } from '../formats/records.ts';
import type { EventOptions } from './event-options.ts';
import { UsageError } from './failure.ts';
import { countFromOne } from './options.ts';

export interface DelayOptions {
  readonly delay?: string;
  readonly waitingMax?: number;
}

export interface Delay {
  readonly labels: LabelDelay;
  /** Column of the time at which a label is known. */
  readonly column: string | undefined;
}

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const waitingMaxByDefault = 1_000_000;

export const withDelayOptions = (command: Command): Command =>
  command
    .option(
      '--delay <how>',
      'labels come so much later, such as 30m (ms, s, m, h, d), or at the time in this column',
    )
    .option('--waiting-max <n>', 'events that may wait for their labels (1000000)', countFromOne);

/** Undefined when labels come with their events. Throws UsageError when there are no times to count from. */
export function delayOf(
  { delay, waitingMax }: DelayOptions,
  { label, time }: EventOptions,
  format: RecordFormat,
): Delay | undefined {
  if (delay === undefined) {
    if (waitingMax !== undefined) throw new UsageError('--waiting-max needs --delay beside it');
    return undefined;
  }
  if (holdsEvents(format))
    throw new UsageError(`--delay has no meaning for ${format}, whose lines have no time`);
  if (label !== undefined && time === undefined)
    throw new UsageError('--delay needs --time COLUMN beside it: when each event happened');
  return {
    labels: { ms: durationMs(delay), waitingMax: waitingMax ?? waitingMaxByDefault },
    column: delayColumnOf({ delay }),
  };
}

/** The column that says when a label is known; undefined for a duration. */
export const delayColumnOf = ({ delay }: DelayOptions): string | undefined =>
  delay === undefined || durationMs(delay) !== undefined ? undefined : delay;

/** Undefined for what is no duration: a column. */
function durationMs(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * unitsMs[unit as keyof typeof unitsMs];
}
