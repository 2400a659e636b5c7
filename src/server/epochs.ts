/** The chain of epochs in a model's own stream: control entries, each of which sums up what was left out before it. */
import type { Channel } from '../nats/channel.ts';
import { decode } from '../protocol/codec.ts';
import type { EpochEntry } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';

type Range = readonly [first: number, last: number];

/** Ranges of left-out sequences that are remembered; older ones are given up first. */
const rangesMax = 256;

/**
 * What had been left out when an epoch began, and so is missing in every version made in it. Nothing when the
 * stream no longer holds that epoch's entry.
 */
export async function leftOutOfEpoch(
  channel: Channel,
  subjects: Subjects,
  model: string,
  epoch: number,
): Promise<readonly Range[]> {
  const entry = await channel.entryAt(subjects.stream(model), epoch);
  if (entry?.subject !== subjects.control(model)) return [];
  return (decode(entry.data, undefined) as EpochEntry).leftOut;
}

/**
 * What is left out after going back to a state that holds everything up to `from`, and on from `skipTo` (0: with
 * everything after `from` learned again).
 */
export function leftOutAfter(before: readonly Range[], from: number, skipTo: number): Range[] {
  const kept = before.filter(([, last]) => last <= from);
  if (skipTo > from) kept.push([from + 1, skipTo]);
  return kept.slice(-rangesMax);
}
