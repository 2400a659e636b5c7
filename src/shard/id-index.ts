/**
 * Finds a pair of a list of 64-bit ids: open addressing with linear probing, and removal that leaves no gaps
 * (Knuth, The Art of Computer Programming, vol. 3, 6.4, algorithm R). The list is the caller's; the index holds
 * places in it only, 4 bytes for each slot, and grows with what it holds.
 */
export class IdIndex {
  /** Pairs: high and low half of each id. */
  readonly #ids: Uint32Array;
  /** Place + 1; 0 is free. */
  #slots = new Uint32Array(1024);
  #count = 0;

  constructor(ids: Uint32Array) {
    this.#ids = ids;
  }

  /** Place of the id in the list; -1 when it is not indexed. */
  find(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = homeOf(high, low) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = this.#slots[slot]! - 1;
      if (this.#ids[2 * place] === high && this.#ids[2 * place + 1] === low) return place;
    }
    return -1;
  }

  /** The id that stands at this place in the list; nothing equal is indexed. */
  add(place: number): void {
    if (2 * (this.#count + 1) > this.#slots.length) this.#grow();
    this.#insert(place);
    this.#count++;
  }

  /** Call before the place gets another id; does nothing when it is not indexed. */
  remove(place: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#homeOfPlace(place) & mask;
    while (this.#slots[slot] !== place + 1) {
      if (this.#slots[slot] === 0) return;
      slot = (slot + 1) & mask;
    }
    this.#count--;
    this.#closeGap(slot, mask);
  }

  /** Moves back what would not be found any more across the gap. */
  #closeGap(from: number, mask: number): void {
    let gap = from;
    for (let slot = (gap + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#homeOfPlace(this.#slots[slot]! - 1) & mask;
      // It may stay when its home lies behind the gap, going round.
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      this.#slots[gap] = this.#slots[slot]!;
      gap = slot;
    }
    this.#slots[gap] = 0;
  }

  #insert(place: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#homeOfPlace(place) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = place + 1;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (const held of before) if (held !== 0) this.#insert(held - 1);
  }

  #homeOfPlace(place: number): number {
    return homeOf(this.#ids[2 * place]!, this.#ids[2 * place + 1]!);
  }
}

/** FNV-1a spreads short texts unevenly in its low bits: one more multiplication, whose high bits are good. */
function homeOf(high: number, low: number): number {
  const mixed = Math.imul(high ^ low, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
