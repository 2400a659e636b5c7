/** Ids of the exact table (src/model/exact-ids.ts) as references of an event: each id once, told by 64 bits of two hashes. */
import { secondHash } from '../base/hash.ts';
import { type RowReferences, referenceParts } from '../base/row-references.ts';

export interface ExactPlaces {
  readonly clockKey: number;
  readonly clockRows: number;
  /** First row of the first bucket. */
  readonly firstKey: number;
  readonly bucketRows: number;
  /** log2 of the buckets. */
  readonly bucketBits: number;
}

export class ExactReferences {
  readonly #places: ExactPlaces;
  readonly #mask: number;

  constructor(places: ExactPlaces) {
    this.#places = places;
    this.#mask = 2 ** places.bucketBits - 1;
  }

  /** First key of the bucket that this key is in; undefined when it is in none. */
  bucketOf(key: number): number | undefined {
    const { firstKey, bucketRows, bucketBits } = this.#places;
    const place = key - firstKey;
    if (place < 0 || place >= 2 ** bucketBits * bucketRows) return undefined;
    return key - (place % bucketRows);
  }

  /** Refers to the id's bucket; the key of that. `hash` is the feature's own, finalised. */
  refer(hash: number, text: string, into: RowReferences): number {
    const { clockKey, clockRows, firstKey, bucketRows } = this.#places;
    if (into.count === 0) into.add(referenceParts.exactClock, clockKey, clockRows, 0, 0, 0);
    const bucket = firstKey + ((hash & this.#mask) >>> 0) * bucketRows;
    const low = secondHash(hash, text);
    if (!into.merge(bucket, 1, hash, low)) into.add(referenceParts.exactId, bucket, bucketRows, 1, hash, low);
    return bucket;
  }
}
