/** A replica of one epoch, connected: subscribed to the deltas of every shard and fetching their snapshots. */

import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel, Subscription } from '../nats/channel.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type { Delta, ServedState, SnapshotReply, SnapshotRequest } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';
import { Replica, type ReplicaShape } from './replica.ts';

export interface ReplicaFeedSettings {
  readonly channel: Channel;
  readonly subjects: Subjects;
  readonly model: string;
  readonly shape: ReplicaShape;
  readonly served: ServedState;
  readonly timeoutMs: number;
  readonly log: Logger;
}

export class ReplicaFeed {
  readonly replica: Replica;
  /** What this replica is a replica of; its version may rise while the epoch stays. */
  served: ServedState;
  readonly #subscriptions: Subscription[];
  #whenWhole: (() => void)[] = [];
  #closed = false;

  static open(settings: ReplicaFeedSettings, advanced: (feed: ReplicaFeed) => void): ReplicaFeed {
    return new ReplicaFeed(settings, advanced);
  }

  private constructor(settings: ReplicaFeedSettings, advanced: (feed: ReplicaFeed) => void) {
    const { channel, subjects, model, shape, served, timeoutMs, log } = settings;
    this.served = served;
    this.replica = new Replica(shape, {
      async fetch(shard, from) {
        const body = packInternal({ from } satisfies SnapshotRequest);
        const subject = subjects.shard(model, served.epoch, shard, 'snapshot');
        return unpackInternal<SnapshotReply>((await channel.request(subject, body, { timeoutMs })).data);
      },
      advanced: () => {
        if (this.replica.whole) this.#resolveWaiting();
        advanced(this);
      },
      failed: (shard, error) =>
        log.warn({ model, shard, reason: messageOf(error) }, 'no snapshot yet; trying again'),
    });
    this.#subscriptions = Array.from({ length: shape.shards }, (_, shard) =>
      channel.subscribe(subjects.delta(model, served.epoch, shard), (message) =>
        this.replica.delta(shard, unpackInternal<Delta>(message.data)),
      ),
    );
    this.replica.start();
  }

  /** Resolves when every shard's rows have been read once, or at close(). */
  whole(): Promise<void> {
    if (this.replica.whole || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#whenWhole.push(resolve));
  }

  close(): void {
    this.#closed = true;
    this.replica.close();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#resolveWaiting();
  }

  #resolveWaiting(): void {
    for (const resolve of this.#whenWhole.splice(0)) resolve();
  }
}
