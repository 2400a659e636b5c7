/**
 * A table of ids without collisions, beside the hashed one. An id has a bucket of eight places by its hash, and is
 * told from the others in it by 48 further bits: that two of a million ids are taken for one has a chance of about
 * 1e-8. All of it lies in rows, so that it is sharded, committed, stored and sent as all parameters are:
 *
 *   bucket   directory | row | row | row | row | row | row | row | row
 *            the directory has five numbers for each place: tag (2), when last seen (2), sightings; 0: free
 *
 * An id takes part from its `admitAfter`-th sighting on: half of all ids occur once. Not seen for `expireAfterMs`
 * of stream time it is forgotten, and learned anew when it comes again. When all places of a bucket are taken, one
 * that has expired gives way; else (`whenFull`) an id not admitted yet, or the one that was not seen the longest
 * ("replace"), or none and the new id stays out ("refuse").
 *
 * Stream time is the latest that any event with such an id has brought, in ticks of a 64th of `expireAfterMs`; where
 * nothing expires, the number of such events. What is longer than the 24 bits of a float32 stands in two of them.
 */
import type { ExactIdsConfig } from '../../config/features-schema.ts';
import type { UndoLog } from './undo-log.ts';

const places = 8;
const numbersPerPlace = 5;
const [tagHigh, tagLow, seenHigh, seenLow, sightings] = [0, 1, 2, 3, 4];
const bits24 = 2 ** 24;
const clockNumbers = 2;
const ticksToExpire = 64;
const ticksMax = 2 ** 48 - 1;

/** Rows of one bucket: of the directory, and in all. */
export function bucketRows(width: number): { readonly directory: number; readonly all: number } {
  const directory = Math.ceil((places * numbersPerPlace) / width);
  return { directory, all: directory + places };
}

/** Rows of the clock. */
export const clockRows = (width: number): number => Math.ceil(clockNumbers / width);

/** Buckets of a table, as log2. */
export const bucketBits = (config: Pick<ExactIdsConfig, 'bits'>): number => config.bits - 3;

/** An id, told by two hashes of 32 bits; the low bits of the first choose its bucket. */
export interface IdTag {
  readonly high: number;
  readonly low: number;
}

const noPlace = -1;

export class ExactIds {
  readonly #config: ExactIdsConfig;
  readonly #width: number;
  readonly #directoryRows: number;

  constructor(config: ExactIdsConfig, width: number) {
    this.#config = config;
    this.#width = width;
    this.#directoryRows = bucketRows(width).directory;
  }

  /** The latest tick so far; `row` is the first of the clock's. */
  clock(table: Float32Array, row: number): number {
    const at = row * this.#width;
    return table[at]! * bits24 + table[at + 1]!;
  }

  setClock(table: Float32Array, row: number, tick: number, log: UndoLog): void {
    const at = row * this.#width;
    log.write(table, at, Math.floor(tick / bits24));
    log.write(table, at + 1, tick % bits24);
  }

  /** What the clock shows after an event of this time; it never goes back. An event without a time has 0. */
  clockAfter(clock: number, timeMs: number): number {
    const { expireAfterMs } = this.#config;
    if (expireAfterMs === 0) return Math.min(ticksMax, clock + 1);
    const tick = Math.max(1, expireAfterMs / ticksToExpire);
    return Math.max(clock, Math.min(ticksMax, Math.floor(timeMs / tick)));
  }

  /** The row of an admitted id, or undefined; `bucket` is the first row of its bucket. */
  find(table: Float32Array, bucket: number, tag: IdTag, clock: number): number | undefined {
    const at = this.#placeOf(table, bucket, tag);
    if (at === noPlace || this.#hasExpired(table, bucket, at, clock)) return undefined;
    return this.#number(table, bucket, at, sightings) >= this.#config.admitAfter
      ? this.#rowAt(bucket, at)
      : undefined;
  }

  /** Counts a sighting; the id's row if it is admitted by now. Every change goes through the log. */
  sight(table: Float32Array, bucket: number, tag: IdTag, clock: number, log: UndoLog): number | undefined {
    let at = this.#placeOf(table, bucket, tag);
    if (at === noPlace) {
      at = this.#placeFor(table, bucket, clock);
      if (at === noPlace) return undefined;
      this.#clear(table, bucket, at, log);
      const [high, low] = numbersOf(tag);
      this.#set(table, bucket, at, tagHigh, high, log);
      this.#set(table, bucket, at, tagLow, low, log);
    } else if (this.#hasExpired(table, bucket, at, clock)) {
      this.#clear(table, bucket, at, log);
    }
    const count = Math.min(bits24 - 1, this.#number(table, bucket, at, sightings) + 1);
    // What an id learned in the very event in which this one took its place.
    if (count === this.#config.admitAfter && count > 1) this.#clearRow(table, bucket, at, log);
    this.#set(table, bucket, at, sightings, count, log);
    this.#set(table, bucket, at, seenHigh, Math.floor(clock / bits24), log);
    this.#set(table, bucket, at, seenLow, clock % bits24, log);
    return count >= this.#config.admitAfter ? this.#rowAt(bucket, at) : undefined;
  }

  #rowAt(bucket: number, at: number): number {
    return bucket + this.#directoryRows + at;
  }

  #placeOf(table: Float32Array, bucket: number, tag: IdTag): number {
    const [high, low] = numbersOf(tag);
    const start = bucket * this.#width;
    for (let at = 0; at < places; at++) {
      const entry = start + at * numbersPerPlace;
      if (table[entry + tagHigh] === high && table[entry + tagLow] === low && table[entry + sightings]! > 0)
        return at;
    }
    return noPlace;
  }

  /** Where a new id goes. */
  #placeFor(table: Float32Array, bucket: number, clock: number): number {
    let expired = noPlace;
    let oldest = noPlace;
    for (let at = 0; at < places; at++) {
      if (this.#number(table, bucket, at, sightings) === 0) return at;
      if (expired === noPlace && this.#hasExpired(table, bucket, at, clock)) expired = at;
      if (oldest === noPlace || this.#yieldsBefore(table, bucket, at, oldest)) oldest = at;
    }
    if (expired !== noPlace) return expired;
    return this.#config.whenFull === 'replace' ? oldest : noPlace;
  }

  /** Whether `at` gives way rather than `other`: not admitted first, then seen longer ago, then less often. */
  #yieldsBefore(table: Float32Array, bucket: number, at: number, other: number): boolean {
    const rank = (place: number): readonly number[] => {
      const count = this.#number(table, bucket, place, sightings);
      return [count >= this.#config.admitAfter ? 1 : 0, this.#seen(table, bucket, place), count];
    };
    const [own, others] = [rank(at), rank(other)];
    const differs = own.findIndex((value, i) => value !== others[i]);
    return differs >= 0 && own[differs]! < others[differs]!;
  }

  #hasExpired(table: Float32Array, bucket: number, at: number, clock: number): boolean {
    if (this.#config.expireAfterMs === 0) return false;
    return clock - this.#seen(table, bucket, at) > ticksToExpire;
  }

  #seen(table: Float32Array, bucket: number, at: number): number {
    return this.#number(table, bucket, at, seenHigh) * bits24 + this.#number(table, bucket, at, seenLow);
  }

  /** Forgets what the place has held. */
  #clear(table: Float32Array, bucket: number, at: number, log: UndoLog): void {
    this.#clearRow(table, bucket, at, log);
    this.#set(table, bucket, at, sightings, 0, log);
  }

  #clearRow(table: Float32Array, bucket: number, at: number, log: UndoLog): void {
    const row = this.#rowAt(bucket, at) * this.#width;
    for (let slot = 0; slot < this.#width; slot++) log.write(table, row + slot, 0);
  }

  #number(table: Float32Array, bucket: number, at: number, which: number): number {
    return table[bucket * this.#width + at * numbersPerPlace + which]!;
  }

  #set(table: Float32Array, bucket: number, at: number, which: number, value: number, log: UndoLog): void {
    log.write(table, bucket * this.#width + at * numbersPerPlace + which, value);
  }
}

/** 48 of the 64 bits, as two integers that float32 holds: those of `high` that do not choose the bucket among them. */
const numbersOf = ({ high, low }: IdTag): readonly [number, number] => [
  low & 0xffffff,
  ((low >>> 24) << 16) | (high >>> 16),
];
