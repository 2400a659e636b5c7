/** When deltas are published: at once after a quiet time, else at most once in an interval. */
import type { Delta } from '../protocol/internal.ts';
import type { DeltaFeed } from './delta-feed.ts';
import type { Shard } from './shard.ts';

export interface DeltaPublisher {
  /** Something was committed. */
  soon(): void;
  /** Publishes what replicas have not heard, or a heartbeat when there is nothing. */
  now(): void;
}

export function deltaPublisher(
  shard: Shard,
  feed: DeltaFeed,
  intervalMs: number,
  publish: (delta: Delta) => void,
): DeltaPublisher {
  let publishedAtMs = 0;
  let planned: (() => void) | undefined;
  const now = () => {
    // Nothing stays planned, so that after the last call of a life nothing more is published.
    planned?.();
    planned = undefined;
    publishedAtMs = performance.now();
    const deltas = feed.collect(shard);
    for (const delta of deltas) publish(delta);
    // Marks may move without rows: entries that were another learner's, or all refused.
    if (deltas.length === 0) publish(feed.heartbeat(shard));
  };
  const soon = () => {
    if (planned !== undefined) return;
    const waitMs = intervalMs - (performance.now() - publishedAtMs);
    planned = waitMs > 0 ? later(now, waitMs) : immediately(now);
  };
  return { now, soon };
}

/** Both return what takes the plan back. */
function later(act: () => void, waitMs: number): () => void {
  const timer = setTimeout(act, waitMs);
  return () => clearTimeout(timer);
}

function immediately(act: () => void): () => void {
  const immediate = setImmediate(act);
  return () => clearImmediate(immediate);
}
