/**
 * How an epoch begins: the log is compared with the version that it starts from, the marks are worked out, the entry is
 * written. Whoever calls loads the parameters and starts the actors.
 */
import type { ModelConfig } from '../../config/schema.ts';
import type { FaultPoints } from '../base/fault-points.ts';
import type { Logger } from '../base/logger.ts';
import type { CheckpointStore, Manifest, Pointer } from '../checkpoint/store.ts';
import type { Channel, StreamState } from '../nats/channel.ts';
import { incarnationOfEpoch } from '../protocol/epoch-number.ts';
import type { EpochEntry, Exclusion, ServedState } from '../protocol/internal.ts';
import type { EpochLog } from './epoch-log.ts';
import { findRegressionOf, type LogRegression, rangesUpTo } from './log-regression.ts';
import type { BegunEpoch } from './model-epoch.ts';
import { type StoredState, sayMissing, startingMarks } from './starting-state.ts';

export interface EpochPlace {
  readonly model: string;
  readonly config: ModelConfig;
  readonly streamName: string;
  readonly channel: Channel;
  readonly store: CheckpointStore;
  readonly log: Logger;
  readonly faults: FaultPoints;
  readonly epochs: EpochLog;
  readonly paused: boolean;
}

/**
 * Once the entry is in the log the epoch has begun: learners of the one before find it there and end. So there is no
 * way back, and whatever else may fail comes first.
 */
async function beginEpoch(
  { epochs, paused }: EpochPlace,
  entry: EpochEntry,
  stream: StreamState,
  marks: Float64Array,
): Promise<BegunEpoch> {
  const anchor = await epochs.anchorAt(Math.min(...marks));
  const epoch = await epochs.append(entry);
  return { epoch, entry, stream, paused, anchor };
}

/** At a start: from the version that the pointer names, or the one before it. */
export async function resumeEpoch(
  place: EpochPlace,
  from: {
    readonly stored: StoredState | undefined;
    readonly pointer: Pointer | undefined;
    readonly stream: StreamState;
    /** More to be passed over. */
    readonly passOver?: readonly Exclusion[];
  },
): Promise<{ begun: BegunEpoch; marks: Float64Array; regression: LogRegression | undefined }> {
  const { model, config, streamName, channel, store, log, epochs } = place;
  const { stored, pointer, stream, passOver = [] } = from;
  const manifest = stored?.manifest;
  const skipTo = pointer?.skipTo ?? 0;
  const regression = await findRegressionOf(channel, store, streamName, stream, { manifest, pointer });
  const before = Math.max(incarnationOfEpoch(manifest?.epoch ?? 0), await epochs.incarnation());
  const incarnation = before + (regression === undefined ? 0 : 1);
  const reason = regression === undefined ? 'start' : 'regression';
  const start = { reason, manifest, skipTo, stream, incarnation, regression, passOver } as const;
  const entry = await epochs.entryFrom(start);
  const marks = startingMarks(keptMarks(config, manifest), skipTo, regression);
  const begun = await beginEpoch(place, entry, stream, marks);
  place.faults.reach('server.epochWritten');
  sayMissing(model, marks, stream, log);
  return { begun, marks, regression };
}

/**
 * Moves the pointer, then writes the epoch into the log. A process that dies in between starts from the pointer
 * and writes the entry then; one whose log cannot be written puts the pointer back.
 */
export async function rollbackEpoch(
  place: EpochPlace,
  to: {
    readonly stored: StoredState | undefined;
    readonly mode: 'continue' | 'relearn';
    readonly reason: EpochEntry['reason'];
    readonly served: ServedState;
  },
): Promise<{ begun: BegunEpoch; marks: Float64Array }> {
  const { model, config, streamName, channel, store, epochs } = place;
  const manifest = to.stored?.manifest;
  const before = await store.readPointer(model);
  const stream = await epochs.ensureStream();
  const skipTo = to.mode === 'continue' ? stream.lastSeq : 0;
  // Sequences of a version from before a loss are those of other events now.
  const regression = await findRegressionOf(channel, store, streamName, stream, { manifest });
  const incarnation = incarnationOfEpoch(to.served.epoch);
  const start = { reason: to.reason, manifest, skipTo, stream, incarnation, regression };
  const entry = await epochs.entryFrom(start);
  const kept = startingMarks(keptMarks(config, manifest), 0, regression);
  const marks = kept.map((mark) => Math.max(mark, skipTo));
  const anchor = await epochs.anchorAt(skipTo);
  const left = { ...(skipTo > 0 ? { skipTo } : {}), ...(anchor === undefined ? {} : { anchor }) };
  await store.writePointer(model, { version: entry.base, ...left });
  place.faults.reach('server.pointerMoved');
  try {
    return { begun: await beginEpoch(place, entry, stream, marks), marks };
  } catch (error) {
    await store.writePointer(model, before ?? { version: 0 });
    throw error;
  }
}

/** On the parameters in memory, on which nobody works meanwhile; what was lost of the log they still hold. */
export async function heldEpoch(
  place: EpochPlace,
  held: { readonly served: ServedState; readonly marks: Float64Array },
  how: {
    readonly reason: EpochEntry['reason'];
    readonly stream: StreamState;
    readonly exclusions: readonly Exclusion[];
    readonly regression: LogRegression | undefined;
  },
): Promise<{ begun: BegunEpoch; marks: Float64Array }> {
  const { epochs } = place;
  const { reason, stream, exclusions, regression } = how;
  const { epoch: before, version: base } = held.served;
  const marks = startingMarks(held.marks, 0, regression);
  const agreesTo = regression?.agreesTo ?? Number.POSITIVE_INFINITY;
  const lost = regression && ([agreesTo + 1, Math.max(...held.marks)] as const);
  const leftOut = rangesUpTo(held.served.leftOut, agreesTo);
  const incarnation = incarnationOfEpoch(before) + (regression === undefined ? 0 : 1);
  const from = { epoch: before, marks: held.marks };
  const entry = epochs.entryOf({ reason, base, from, skipTo: 0, leftOut, exclusions, incarnation, lost });
  return { begun: await beginEpoch(place, entry, stream, marks), marks };
}

const keptMarks = (config: ModelConfig, manifest: Manifest | undefined): ArrayLike<number> =>
  manifest?.stream.marks ?? new Float64Array(config.partitions);
