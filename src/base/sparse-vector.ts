/**
 * One event's features: (key, value) pairs with each key at most once, in order of first appearance. Two
 * features that fall on one key (a collision, or a word twice in a bag) add their values, so that a row is
 * read and written once per event.
 */
import { RowReferences } from './row-references.ts';

export class SparseVector {
  readonly keys: Uint32Array;
  readonly values: Float32Array;
  /** 1 where the value is a number of the user's, which standardisation may scale; else 0. */
  readonly numeric: Uint8Array;
  /** Features whose row or value is found when the event's turn comes. */
  readonly references = new RowReferences();
  count = 0;

  /** Open addressing from key to position; an entry counts only if its stamp is the present one. */
  readonly #positions: Int32Array;
  readonly #stamps: Int32Array;
  #stamp = 1;

  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.keys = new Uint32Array(capacity);
    this.values = new Float32Array(capacity);
    this.numeric = new Uint8Array(capacity);
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.#positions = new Int32Array(slots);
    this.#stamps = new Int32Array(slots);
  }

  clear(): void {
    this.count = 0;
    this.references.clear();
    this.#stamp = (this.#stamp + 1) | 0;
    if (this.#stamp === 0) {
      this.#stamps.fill(0);
      this.#stamp = 1;
    }
  }

  /** Makes this a copy of the other, which is no larger. */
  copyFrom(other: SparseVector): void {
    this.clear();
    for (let i = 0; i < other.count; i++)
      this.add(other.keys[i]!, other.values[i]!, other.numeric[i] as 0 | 1);
    this.references.addAll(other.references);
  }

  /** False when the vector is full and the key is new. */
  add(key: number, value: number, numeric: 0 | 1): boolean {
    const mask = this.#positions.length - 1;
    let slot = Math.imul(key, 0x9e3779b1) & mask;
    while (this.#stamps[slot] === this.#stamp) {
      const position = this.#positions[slot]!;
      if (this.keys[position] === key) {
        this.values[position]! += value;
        return true;
      }
      slot = (slot + 1) & mask;
    }
    if (this.count === this.capacity) return false;
    this.#stamps[slot] = this.#stamp;
    this.#positions[slot] = this.count;
    this.keys[this.count] = key;
    this.values[this.count] = value;
    this.numeric[this.count] = numeric;
    this.count++;
    return true;
  }
}
