/**
 * What waits for something that comes later, such as predictions for their labels: taken out in the order in which
 * that arrives, and at one time in the order in which it was put in. A binary heap, bounded.
 */
import { MillraceError } from '../base/errors.ts';

interface Waiting<Item> {
  readonly item: Item;
  readonly arrivalMs: number;
  /** Which one it was to be put in. */
  readonly place: number;
}

export class Arrivals<Item> {
  /** Most that ever waited at a time. */
  most = 0;
  readonly #waitingMax: number;
  readonly #heap: Waiting<Item>[] = [];
  #added = 0;

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  get count(): number {
    return this.#heap.length;
  }

  /** Throws MillraceError('tooLarge') when so many wait already. */
  add(item: Item, arrivalMs: number): void {
    if (this.#heap.length >= this.#waitingMax) {
      throw new MillraceError('tooLarge', `more than ${this.#waitingMax} events wait for their labels`);
    }
    this.#heap.push({ item, arrivalMs, place: this.#added++ });
    this.most = Math.max(this.most, this.#heap.length);
    this.#rise(this.#heap.length - 1);
  }

  /** Takes out, one by one, what has arrived by this time. */
  *due(timeMs: number): Generator<Item> {
    while (this.#heap.length > 0 && this.#heap[0]!.arrivalMs <= timeMs) yield this.#takeFirst();
  }

  #takeFirst(): Item {
    const { item } = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return item;
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(at, above)) return;
      this.#swap(at, above);
      at = above;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const below = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(below, at)) return;
      this.#swap(below, at);
      at = below;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const [one, other] = [this.#heap[left]!, this.#heap[right]!];
    return one.arrivalMs === other.arrivalMs ? one.place < other.place : one.arrivalMs < other.arrivalMs;
  }

  #swap(left: number, right: number): void {
    [this.#heap[left], this.#heap[right]] = [this.#heap[right]!, this.#heap[left]!];
  }
}
