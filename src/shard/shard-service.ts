/**
 * A shard's answers to its four kinds of askers, verb by verb: learners (which a cut may hold back), replicas,
 * the checkpointer, the monitor. Bytes in, bytes out; who carries them is the actor's business.
 */
import { bytesOf, doublesOf, floatsOf, keysOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import { sumCount } from '../model/metrics.ts';
import type * as wire from '../protocol/internal.ts';
import { CutBarrier } from './cut.ts';
import type { DeltaFeed } from './delta-feed.ts';
import { chunkBytesMax, type RowChunk } from './row-chunks.ts';
import type { Shard } from './shard.ts';

/** Request verbs of a shard's subjects, and what answers each. */
export type ShardVerbs = Readonly<Record<string, (body: never) => object | Promise<object>>>;

export class ShardService {
  readonly #shard: Shard;
  readonly #feed: DeltaFeed;
  readonly #barrier: CutBarrier;
  /** Something was committed: replicas should hear of it. */
  readonly #committed: () => void;
  /** Stamps of staged batches, until their commit. */
  readonly #stagedStamps = new Map<number, Float64Array>();

  constructor(shard: Shard, feed: DeltaFeed, committed: () => void) {
    this.#shard = shard;
    this.#feed = feed;
    this.#committed = committed;
    this.#barrier = new CutBarrier(shard.memory.shape.learners);
  }

  readonly verbs: ShardVerbs = {
    hello: (body: wire.HelloRequest) => this.#inTurn(body, () => this.#hello(body)),
    pull: (body: wire.PullRequest) => this.#inTurn(body, () => this.#pull(body)),
    ids: (body: wire.IdsRequest) => this.#inTurn(body, () => this.#ids(body)),
    push: (body: wire.PushRequest) => this.#inTurn(body, () => this.#push(body)),
    commit: (body: wire.CommitRequest) => this.#inTurn(body, () => this.#commit(body, body.toSeq)),
    drop: (body: wire.DropRequest) => this.#inTurn(body, () => this.#drop(body)),
    marker: (body: wire.MarkerRequest) => this.#inTurn(body, () => this.#marker(body)),
    snapshot: (body: wire.SnapshotRequest) => this.#snapshot(body),
    openCut: (body: wire.OpenCutRequest) => this.#openCut(body),
    image: ({ cut, from, touched }: wire.ImageRequest) => bytesOfChunk(this.#shard.image(cut, from, touched)),
    blob: (body: wire.BlobRequest) => this.#blob(body),
    closeCut: (body: wire.CloseCutRequest) => this.#closeCut(body),
  };

  /** A learner that is past its marker waits for the cut. */
  #inTurn({ learner }: wire.LearnerIdentity, act: () => object): Promise<object> {
    return new Promise((resolve, reject) => {
      this.#barrier.pass(learner, () => {
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #hello(who: wire.HelloRequest): wire.HelloReply {
    const { marks, totals, anchors } = this.#shard.memory.ledger;
    const sums = bytesOf(totals.slice(0, sumCount));
    return {
      ...this.#shard.hello(who),
      marks: bytesOf(marks.slice()),
      sums,
      anchors: bytesOf(anchors.slice()),
    };
  }

  #pull(body: wire.PullRequest): wire.PullReply {
    if (body.commit > 0) this.#commit(body, body.commit);
    return { rows: bytesOf(this.#shard.pull(body, keysOf(body.keys))) };
  }

  #ids(body: wire.IdsRequest): wire.IdsReply {
    if (body.commit > 0) this.#commit(body, body.commit);
    const { added, at, places } = this.#shard.knownIds(body, keysOf(body.ids));
    return { added, at: bytesOf(Uint32Array.from(at)), places: bytesOf(Float64Array.from(places)) };
  }

  #push({ keys, rows, ids, ...body }: wire.PushRequest): object {
    const arrays = { keys: keysOf(keys), rows: floatsOf(rows) };
    this.#shard.push(body, { ...body, ...arrays, ...(ids === undefined ? {} : { ids: keysOf(ids) }) });
    if (body.tally?.stamps !== undefined) this.#stagedStamps.set(body.learner, doublesOf(body.tally.stamps));
    return {};
  }

  #commit(who: wire.LearnerIdentity, toSeq: number): object {
    if (!this.#shard.commit(who, toSeq)) return {};
    this.#feed.committed(this.#stagedStamps.get(who.learner));
    this.#stagedStamps.delete(who.learner);
    this.#committed();
    return {};
  }

  #drop(who: wire.DropRequest): object {
    this.#shard.drop(who);
    this.#stagedStamps.delete(who.learner);
    return {};
  }

  /** A late marker of an earlier life would say that the present one is at a place between two batches. */
  #marker({ cut, ...who }: wire.MarkerRequest): object {
    this.#shard.admit(who);
    this.#barrier.marker(cut, who.learner);
    return {};
  }

  #snapshot({ from }: wire.SnapshotRequest): wire.SnapshotReply {
    const { source, number } = this.#feed;
    return { source, number, seq: this.#shard.seq, ...bytesOfChunk(this.#shard.snapshot(from)) };
  }

  /** Answers when every learner's marker is in and the rows are held still. */
  #openCut({ cut, timeoutMs }: wire.OpenCutRequest): Promise<wire.OpenCutReply> {
    return new Promise((resolve, reject) => {
      const late = new MillraceError(
        'deadline',
        `cut ${cut}: not every learner came by within ${timeoutMs} ms`,
      );
      const timer = setTimeout(() => this.#barrier.abandon(cut, late), timeoutMs);
      this.#barrier.open(cut, (error) => {
        clearTimeout(timer);
        if (error !== undefined) return reject(error);
        const blobs = this.#shard.freeze(cut);
        const { marks, totals, anchors } = this.#shard.memory.ledger;
        const { counts } = this.#shard;
        resolve({
          marks: bytesOf(marks.slice()),
          anchors: bytesOf(anchors.slice()),
          ...counts,
          totals: bytesOf(totals.slice()),
          countedFrom: this.#shard.countedFrom,
          blobs,
        });
      });
    });
  }

  #blob({ cut, name, from }: wire.BlobRequest): wire.BlobReply {
    const all = this.#shard.blob(cut, name);
    const next = from + chunkBytesMax;
    return { bytes: all.subarray(from, next), ...(next < all.byteLength ? { next } : {}) };
  }

  /** A cut that failed on another shard must not hold the learners here any longer. */
  #closeCut({ cut, version }: wire.CloseCutRequest): wire.CloseCutReply {
    this.#barrier.abandon(cut, new MillraceError('conflict', `cut ${cut} was closed`));
    return { keptBytes: this.#shard.thaw(cut, version) };
  }
}

const bytesOfChunk = ({ keys, rows, next }: RowChunk): wire.ImageReply => ({
  keys: bytesOf(keys),
  rows: bytesOf(rows),
  ...(next === undefined ? {} : { next }),
});
