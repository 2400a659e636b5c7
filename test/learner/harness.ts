/** A learner as actors/learner.ts puts it together, and shards for it, over a channel in memory. */
import { parseConfig } from '../../config/load.ts';
import type { ModelConfig, ModelInput } from '../../config/schema.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { viewOf } from '../../src/kernels/online-model.ts';
import { BatchBuilder } from '../../src/learner/batch-builder.ts';
import { EntryQueue } from '../../src/learner/entry-queue.ts';
import { Learner } from '../../src/learner/learner.ts';
import { ShardClient } from '../../src/learner/shard-client.ts';
import { firstSequence, takeOver } from '../../src/learner/take-over.ts';
import { WorkBoard } from '../../src/learner/work-board.ts';
import type { LogEntry } from '../../src/nats/channel.ts';
import { unpackInternal } from '../../src/protocol/codec.ts';
import type { CutRequest } from '../../src/protocol/internal.ts';
import type { RejectedEvent } from '../../src/protocol/messages.ts';
import { createShardBuffers } from '../../src/shard/memory.ts';
import { shardShapes } from '../../src/topology.ts';
import { model, type RunningShard, runShard, subjects } from '../shard/row-of-shards.ts';
import type { MemoryChannel } from '../support/memory-channel.ts';

export function configOf(input: ModelInput): ModelConfig {
  const limits = { featuresMax: 16, featuresPerMessageMax: 1024, eventsPerMessageMax: 64 };
  const features = { bits: 8 };
  const models = { m: { partitions: 8, optimizer: { name: 'ftrl' }, features, limits, ...input } };
  return parseConfig(JSON.stringify({ models }), 'test').models.m!;
}

export function runShards(channel: MemoryChannel, config: ModelConfig): RunningShard[] {
  return shardShapes(config).map((shape) => runShard(channel, shape));
}

/** The next life of a shard, on the memory of the one before. */
export function nextLife(channel: MemoryChannel, config: ModelConfig, before: RunningShard): RunningShard {
  before.stop();
  const { rows, ledger, recentIds, staging } = before.shard.memory;
  const buffers = {
    rows: rows.buffer as SharedArrayBuffer,
    ledger: ledger.marks.buffer as SharedArrayBuffer,
    recentIds: recentIds.buffer as SharedArrayBuffer,
    staging: staging.map((area) => area.head.buffer as SharedArrayBuffer),
  };
  const { shard, layout } = before.shard.memory.shape;
  if (buffers.rows.byteLength !== createShardBuffers(before.shard.memory.shape).rows.byteLength)
    throw new Error(`shard ${shard} of ${layout.keyCount} keys has other memory`);
  return runShard(channel, shardShapes(config)[shard]!, buffers, `${before.feed.source}+`);
}

/** Where nothing is lost, no request shall be repeated because a busy machine was slow. */
const patientMs = 5_000;
/** Where messages get lost, repeating them soon keeps a test short. */
export const impatientMs = 30;

export const clientOf = (
  channel: MemoryChannel,
  config: ModelConfig,
  { learner = 0, life = 1, timeoutMs = impatientMs } = {},
): ShardClient => {
  const { keyCount, width: rowWidth } = buildModel(config).model.layout;
  const { shards } = config.actors;
  const identity = { learner, life };
  return new ShardClient(channel, subjects, {
    model,
    epoch: 1,
    shards,
    keyCount,
    rowWidth,
    identity,
    timeoutMs,
  });
};

export interface RunningLearner {
  readonly loop: Learner;
  readonly queue: EntryQueue;
  readonly shards: ShardClient;
  readonly rejected: RejectedEvent[];
  /** First sequence that it wants to read. */
  readonly first: number;
  readonly done: Promise<void>;
  feed(entries: readonly LogEntry[]): void;
  stop(): Promise<void>;
}

export async function runLearner(
  channel: MemoryChannel,
  config: ModelConfig,
  {
    learner = 0,
    life = 1,
    timeoutMs = patientMs,
    paused = false,
    queued = [] as readonly LogEntry[],
    /** Until this resolves, what was refused is not durable. */
    durable = async () => {},
    board = new WorkBoard(),
  } = {},
): Promise<RunningLearner> {
  const built = buildModel(config);
  const { learners } = config.actors;
  const shards = clientOf(channel, config, { learner, life, timeoutMs });
  const { marks, sums } = await takeOver(shards);
  const queue = new EntryQueue(10_000, 1e9);
  const rejected: RejectedEvent[] = [];
  const { eventsMax } = config.batch;
  const place = { model, task: config.task, partitions: config.partitions, learner, learners };
  const loop = new Learner({
    definition: built.definition,
    model: built.model,
    modelName: model,
    learners,
    shards,
    builder: new BatchBuilder(
      { ...place, ...config.limits, eventsMax, recentIdsMax: config.dedupe.idsMax },
      built.featurizer,
      marks,
      undefined,
      board,
    ),
    queue,
    board,
    recentIdsMax: config.dedupe.idsMax,
    keepRejected: async (events) => {
      rejected.push(...events);
      await durable();
    },
    gapFound: () => undefined,
    sums,
    paused,
  });
  const first = firstSequence(marks, learner, learners);
  const feed = (entries: readonly LogEntry[]) => {
    for (const entry of entries) if (entry.seq >= first) queue.push(entry);
  };
  feed(queued);
  const cuts = channel.subscribe(subjects.learners(model, 1, 'cut'), ({ data }) =>
    loop.cut(unpackInternal<CutRequest>(data).cut),
  );
  const done = loop.run();
  done.catch(() => undefined);
  const stop = () => {
    cuts.unsubscribe();
    loop.stop();
    return done;
  };
  return { loop, queue, shards, rejected, first, done, feed, stop };
}

/** Rows of all shards in one table. */
export const tableOf = (shards: readonly RunningShard[]): number[] =>
  shards.flatMap(({ shard }) => Array.from(shard.memory.rows));

/** The sequential loop over the whole table: what the parameters must be. */
export function plainTable(
  config: ModelConfig,
  events: readonly { features: object; label: number; time?: number }[],
): number[] {
  const { model: linear, featurizer } = buildModel(config);
  const table = new Float32Array(linear.layout.keyCount * linear.layout.width);
  const vector = featurizer.vector();
  for (const { features, label, time } of events) {
    featurizer.featurize(features, vector);
    linear.learn(table, viewOf(vector, time), label, 1);
  }
  return Array.from(table);
}

/** Events that share features, so that their order counts. */
export const eventOf = (n: number) => ({
  features: { a: `v${n % 7}`, x: (n % 11) / 4, b: `w${n % 3}` },
  label: n % 3 === 0 ? 1 : 0,
});
