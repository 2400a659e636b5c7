/** Distinct keys in order of first appearance, each with its place: open addressing that is cleared in O(1). */
export class RowNumbers {
  /** The first `count` are the distinct keys. */
  keys = new Uint32Array(1024);
  count = 0;
  #slots = new Int32Array(4096);
  #stamps = new Int32Array(4096);
  #stamp = 1;

  clear(): void {
    this.count = 0;
    this.#stamp = (this.#stamp + 1) | 0;
    if (this.#stamp !== 0) return;
    this.#stamps.fill(0);
    this.#stamp = 1;
  }

  numberOf(key: number): number {
    const mask = this.#slots.length - 1;
    let slot = Math.imul(key, 0x9e3779b1) & mask;
    while (this.#stamps[slot] === this.#stamp) {
      const number = this.#slots[slot]!;
      if (this.keys[number] === key) return number;
      slot = (slot + 1) & mask;
    }
    return this.#append(key, slot);
  }

  #append(key: number, slot: number): number {
    const number = this.count;
    if (number === this.keys.length) {
      const keys = new Uint32Array(number * 2);
      keys.set(this.keys);
      this.keys = keys;
    }
    this.keys[number] = key;
    this.#stamps[slot] = this.#stamp;
    this.#slots[slot] = number;
    this.count = number + 1;
    // At a quarter full the table grows, so that probes stay short.
    if (this.count * 4 > this.#slots.length) this.#rehash(this.#slots.length * 2);
    return number;
  }

  #rehash(length: number): void {
    this.#slots = new Int32Array(length);
    this.#stamps = new Int32Array(length);
    this.#stamp = 1;
    for (let number = 0; number < this.count; number++) {
      let slot = Math.imul(this.keys[number]!, 0x9e3779b1) & (length - 1);
      while (this.#stamps[slot] === 1) slot = (slot + 1) & (length - 1);
      this.#stamps[slot] = 1;
      this.#slots[slot] = number;
    }
  }
}
