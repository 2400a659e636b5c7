/**
 * Which events of a batch have an id that was learned before, as the plain loop would find them: shard 0 says which
 * ids it knew when the batch began, and what the batch itself learns is kept beside. An id is forgotten when
 * `idsMax` others have been learned since, also in the middle of a batch; so how the log was cut into batches makes
 * no difference.
 */
import { IdIndex } from '../shard/id-index.ts';
import type { KnownIds } from '../shard/recent-ids.ts';

export class Duplicates {
  readonly #idsMax: number;
  /** Ids of the batch's events; pairs. */
  readonly #ids: Uint32Array;
  /** Of event i, the place that shard 0 gave. */
  readonly #before = new Map<number, number>();
  readonly #learned: Uint32Array;
  readonly #learnedIndex: IdIndex;
  readonly #addedBefore: number;
  #count = 0;

  constructor(idsMax: number, ids: Uint32Array, known: KnownIds) {
    this.#idsMax = idsMax;
    this.#ids = ids;
    this.#learned = new Uint32Array(ids.length);
    this.#learnedIndex = new IdIndex(this.#learned);
    this.#addedBefore = known.added;
    for (const [i, event] of known.at.entries()) this.#before.set(event, known.places[i]!);
  }

  /** Ids of the events that were learned, in order; pairs. */
  get learnedIds(): Uint32Array {
    return this.#learned.subarray(0, 2 * this.#count);
  }

  has(event: number): boolean {
    const [high, low] = [this.#ids[2 * event]!, this.#ids[2 * event + 1]!];
    if (high === 0 && low === 0) return false;
    const oldest = this.#addedBefore + this.#count - this.#idsMax;
    const before = this.#before.get(event);
    if (before !== undefined && before >= oldest) return true;
    const here = this.#learnedIndex.find(high, low);
    return here >= 0 && this.#addedBefore + here >= oldest;
  }

  /** The event was learned. */
  add(event: number): void {
    const [high, low] = [this.#ids[2 * event]!, this.#ids[2 * event + 1]!];
    if (high === 0 && low === 0) return;
    const earlier = this.#learnedIndex.find(high, low);
    if (earlier >= 0) this.#learnedIndex.remove(earlier);
    this.#learned[2 * this.#count] = high;
    this.#learned[2 * this.#count + 1] = low;
    this.#learnedIndex.add(this.#count);
    this.#count++;
  }
}
