/**
 * A learner's view of the shards: hello, pull, push and commit on all of them at once, each key at its owner,
 * in messages that fit. Every request is repeated until it is answered, because every one of them may be: a
 * shard that restarts or a connection that drops costs time and nothing else. A refusal is final.
 */
import { bytesOf, doublesOf, floatsOf, keysOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import { type FaultPoint, type FaultPoints, noFaults } from '../base/fault-points.ts';
import { rangeWidth } from '../base/key-range.ts';
import type { Channel } from '../nats/channel.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type {
  BatchTally,
  CommitRequest,
  HelloReply,
  HelloRequest,
  IdsReply,
  IdsRequest,
  LearnerIdentity,
  MarkerRequest,
  PullReply,
  PullRequest,
  PushRequest,
} from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';
import type { KnownIds } from '../shard/recent-ids.ts';
import { chunkRowsMax } from '../shard/row-chunks.ts';

export interface ShardClientSettings {
  readonly model: string;
  readonly epoch: number;
  readonly shards: number;
  readonly keyCount: number;
  readonly rowWidth: number;
  readonly identity: LearnerIdentity;
  readonly timeoutMs: number;
  readonly faults?: FaultPoints;
}

/** The rows of a batch by owner: for each shard the numbers of its rows in the batch, and their keys. */
export interface ShardRows {
  readonly numbers: Uint32Array;
  readonly keys: Uint32Array;
}

export interface ShardGreeting {
  readonly committedTo: number;
  readonly stagedTo: number;
  readonly marks: Float64Array;
  readonly sums: Float64Array;
  readonly anchors: Float64Array;
}

/** Numbers of ids in one message, two for each: so that it fits beside rows and tally of the largest batch. */
const idsAskedMax = 2 * 32_768;
const idsPushedMax = 2 * 8_192;
const noIds = new Uint32Array(0);

export class ShardClient {
  readonly #channel: Channel;
  readonly #subjects: Subjects;
  readonly #settings: ShardClientSettings;
  #closed = false;

  constructor(channel: Channel, subjects: Subjects, settings: ShardClientSettings) {
    this.#channel = channel;
    this.#subjects = subjects;
    this.#settings = settings;
  }

  /** After this no request is repeated any more. */
  close(): void {
    this.#closed = true;
  }

  /** Distributes a batch's keys to their owners. */
  split(keys: Uint32Array): ShardRows[] {
    const { shards, keyCount } = this.#settings;
    const width = rangeWidth(keyCount, shards);
    const counts = new Uint32Array(shards);
    for (const key of keys) counts[Math.floor(key / width)]!++;
    const parts = Array.from(counts, (count) => ({
      numbers: new Uint32Array(count),
      keys: new Uint32Array(count),
    }));
    counts.fill(0);
    for (let number = 0; number < keys.length; number++) {
      const shard = Math.floor(keys[number]! / width);
      const at = counts[shard]!++;
      parts[shard]!.numbers[at] = number;
      parts[shard]!.keys[at] = keys[number]!;
    }
    return parts;
  }

  async hello(): Promise<ShardGreeting[]> {
    const body: HelloRequest = { ...this.#settings.identity };
    const replies = await this.#all(() => body, 'hello');
    return replies.map((data) => {
      const reply = unpackInternal<HelloReply>(data);
      const [marks, sums, anchors] = [reply.marks, reply.sums, reply.anchors].map(doublesOf);
      return { ...reply, marks: marks!, sums: sums!, anchors: anchors! };
    });
  }

  /** Commits the batch before (0: none) and fills the working set; all shards hear of the commit. */
  async pull(parts: readonly ShardRows[], commitTo: number, table: Float32Array): Promise<void> {
    await Promise.all(parts.map((part, shard) => this.#pullShard(shard, part, commitTo, table)));
  }

  async #pullShard(shard: number, part: ShardRows, commitTo: number, table: Float32Array): Promise<void> {
    const { rowWidth, identity } = this.#settings;
    const rowsMax = chunkRowsMax(rowWidth);
    let commit = commitTo;
    let start = 0;
    if (commit > 0) await this.#after(shard, 'learner.betweenCommits');
    do {
      const keys = part.keys.subarray(start, start + rowsMax);
      const body: PullRequest = { ...identity, commit, keys: bytesOf(keys) };
      const reply = unpackInternal<PullReply>(await this.#request(shard, 'pull', body));
      const rows = floatsOf(reply.rows);
      for (let i = 0; i < keys.length; i++) {
        const to = part.numbers[start + i]! * rowWidth;
        for (let slot = 0; slot < rowWidth; slot++) table[to + slot] = rows[i * rowWidth + slot]!;
      }
      // The commit rides on the first piece only.
      commit = 0;
      start += rowsMax;
    } while (start < part.keys.length);
  }

  /** Asks shard 0 which of the ids were learned lately, after the commit of the batch before (0: none). */
  async knownIds(ids: Uint32Array, commitTo: number): Promise<KnownIds> {
    const known: KnownIds = { added: 0, at: [], places: [] };
    let added = 0;
    for (let from = 0; from < ids.length; from += idsAskedMax) {
      const asked = bytesOf(ids.subarray(from, from + idsAskedMax));
      const body: IdsRequest = { ...this.#settings.identity, commit: commitTo, ids: asked };
      const reply = unpackInternal<IdsReply>(await this.#request(0, 'ids', body));
      added = reply.added;
      for (const at of keysOf(reply.at)) known.at.push(from / 2 + at);
      known.places.push(...doublesOf(reply.places));
    }
    return { ...known, added };
  }

  /** Stages the batch on every shard; the tally's shard-0 parts, and the ids of learned events, go to shard 0 only. */
  async push(
    parts: readonly ShardRows[],
    table: Float32Array,
    toSeq: number,
    tally: BatchTally,
    learnedIds: Uint32Array = noIds,
  ): Promise<void> {
    const { sums: _sums, buckets: _buckets, stamps: _stamps, ...elsewhere } = tally;
    await Promise.all(
      parts.map((part, shard) => {
        const more = shard === 0 ? { tally, ids: learnedIds } : { tally: elsewhere, ids: noIds };
        return this.#pushShard(shard, part, table, toSeq, more);
      }),
    );
  }

  async #pushShard(
    shard: number,
    rowsOfShard: ShardRows,
    table: Float32Array,
    toSeq: number,
    { tally, ids }: { readonly tally: BatchTally; readonly ids: Uint32Array },
  ): Promise<void> {
    const { rowWidth, identity } = this.#settings;
    const rowsMax = chunkRowsMax(rowWidth);
    const idParts = Math.ceil(ids.length / idsPushedMax);
    const parts = Math.max(1, Math.ceil(rowsOfShard.keys.length / rowsMax), idParts);
    await this.#after(shard, 'learner.betweenStages');
    for (let part = 0; part < parts; part++) {
      const from = part * rowsMax;
      const keys = rowsOfShard.keys.subarray(from, from + rowsMax);
      const rows = new Float32Array(keys.length * rowWidth);
      for (let i = 0; i < keys.length; i++) {
        const at = rowsOfShard.numbers[from + i]! * rowWidth;
        for (let slot = 0; slot < rowWidth; slot++) rows[i * rowWidth + slot] = table[at + slot]!;
      }
      const body: PushRequest = { ...identity, toSeq, part, parts, keys: bytesOf(keys), rows: bytesOf(rows) };
      const last = part + 1 === parts;
      const idsOfPart = ids.subarray(part * idsPushedMax, (part + 1) * idsPushedMax);
      const more = idsOfPart.length === 0 ? {} : { ids: bytesOf(idsOfPart) };
      await this.#request(shard, 'push', { ...body, ...more, ...(last ? { tally } : {}) });
    }
  }

  async commit(toSeq: number): Promise<void> {
    const body: CommitRequest = { ...this.#settings.identity, toSeq };
    await this.#all(() => body, 'commit', 'learner.betweenCommits');
  }

  async commitOn(shard: number, toSeq: number): Promise<void> {
    await this.#request(shard, 'commit', { ...this.#settings.identity, toSeq } satisfies CommitRequest);
  }

  async drop(): Promise<void> {
    const body = { ...this.#settings.identity };
    await this.#all(() => body, 'drop');
  }

  async marker(cut: string): Promise<void> {
    const body: MarkerRequest = { ...this.#settings.identity, cut };
    await this.#all(() => body, 'marker', 'learner.betweenMarkers');
  }

  #all(bodyOf: (shard: number) => object, verb: string, between?: FaultPoint): Promise<Uint8Array[]> {
    const shards = Array.from({ length: this.#settings.shards }, (_, shard) => shard);
    return Promise.all(
      shards.map(async (shard) => {
        if (between !== undefined) await this.#after(shard, between);
        return this.#request(shard, verb, bodyOf(shard));
      }),
    );
  }

  /** The place after the first shard was sent something, and before any other is. */
  #after(shard: number, between: FaultPoint): Promise<void> | undefined {
    const { faults = noFaults } = this.#settings;
    return shard === 0 ? undefined : faults.pass(between);
  }

  async #request(shard: number, verb: string, body: object): Promise<Uint8Array> {
    const { model, epoch, timeoutMs } = this.#settings;
    const subject = this.#subjects.shard(model, epoch, shard, verb);
    const data = packInternal(body);
    for (;;) {
      try {
        return (await this.#channel.request(subject, data, { timeoutMs })).data;
      } catch (error) {
        if (this.#closed || !isPassing(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
      }
    }
  }
}

/** Between two tries at a shard that is restarting. */
const retryDelayMs = 20;

const isPassing = (error: unknown): boolean =>
  error instanceof MillraceError && (error.kind === 'notReady' || error.kind === 'deadline');
