/**
 * References of events to groups of neighbouring rows. Most features are a row and a value. Some parts of a model hold
 * several rows for a feature (an aggregate's running sums, a bucket of a table of ids), from which the row or the value
 * is found only when the event's turn comes in the order of the log. A group is referred to as a whole, by its first
 * row, so that it lies together in a working set too.
 */
/** Parts of a model that are referred to; the numbers are those of `parts`. */
export const referenceParts = { aggregates: 1, exactClock: 2, exactId: 3 } as const;

const lookedThroughMax = 16;

export class RowReferences {
  count = 0;
  /** Rows of all groups together. */
  rows = 0;
  /** Which part of the model is meant. */
  parts = new Uint8Array(16);
  /** Key of the group's first row; in a batch, its row number. */
  firsts = new Uint32Array(16);
  lengths = new Uint16Array(16);
  /** Value of the feature. */
  values = new Float32Array(16);
  /** Pairs: what tells it from others of its group, 32 bits each. */
  tags = new Uint32Array(32);
  /** References by place and tag, those that were asked for. */
  readonly #places = new Map<string, number>();
  #indexedCount = 0;

  clear(): void {
    this.count = 0;
    this.rows = 0;
    this.#indexedCount = 0;
    if (this.#places.size > 0) this.#places.clear();
  }

  add(part: number, first: number, length: number, value: number, tagHigh: number, tagLow: number): void {
    if (this.count === this.firsts.length) this.#grow();
    const at = this.count++;
    this.rows += length;
    this.parts[at] = part;
    this.firsts[at] = first;
    this.lengths[at] = length;
    this.values[at] = value;
    this.tags[2 * at] = tagHigh;
    this.tags[2 * at + 1] = tagLow;
  }

  addAll({ count, parts, firsts, lengths, values, tags }: RowReferences): void {
    for (let at = 0; at < count; at++)
      this.add(parts[at]!, firsts[at]!, lengths[at]!, values[at]!, tags[2 * at]!, tags[2 * at + 1]!);
  }

  /** Adds to the value of a reference with this place and tag; false when there is none. */
  merge(first: number, value: number, tagHigh: number, tagLow: number): boolean {
    const at = this.#placeOf(first, tagHigh, tagLow);
    if (at === undefined) return false;
    this.values[at]! += value;
    return true;
  }

  /** Few are looked through, which takes .1 us; a list of ten thousand words would be looked through as often. */
  #placeOf(first: number, tagHigh: number, tagLow: number): number | undefined {
    if (this.count > lookedThroughMax) return this.#indexed().get(placeName(first, tagHigh, tagLow));
    for (let at = 0; at < this.count; at++) {
      const [high, low] = [this.tags[2 * at], this.tags[2 * at + 1]];
      if (this.firsts[at] === first && high === tagHigh && low === tagLow) return at;
    }
    return undefined;
  }

  /** With the references since the last look. */
  #indexed(): ReadonlyMap<string, number> {
    for (; this.#indexedCount < this.count; this.#indexedCount++) {
      const at = this.#indexedCount;
      this.#places.set(placeName(this.firsts[at]!, this.tags[2 * at]!, this.tags[2 * at + 1]!), at);
    }
    return this.#places;
  }

  #grow(): void {
    const size = this.count * 2;
    this.parts = grown(this.parts, new Uint8Array(size));
    this.firsts = grown(this.firsts, new Uint32Array(size));
    this.lengths = grown(this.lengths, new Uint16Array(size));
    this.values = grown(this.values, new Float32Array(size));
    this.tags = grown(this.tags, new Uint32Array(2 * size));
  }
}

const placeName = (first: number, tagHigh: number, tagLow: number): string => `${first} ${tagHigh} ${tagLow}`;

function grown<Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
