/**
 * A predictor's copy of one epoch's parameters, fed by snapshots and deltas. For each shard:
 *
 *   syncing   the snapshot is fetched piece by piece; deltas that arrive meanwhile are kept, bounded
 *   live      deltas are applied as they come, each the successor of the last; a gap or a new source of deltas
 *             (the shard's thread was replaced) leads back to syncing
 *
 * Rows only ever move forward, so a replica that syncs again goes on answering from what it holds: `seq` stays
 * true, because later events may be in a row. A replica is whole once every shard has been live.
 */
import { assert } from '../base/assert.ts';
import { doublesOf, floatsOf, keysOf } from '../base/bytes.ts';
import { keyRangeOf } from '../base/key-range.ts';
import type { Delta, SnapshotReply } from '../protocol/internal.ts';

export interface ReplicaShape {
  readonly shards: number;
  readonly keyCount: number;
  readonly rowWidth: number;
}

export interface ReplicaOptions {
  /** Asks a shard for a piece of its snapshot. */
  fetch(shard: number, fromKey: number): Promise<SnapshotReply>;
  /** Called whenever `seq` may have moved, or the replica has become whole. */
  advanced(): void;
  /** A snapshot could not be had; it is tried again. */
  failed(shard: number, error: unknown): void;
}

interface ShardFeed {
  state: 'syncing' | 'live';
  source: string;
  number: number;
  seq: number;
  /** Deltas that wait for the snapshot. */
  readonly kept: Delta[];
  wasLive: boolean;
}

/**
 * Whether nothing is missing between what the feed holds and this delta. A heartbeat repeats the number of the last
 * delta and carries no rows: one with the next number says that a delta was lost.
 */
const follows = (feed: ShardFeed, { source, number, keys }: Delta): boolean =>
  source === feed.source && (number <= feed.number || (number === feed.number + 1 && keys.length > 0));

/** Deltas kept for one snapshot; beyond it the snapshot starts over. */
const keptMax = 8192;
const retryDelayMs = 50;

export class Replica {
  readonly table: Float32Array;
  readonly #shape: ReplicaShape;
  readonly #options: ReplicaOptions;
  readonly #feeds: ShardFeed[];
  /** (sequence, publish time) of messages that are not in every shard's rows yet, in order. */
  readonly #stamps: { seq: number; timeMs: number }[] = [];
  #closed = false;

  constructor(shape: ReplicaShape, options: ReplicaOptions) {
    this.#shape = shape;
    this.#options = options;
    this.table = new Float32Array(shape.keyCount * shape.rowWidth);
    this.#feeds = Array.from({ length: shape.shards }, () => ({
      state: 'syncing',
      source: '',
      number: 0,
      seq: 0,
      kept: [],
      wasLive: false,
    }));
  }

  /** Every event up to here is in every row. */
  get seq(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const feed of this.#feeds) if (feed.seq < lowest) lowest = feed.seq;
    return lowest;
  }

  get whole(): boolean {
    return this.#feeds.every((feed) => feed.wasLive);
  }

  /** Call after the deltas are subscribed to. */
  start(): void {
    for (let shard = 0; shard < this.#feeds.length; shard++) void this.#sync(shard);
  }

  close(): void {
    this.#closed = true;
  }

  delta(shard: number, delta: Delta): void {
    const feed = this.#feeds[shard]!;
    this.#keepStamps(delta);
    if (feed.state === 'syncing') {
      // One that is not kept leaves a gap, and the gap makes the snapshot start over.
      if (feed.kept.length < keptMax) feed.kept.push(delta);
      return;
    }
    if (follows(feed, delta)) {
      this.#apply(feed, delta);
      this.#options.advanced();
      return;
    }
    feed.state = 'syncing';
    feed.kept.length = 0;
    feed.kept.push(delta);
    void this.#sync(shard);
  }

  /** Publish times of the messages that have become part of every row since the last call. */
  takeVisible(): number[] {
    const seq = this.seq;
    let count = 0;
    while (count < this.#stamps.length && this.#stamps[count]!.seq <= seq) count++;
    return this.#stamps.splice(0, count).map((stamp) => stamp.timeMs);
  }

  #keepStamps(delta: Delta): void {
    if (delta.stamps === undefined || this.#stamps.length > keptMax) return;
    const stamps = doublesOf(delta.stamps);
    for (let i = 0; i + 1 < stamps.length; i += 2)
      this.#stamps.push({ seq: stamps[i]!, timeMs: stamps[i + 1]! });
  }

  #apply(feed: ShardFeed, delta: Delta): void {
    if (delta.number === feed.number + 1) this.#write(keysOf(delta.keys), floatsOf(delta.rows));
    feed.number = Math.max(feed.number, delta.number);
    feed.seq = Math.max(feed.seq, delta.seq);
  }

  async #sync(shard: number): Promise<void> {
    const feed = this.#feeds[shard]!;
    while (!this.#closed && feed.state === 'syncing') {
      try {
        if (await this.#syncOnce(shard, feed)) break;
      } catch (error) {
        this.#options.failed(shard, error);
      }
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
    }
    this.#options.advanced();
  }

  /** False when the pieces do not fit together and it must be tried again. */
  async #syncOnce(shard: number, feed: ShardFeed): Promise<boolean> {
    const first = await this.#options.fetch(shard, 0);
    let last = first;
    this.#writePiece(shard, 0, first);
    while (last.next !== undefined && !this.#closed) {
      const from = last.next;
      last = await this.#options.fetch(shard, from);
      if (last.source !== first.source) return false;
      this.#writePiece(shard, from, last);
    }
    feed.source = first.source;
    feed.number = first.number;
    feed.seq = Math.max(feed.seq, first.seq);
    for (const delta of feed.kept.splice(0)) {
      if (!follows(feed, delta)) return false;
      this.#apply(feed, delta);
    }
    // Pieces read after the first hold newer rows; the deltas up to the last piece make the others as new.
    if (feed.number < last.number) return false;
    feed.state = 'live';
    feed.wasLive = true;
    return true;
  }

  /** A piece holds all rows from its first key to the next piece's that are not zero: one that it leaves out is zero by now. */
  #writePiece(shard: number, from: number, piece: SnapshotReply): void {
    const { shards, keyCount, rowWidth } = this.#shape;
    const { start, end } = keyRangeOf(shard, shards, keyCount);
    this.table.fill(0, Math.max(from, start) * rowWidth, (piece.next ?? end) * rowWidth);
    this.#write(keysOf(piece.keys), floatsOf(piece.rows));
  }

  #write(keys: Uint32Array, rows: Float32Array): void {
    const { rowWidth } = this.#shape;
    assert(rows.length === keys.length * rowWidth, 'rows come one for each key');
    for (let i = 0; i < keys.length; i++) {
      const to = keys[i]! * rowWidth;
      for (let slot = 0; slot < rowWidth; slot++) this.table[to + slot] = rows[i * rowWidth + slot]!;
    }
  }
}
