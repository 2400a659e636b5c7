/**
 * The checkpointer's view of the shards: opens a cut on all of them, has the learners send their markers, and
 * reads each shard's still picture piece by piece.
 */

import { assert } from '../base/assert.ts';
import { doublesOf, floatsOf, keysOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import { keyRangeOf } from '../base/key-range.ts';
import type { ShardImage } from '../checkpoint/store.ts';
import type { Channel } from '../nats/channel.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type {
  BlobReply,
  BlobRequest,
  CloseCutReply,
  CloseCutRequest,
  Counts,
  CutRequest,
  ImageReply,
  ImageRequest,
  OpenCutReply,
  OpenCutRequest,
} from '../protocol/internal.ts';
import { anchorsFrom, type LogAnchor } from '../protocol/log-anchor.ts';
import type { Subjects } from '../protocol/subjects.ts';

export interface CutSettings {
  readonly model: string;
  readonly epoch: number;
  readonly shards: number;
  readonly keyCount: number;
  readonly rowWidth: number;
  readonly cutTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** What all shards agree on at the cut. */
export interface CutState extends Counts {
  readonly marks: Float64Array;
  readonly totals: Float64Array;
  /** Last entries in the rows, one for each learner that has learned. */
  readonly anchors: readonly LogAnchor[];
  /** Names of the blobs that each shard has. */
  readonly blobs: readonly (readonly string[])[];
  /** Version from which each shard counts touched rows. */
  readonly countedFrom: readonly number[];
}

const askAgainMs = 300;
const imageBytesMax = 16 * 1024 * 1024;

interface Piece {
  readonly keys: Uint32Array;
  readonly rows: Float32Array;
}

export class CutClient {
  readonly #channel: Channel;
  readonly #subjects: Subjects;
  readonly #settings: CutSettings;

  constructor(channel: Channel, subjects: Subjects, settings: CutSettings) {
    this.#channel = channel;
    this.#subjects = subjects;
    this.#settings = settings;
  }

  /** Rejects with MillraceError('deadline') when a learner did not come by in time, 'conflict' when one's death spoiled the cut. */
  async open(cut: string): Promise<CutState> {
    const { model, epoch, cutTimeoutMs, requestTimeoutMs } = this.#settings;
    const body = { cut, timeoutMs: cutTimeoutMs } satisfies OpenCutRequest;
    const opened = this.#onAll('openCut', body, cutTimeoutMs + requestTimeoutMs);
    // One connection, one order: every shard has the cut open before a learner hears of it. Learners are asked
    // again and again, because one that dies takes its marker along.
    const subject = this.#subjects.learners(model, epoch, 'cut');
    const ask = () => this.#channel.publish(subject, packInternal({ cut } satisfies CutRequest));
    ask();
    const asking = setInterval(ask, askAgainMs);
    const replies = await opened.finally(() => clearInterval(asking));
    const states = replies.map((data) => stateOf(unpackInternal<OpenCutReply>(data)));
    const [first] = states;
    assert(first !== undefined, 'a model has at least one shard');
    // A learner that dies between two of its markers, and takes over, marks the rest of the shards later.
    if (!states.every((state) => isSameState(state, first)))
      throw new MillraceError('conflict', `cut ${cut}: the shards were not at the same marks`);
    const own = replies.map((data) => unpackInternal<OpenCutReply>(data));
    const [blobs, countedFrom] = [own.map((reply) => reply.blobs), own.map((reply) => reply.countedFrom)];
    return { ...first, blobs, countedFrom };
  }

  /**
   * A shard's rows, or those that it has touched, in images of a bounded size that tile its range: what is being
   * stored never takes more memory than one of them.
   */
  async *images(cut: string, shard: number, touched: boolean): AsyncGenerator<ShardImage> {
    const { model, epoch, shards, keyCount, rowWidth, requestTimeoutMs } = this.#settings;
    const subject = this.#subjects.shard(model, epoch, shard, 'image');
    const range = keyRangeOf(shard, shards, keyCount);
    let { start } = range;
    let pieces: Piece[] = [];
    let bytes = 0;
    let from: number | undefined = 0;
    while (from !== undefined) {
      const body = packInternal({ cut, from, touched } satisfies ImageRequest);
      const reply: ImageReply = unpackInternal<ImageReply>(
        (await this.#channel.request(subject, body, { timeoutMs: requestTimeoutMs })).data,
      );
      pieces.push({ keys: keysOf(reply.keys), rows: floatsOf(reply.rows) });
      bytes += reply.keys.byteLength + reply.rows.byteLength;
      from = reply.next;
      if (from !== undefined && bytes < imageBytesMax) continue;
      const end = from ?? range.end;
      yield { start, end, rowWidth, ...joined(pieces, rowWidth) };
      [start, pieces, bytes] = [end, [], 0];
    }
  }

  async blob(cut: string, shard: number, name: string): Promise<Uint8Array> {
    const { model, epoch, requestTimeoutMs: timeoutMs } = this.#settings;
    const subject = this.#subjects.shard(model, epoch, shard, 'blob');
    const pieces: Uint8Array[] = [];
    let from: number | undefined = 0;
    while (from !== undefined) {
      const body = packInternal({ cut, name, from } satisfies BlobRequest);
      const reply: BlobReply = unpackInternal<BlobReply>(
        (await this.#channel.request(subject, body, { timeoutMs })).data,
      );
      pieces.push(reply.bytes);
      from = reply.next;
    }
    return Buffer.concat(pieces);
  }

  /** `version`: what was stored of the cut. Resolves to the memory that holding the rows still took. */
  async close(cut: string, version?: number): Promise<number> {
    const body: CloseCutRequest = version === undefined ? { cut } : { cut, version };
    const replies = await this.#onAll('closeCut', body, this.#settings.requestTimeoutMs);
    return replies.reduce((sum, data) => sum + unpackInternal<CloseCutReply>(data).keptBytes, 0);
  }

  #onAll(verb: string, body: object, timeoutMs: number): Promise<Uint8Array[]> {
    const { model, epoch, shards } = this.#settings;
    const requests = Array.from({ length: shards }, async (_, shard) => {
      const subject = this.#subjects.shard(model, epoch, shard, verb);
      return (await this.#channel.request(subject, packInternal(body), { timeoutMs })).data;
    });
    return Promise.all(requests);
  }
}

type ShardState = Omit<CutState, 'blobs' | 'countedFrom'>;

const isSameState = (state: ShardState, other: ShardState): boolean =>
  state.learned === other.learned && state.marks.every((mark, at) => mark === other.marks[at]);

const stateOf = ({
  marks,
  totals,
  anchors,
  blobs: _,
  countedFrom: __,
  ...counts
}: OpenCutReply): ShardState => ({
  ...counts,
  marks: doublesOf(marks),
  totals: doublesOf(totals),
  anchors: anchorsFrom(doublesOf(anchors)),
});

function joined(pieces: readonly Piece[], rowWidth: number): Piece {
  const count = pieces.reduce((sum, piece) => sum + piece.keys.length, 0);
  const keys = new Uint32Array(count);
  const rows = new Float32Array(count * rowWidth);
  let at = 0;
  for (const piece of pieces) {
    keys.set(piece.keys, at);
    rows.set(piece.rows, at * rowWidth);
    at += piece.keys.length;
  }
  return { keys, rows };
}
