/**
 * A version recomputed from the log, from an earlier version or from nothing, and compared; or recomputed without
 * some events, which is how a model unlearns. A library: the caller brings the log, the versions and the patience.
 */
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import type { Manifest } from '../checkpoint/store.ts';
import { eventsOf } from '../learner/events.ts';
import { ExclusionFilter } from '../learner/exclusion-filter.ts';
import type { LogEntry } from '../nats/channel.ts';
import type { Exclusion } from '../protocol/internal.ts';
import type { ReplayResult } from '../protocol/messages.ts';
import { verbOfSubject } from '../protocol/subjects.ts';
import { compareStates } from './compare.ts';
import { type PlanStart, planOf, type ReadEntry } from './plan.ts';
import { type ReplayLog, replaySegments } from './replay.ts';
import { SequentialState, type StoredParameters } from './sequential-state.ts';

export interface ReplaySource extends ReplayLog {
  readonly model: string;
  readonly readEntry: ReadEntry;
  readonly readVersion: (
    version: number,
  ) => Promise<{ readonly manifest: Manifest } & Required<Pick<StoredParameters, 'images' | 'blobs'>>>;
}

export interface Recomputed {
  readonly state: SequentialState;
  /** Whether several learners took part in any of it. */
  readonly several: boolean;
  /** The epoch that made the state. */
  readonly epoch: number;
}

/** The state that a version's manifest speaks of, again; `without`: passed over besides. */
export async function recompute(
  source: ReplaySource,
  target: Pick<Manifest, 'epoch' | 'stream' | 'unlearned' | 'keyCount' | 'rowWidth'>,
  from: number,
  without: readonly Exclusion[] = [],
): Promise<Recomputed> {
  const stored = from > 0 ? await source.readVersion(from) : undefined;
  const { marks } = target.stream;
  const start = stored && startOf(stored.manifest);
  const passed = [...(target.unlearned?.exclusions ?? []), ...without];
  const place = { epoch: target.epoch, marks };
  const options = { ...(start === undefined ? {} : { start }), without: passed };
  const segments = await planOf(place, source.readEntry, marks.length, options);
  const state = new SequentialState(
    source.model,
    target,
    stored && { images: stored.images, totals: stored.manifest.totals, blobs: stored.blobs },
  );
  await replaySegments(source, segments, state);
  const several = segments.some(({ settings }) => settings.learners > 1);
  return { state, several, epoch: segments.at(-1)?.epoch ?? target.epoch };
}

export async function verifyVersion(
  source: ReplaySource,
  version: number,
  from: number,
): Promise<ReplayResult> {
  const { manifest, images } = await source.readVersion(version);
  const isSame = from === version;
  if (isSame) throw new MillraceError('badInput', `version ${version} cannot be recomputed from itself`);
  const { state, several } = await recompute(source, manifest, from);
  const stored = { images, totals: manifest.totals };
  const comparison = compareStates(state, stored, manifest.rowWidth, several);
  return { version, from, seq: Math.min(...manifest.stream.marks), ...comparison };
}

const startOf = ({ version, epoch, stream, unlearned }: Manifest): PlanStart => ({
  version,
  epoch,
  marks: stream.marks,
  unlearned: unlearned !== undefined,
});

/** The first event up to a sequence that an exclusion covers; undefined when there is none. */
export async function firstCovered(
  { channel, stream, pause }: ReplayLog,
  exclusions: readonly Exclusion[],
  lastSeq: number,
): Promise<{ readonly seq: number; readonly index: number } | undefined> {
  const filter = new ExclusionFilter(exclusions);
  const state = await channel.streamState(stream);
  if (state === undefined || lastSeq < state.firstSeq) return undefined;
  const reader = await channel.readFrom(stream, state.firstSeq);
  try {
    let count = 0;
    for await (const entry of reader) {
      if (entry.seq > lastSeq) return undefined;
      const index = coveredIndex(filter, entry);
      if (index !== undefined) return { seq: entry.seq, index };
      if (entry.seq >= lastSeq || entry.pending === 0) return undefined;
      if (++count % 256 === 0) await pause();
    }
  } finally {
    await reader.close();
  }
  return undefined;
}

function coveredIndex(filter: ExclusionFilter, entry: LogEntry): number | undefined {
  const verb = verbOfSubject(entry.subject);
  if (verb === 'control') return undefined;
  if (filter.coversMessage(entry)) return 0;
  try {
    const items = eventsOf(entry, Number.POSITIVE_INFINITY);
    const at = items.findIndex((item, index) => filter.coversEvent(entry.seq, index, item));
    return at < 0 ? undefined : at;
  } catch (error) {
    // What cannot be decoded was refused whole, and has neither id nor features.
    assert(error instanceof Error, 'decoding throws errors');
    return undefined;
  }
}
