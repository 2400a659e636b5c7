/**
 * The shard actor: a thread that owns one range of a model's parameters for one epoch. It answers learners,
 * predictors and the checkpointer, and publishes what changed. The memory is its process's: when this thread dies
 * the next one opens the same memory and goes on (src/shard).
 */
import { randomUUID } from 'node:crypto';
import { bytesOf } from '../src/base/bytes.ts';
import { answerRequests } from '../src/protocol/answering.ts';
import { packInternal } from '../src/protocol/codec.ts';
import type { Delta, ShardReport } from '../src/protocol/internal.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import type { ActorContext, RunningActor } from '../src/runtime/actor.ts';
import { actorThread } from '../src/runtime/thread.ts';
import { DeltaFeed } from '../src/shard/delta-feed.ts';
import { deltaPublisher } from '../src/shard/delta-publisher.ts';
import { openShardMemory, type ShardBuffers, type ShardShape } from '../src/shard/memory.ts';
import { Shard } from '../src/shard/shard.ts';
import { ShardService } from '../src/shard/shard-service.ts';

export interface ShardSettings {
  readonly root: string;
  readonly model: string;
  readonly epoch: number;
  readonly shape: ShardShape;
  readonly buffers: ShardBuffers;
  readonly deltaIntervalMs: number;
  readonly heartbeatMs: number;
  readonly reportMs: number;
}

export async function shardActor(context: ActorContext<ShardSettings>): Promise<RunningActor> {
  const { channel, settings, fail } = context;
  const { model, epoch, shape, buffers, deltaIntervalMs } = settings;
  const subjects = subjectsOf(settings.root);
  const shard = new Shard(openShardMemory(shape, buffers), undefined, context.faults);
  const feed = new DeltaFeed(randomUUID());
  const publish = (delta: Delta) =>
    channel.publish(subjects.delta(model, epoch, shape.shard), packInternal(delta));
  const deltas = deltaPublisher(shard, feed, deltaIntervalMs, publish);
  const service = new ShardService(shard, feed, deltas.soon);
  const subscriptions = Object.entries(service.verbs).map(([verb, act]) =>
    answerRequests(channel, subjects.shard(model, epoch, shape.shard, verb), act, fail),
  );
  const heartbeat = setInterval(deltas.now, settings.heartbeatMs);
  // Every shard holds the counts; the sums are with the first.
  const report = setInterval(() => {
    if (shape.shard === 0)
      channel.publish(subjects.report('shard', model), packInternal(reportOf(settings, shard)));
  }, settings.reportMs);
  await channel.flush();
  return {
    async stop() {
      clearInterval(heartbeat);
      clearInterval(report);
      await Promise.all(subscriptions.map((subscription) => subscription.drain()));
      deltas.now();
    },
  };
}

function reportOf({ model, epoch }: ShardSettings, { seq, counts, memory: { ledger } }: Shard): ShardReport {
  return { kind: 'shard', model, epoch, seq, ...counts, totals: bytesOf(ledger.totals.slice()) };
}

export default actorThread(shardActor);
