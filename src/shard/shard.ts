/**
 * One parameter shard: the rows of a key range and the ledger of what is in them. Two verbs change it, push
 * (stage) and commit; pull, snapshot and image read it. It knows no broker: the actor (actors/shard.ts) brings
 * the messages. Only the present life of a learner is heard; others get MillraceError('conflict').
 */
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import { type FaultPoints, noFaults } from '../base/fault-points.ts';
import { type Counts, countNames, type LearnerIdentity } from '../protocol/internal.ts';
import { FrozenPages } from './frozen-pages.ts';
import type { ShardMemory } from './memory.ts';
import { type Blobs, type KnownIds, RecentIds, recentIdsBlob } from './recent-ids.ts';
import { chunkRowsMax, nextChunk, pageOfTable, type RowChunk } from './row-chunks.ts';
import { commit, drop, type PushPart, recover, stage, stagedTo } from './staging.ts';
import { confirm, countCut, countedFrom, touchedRows } from './touched-rows.ts';

export interface DeltaRows {
  readonly keys: Uint32Array;
  readonly rows: Float32Array;
}

export class Shard {
  readonly memory: ShardMemory;
  readonly #faults: FaultPoints;
  /** Local rows that replicas have not heard of: a flag for each, and the list. */
  readonly #dirty: Uint8Array;
  #dirtyRows: number[] = [];
  #frozen:
    | {
        readonly cut: string;
        readonly pages: FrozenPages;
        readonly blobs: Blobs;
        readonly count: number;
      }
    | undefined;
  readonly #blobsNow: () => Blobs;
  readonly #recentIds: RecentIds;

  /** `blobsNow`: copies of what this shard keeps beside its rows, for a version. */
  constructor(
    memory: ShardMemory,
    blobsNow: () => Blobs = () => recentIdsBlob(memory),
    faults: FaultPoints = noFaults,
  ) {
    this.memory = memory;
    this.#blobsNow = blobsNow;
    this.#faults = faults;
    this.#dirty = new Uint8Array(memory.shape.range.end - memory.shape.range.start);
    recover(memory);
    this.#recentIds = new RecentIds(memory);
  }

  /** Every event up to here is in this shard's rows. */
  get seq(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const mark of this.memory.ledger.marks) if (mark < lowest) lowest = mark;
    return lowest;
  }

  /** The version from which touched rows are counted; 0 when it is not known. */
  get countedFrom(): number {
    return countedFrom(this.memory);
  }

  get counts(): Counts {
    const { counts } = this.memory.ledger;
    return Object.fromEntries(countNames.map((name, at) => [name, counts[at]!])) as Record<
      (typeof countNames)[number],
      number
    >;
  }

  hello({ learner, life }: LearnerIdentity): { committedTo: number; stagedTo: number } {
    const { ledger, shape } = this.memory;
    assert(learner < shape.learners, 'a learner is one of this epoch');
    if (life < ledger.fences[learner]!) throw staleLife(learner, life, ledger.fences[learner]!);
    ledger.fences[learner] = life;
    return { committedTo: ledger.committedTo[learner]!, stagedTo: stagedTo(this.memory, learner) };
  }

  pull(who: LearnerIdentity, keys: Uint32Array): Float32Array {
    this.admit(who);
    const { range, layout } = this.memory.shape;
    const rows = new Float32Array(keys.length * layout.width);
    for (let i = 0; i < keys.length; i++) {
      assert(keys[i]! >= range.start && keys[i]! < range.end, 'a shard is asked for its own keys only');
      const from = (keys[i]! - range.start) * layout.width;
      for (let slot = 0; slot < layout.width; slot++)
        rows[i * layout.width + slot] = this.memory.rows[from + slot]!;
    }
    return rows;
  }

  push(who: LearnerIdentity, part: PushPart): void {
    this.admit(who);
    if (this.memory.ledger.committedTo[who.learner] === part.toSeq) return;
    if (part.ids !== undefined) this.#recentIds.admit(who, part.ids);
    stage(this.memory, who.learner, part);
  }

  /** False when the batch had been committed before. */
  commit(who: LearnerIdentity, toSeq: number): boolean {
    this.admit(who);
    const committed = commit(
      this.memory,
      who.learner,
      toSeq,
      (row) => this.#frozen?.pages.keep(row),
      (rows) => this.#markDirty(rows),
      () => this.#faults.reach('shard.insideRow'),
      this.#recentIds,
    );
    if (committed) this.#recentIds.release(who);
    return committed;
  }

  /** Which of these ids are among the last that were learned. */
  knownIds(who: LearnerIdentity, ids: Uint32Array): KnownIds {
    this.admit(who);
    return this.#recentIds.known(who, ids);
  }

  drop(who: LearnerIdentity): void {
    this.admit(who);
    drop(this.memory, who.learner);
    this.#recentIds.release(who);
  }

  /** Rows changed since the last call, at most as many as fit one message; undefined when there are none. */
  takeDelta(): DeltaRows | undefined {
    if (this.#dirtyRows.length === 0) return undefined;
    const { range, layout } = this.memory.shape;
    const taken = this.#dirtyRows.splice(0, chunkRowsMax(layout.width));
    const keys = new Uint32Array(taken.length);
    const rows = new Float32Array(taken.length * layout.width);
    for (let i = 0; i < taken.length; i++) {
      const row = taken[i]!;
      this.#dirty[row] = 0;
      keys[i] = row + range.start;
      rows.set(this.memory.rows.subarray(row * layout.width, (row + 1) * layout.width), i * layout.width);
    }
    return { keys, rows };
  }

  get hasDelta(): boolean {
    return this.#dirtyRows.length > 0;
  }

  /** The rows as they are now, piece by piece; pieces read at different times are not of one moment. */
  snapshot(fromKey: number): RowChunk {
    const { range, layout } = this.memory.shape;
    const { rows } = this.memory;
    return nextChunk(range, layout.width, fromKey, pageOfTable(rows, layout.width));
  }

  /** Holds the state of this moment for `image` and `blob` while learning goes on; the names of the blobs. */
  freeze(cut: string): string[] {
    const pages = new FrozenPages(this.memory.rows, this.memory.shape.layout.width);
    const blobs = this.#blobsNow();
    this.#frozen = { cut, pages, blobs, count: countCut(this.memory) };
    this.#faults.reach('shard.frozen');
    return Object.keys(blobs);
  }

  /** `touched`: only rows that were touched since the version that they are counted from, zero ones among them. */
  image(cut: string, fromKey: number, touched: boolean): RowChunk {
    const { pages } = this.#frozenFor(cut);
    const { range, layout } = this.memory.shape;
    const marked = touched ? touchedRows(this.memory) : undefined;
    return nextChunk(range, layout.width, fromKey, (row) => pages.pageAt(row), marked);
  }

  blob(cut: string, name: string): Uint8Array {
    const bytes = this.#frozenFor(cut).blobs[name];
    assert(bytes !== undefined, 'a blob is asked for by a name that freeze() gave');
    return bytes;
  }

  /** `version`: what was stored of this cut, if anything; the bytes that holding it still took. */
  thaw(cut: string, version: number | undefined): number {
    if (this.#frozen?.cut !== cut) return 0;
    const { pages, count } = this.#frozen;
    if (version !== undefined) confirm(this.memory, version, count);
    this.#frozen = undefined;
    return pages.keptBytes;
  }

  #frozenFor(cut: string) {
    if (this.#frozen?.cut === cut) return this.#frozen;
    throw new MillraceError('conflict', `cut ${cut} is not open on this shard`);
  }

  /** Throws unless this is the learner's present life. */
  admit({ learner, life }: LearnerIdentity): void {
    const fence = this.memory.ledger.fences[learner];
    if (fence !== life) throw staleLife(learner, life, fence ?? 0);
  }

  #markDirty(rows: Uint32Array): void {
    for (const row of rows) {
      if (this.#dirty[row] === 1) continue;
      this.#dirty[row] = 1;
      this.#dirtyRows.push(row);
    }
  }
}

const staleLife = (learner: number, life: number, fence: number): MillraceError =>
  new MillraceError('conflict', `learner ${learner} is in life ${fence}; life ${life} is refused`);
