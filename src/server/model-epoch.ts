/**
 * The parameters that an epoch works on: those of a version, loaded into new memory, or those in memory already,
 * which the epoch before worked on.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { createBoardBuffer, WorkBoard } from '../learner/work-board.ts';
import { unpackTotals } from '../model/stored-totals.ts';
import type { StreamState } from '../nats/channel.ts';
import type { EpochEntry } from '../protocol/internal.ts';
import type { LogAnchor } from '../protocol/log-anchor.ts';
import { openShardMemory, type ShardMemory } from '../shard/memory.ts';
import { settleMemory } from '../shard/settle.ts';
import { type ModelEpoch, shardShapes } from '../topology.ts';
import { loadParameters, setAnchor } from './parameters.ts';
import type { Suspects } from './poison-search.ts';
import type { StoredState } from './starting-state.ts';

/** What an epoch takes from its model's host. */
export interface EpochHost {
  readonly model: string;
  readonly config: ModelConfig;
  readonly streamName: string;
  readonly owner: number;
}

export interface BegunEpoch {
  readonly epoch: number;
  readonly entry: EpochEntry;
  readonly stream: StreamState;
  readonly paused: boolean;
  /** Entry of the log at the marks. */
  readonly anchor: LogAnchor | undefined;
}

/** Version `stored`, or the empty model, with these marks. */
export function loadedEpoch(
  { model, config, streamName, owner }: EpochHost,
  { epoch, entry, stream, paused, anchor }: BegunEpoch,
  stored: StoredState | undefined,
  marks: Float64Array,
  suspects?: readonly Suspects[],
): ModelEpoch {
  const shapes = shardShapes(config);
  const totals = stored?.manifest.totals ?? [];
  return {
    model,
    config,
    entry,
    served: { epoch, version: entry.base, leftOut: entry.leftOut },
    shapes,
    buffers: loadParameters(shapes, {
      version: entry.base,
      images: stored?.images ?? [],
      blobs: stored?.blobs ?? {},
      marks,
      totals,
      anchor,
    }),
    boards: boardsFor(config, suspects),
    stream: { name: streamName, created: stream.created },
    owner,
    learned: unpackTotals(totals).counts.learned,
    paused,
  };
}

/** `suspects`: with which each learner is to be careful. */
const boardsFor = ({ actors }: ModelConfig, suspects: readonly Suspects[] = []): SharedArrayBuffer[] =>
  Array.from({ length: actors.learners }, (_, learner) => {
    const buffer = createBoardBuffer();
    const { from = 0, to = 0 } = suspects[learner] ?? {};
    new WorkBoard(buffer).reset(from, to);
    return buffer;
  });

/** Brings the memory to one state and returns it; nobody else may work on it meanwhile. */
export function settledMemory({ shapes, buffers }: ModelEpoch): ShardMemory[] {
  const memories = shapes.map((shape, shard) => openShardMemory(shape, buffers[shard]!));
  settleMemory(memories);
  return memories;
}

/** The next epoch on the settled memory of the one before. */
export function continuedEpoch(
  before: ModelEpoch,
  memories: readonly ShardMemory[],
  { epoch, entry, stream, paused, anchor }: BegunEpoch,
  marks: Float64Array,
): ModelEpoch {
  for (const memory of memories) {
    const { ledger } = memory;
    ledger.marks.set(marks);
    if (entry.lost !== undefined) setAnchor(memory, anchor);
    // A batch of this epoch may end at a sequence at which one of the epoch before has ended.
    ledger.committedTo.fill(0);
  }
  return {
    ...before,
    entry,
    served: { epoch, version: before.served.version, leftOut: entry.leftOut },
    boards: boardsFor(before.config),
    stream: { ...before.stream, created: stream.created },
    paused,
  };
}
