/** Real shards behind a channel in memory: what actors/shard.ts does, without threads. */
import { answerRequests } from '../../src/protocol/answering.ts';
import { packInternal } from '../../src/protocol/codec.ts';
import type { Delta } from '../../src/protocol/internal.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { DeltaFeed } from '../../src/shard/delta-feed.ts';
import { createShardBuffers, openShardMemory, type ShardShape } from '../../src/shard/memory.ts';
import type { Blobs } from '../../src/shard/recent-ids.ts';
import { Shard } from '../../src/shard/shard.ts';
import { ShardService } from '../../src/shard/shard-service.ts';
import type { MemoryChannel } from '../support/memory-channel.ts';

export const subjects = subjectsOf('test');
export const model = 'm';

export interface RunningShard {
  readonly shard: Shard;
  readonly feed: DeltaFeed;
  /** Verbs answered, in order. */
  readonly heard: { readonly verb: string; readonly body: Record<string, unknown> }[];
  readonly broken: unknown[];
  /** Publishes what replicas have not heard, or a heartbeat. */
  publish(): void;
  stop(): void;
}

export function runShard(
  channel: MemoryChannel,
  shape: ShardShape,
  buffers = createShardBuffers(shape),
  source = 'first',
  epoch = 1,
  blobsNow: () => Blobs = () => ({}),
): RunningShard {
  const shard = new Shard(openShardMemory(shape, buffers), blobsNow);
  const feed = new DeltaFeed(source);
  const heard: RunningShard['heard'] = [];
  const broken: unknown[] = [];
  const send = (delta: Delta) =>
    channel.publish(subjects.delta(model, epoch, shape.shard), packInternal(delta));
  const publish = () => {
    const deltas = feed.collect(shard);
    for (const delta of deltas) send(delta);
    if (deltas.length === 0) send(feed.heartbeat(shard));
  };
  const service = new ShardService(shard, feed, () => undefined);
  const subscriptions = Object.entries(service.verbs).map(([verb, act]) =>
    answerRequests<never>(
      channel,
      subjects.shard(model, epoch, shape.shard, verb),
      (body) => {
        heard.push({ verb, body });
        return act(body);
      },
      (error) => broken.push(error),
    ),
  );
  const stop = () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
  return { shard, feed, heard, broken, publish, stop };
}
