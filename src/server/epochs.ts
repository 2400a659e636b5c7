/**
 * The chain of epochs in a model's own stream: control entries, each of which sums up what was left out before it,
 * and what is passed over from it on.
 */
import { MillraceError } from '../base/errors.ts';
import type { Channel } from '../nats/channel.ts';
import { decodeEpochEntry } from '../protocol/epoch-entry.ts';
import { incarnationOfEpoch, sequenceOfEpoch } from '../protocol/epoch-number.ts';
import type { EpochEntry, Exclusion, LeftOut } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';

/** Ranges of left-out sequences that are remembered; older ones are given up first. */
const rangesMax = 256;

/** An epoch's entry; undefined when the stream no longer holds it. */
export async function entryOfEpoch(
  channel: Channel,
  subjects: Subjects,
  model: string,
  epoch: number,
): Promise<EpochEntry | undefined> {
  const seq = sequenceOfEpoch(epoch);
  const entry = seq > 0 ? await channel.entryAt(subjects.stream(model), seq) : undefined;
  const decoded = entry?.subject === subjects.control(model) ? decodeEpochEntry(entry.data) : undefined;
  // In a log that has lost entries, another epoch may have begun at this sequence.
  return (decoded?.incarnation ?? 0) === incarnationOfEpoch(epoch) ? decoded : undefined;
}

/**
 * What had been left out when an epoch began, and so is missing in every version made in it. Nothing when the
 * stream no longer holds that epoch's entry.
 */
export async function leftOutOfEpoch(
  channel: Channel,
  subjects: Subjects,
  model: string,
  epoch: number,
): Promise<readonly LeftOut[]> {
  return (await entryOfEpoch(channel, subjects, model, epoch))?.leftOut ?? [];
}

/** The entry of the last epoch; undefined in a log without one. */
export async function lastEpoch(
  channel: Channel,
  subjects: Subjects,
  model: string,
): Promise<EpochEntry | undefined> {
  const entry = await channel.lastEntry(subjects.stream(model), subjects.control(model));
  return entry && decodeEpochEntry(entry.data);
}

/**
 * What is left out after going back to a state that holds everything up to `from`, and on from `skipTo` (0: with
 * everything after `from` learned again).
 */
export function leftOutAfter(before: readonly LeftOut[], from: number, skipTo: number): LeftOut[] {
  const kept = before.filter(([, last]) => last <= from);
  if (skipTo > from) kept.push([from + 1, skipTo]);
  return kept.slice(-rangesMax);
}

/**
 * Exclusions with more of them. What lies below the stream's first sequence cannot be read again and is forgotten;
 * beyond `max`, more are refused: forgetting one would let a replay disagree.
 */
export function withExclusions(
  before: readonly Exclusion[],
  added: readonly Exclusion[],
  firstSeq: number,
  max: number,
): Exclusion[] {
  const byName = new Map<string, Exclusion>();
  for (const exclusion of [...before, ...added]) {
    const last = exclusion.kind === 'position' ? exclusion.seq : exclusion.untilSeq;
    if (last < firstSeq) continue;
    const name =
      exclusion.kind === 'position'
        ? `position ${exclusion.seq} ${exclusion.index ?? ''}`
        : `${exclusion.kind} ${exclusion.value}`;
    const known = byName.get(name);
    const isWider = known === undefined || known.kind === 'position' || known.untilSeq < last;
    if (isWider) byName.set(name, exclusion);
  }
  if (byName.size > max) {
    throw new MillraceError(
      'overloaded',
      `${byName.size} exclusions; at most ${max} (limits.exclusionsMax): raise it`,
    );
  }
  return [...byName.values()];
}

/** Exclusions of a log that is another one behind this sequence. */
export function exclusionsUpTo(exclusions: readonly Exclusion[], seq: number): Exclusion[] {
  return exclusions.flatMap((exclusion): Exclusion[] => {
    if (exclusion.kind === 'position') return exclusion.seq <= seq ? [exclusion] : [];
    return [{ ...exclusion, untilSeq: Math.min(exclusion.untilSeq, seq) }];
  });
}
