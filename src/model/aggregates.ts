/**
 * Aggregate features: count, sum or mean of a number or of the label over the earlier events of a group (River's
 * TargetAgg). What a group remembers lies in rows of its own, in this order of slots:
 *
 *   all time        n, s, r
 *   last events     c, then n, s, r of each bucket; c: the bucket that is being filled
 *   last ms         h, l, then n, s, r of each bucket; h 2^20 + l: number of the newest bucket, which is its time
 *                   divided by a bucket's width; bucket k stands at place k mod buckets
 *
 * n counts; the sum is s + r, whose rest r holds what float32 cuts off s, so that it is good to 48 bits. A count alone has
 * n only. At 2^24, where float32 cannot count on, a bucket stands still. A window forgets bucket by bucket: one of
 * 1,000 events in 8 buckets covers the last 876 to 1,000.
 */
import type { AggregateConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';

const countMax = 2 ** 24;
const float32Max = 3.4028234663852886e38;
const lowNumbers = 2 ** 20;
/** Of the numbers of buckets: what two slots hold. */
const numberMax = 2 ** 44;

/** One group's slots, wherever they lie. */
export interface Slots {
  get(slot: number): number;
  set(slot: number, value: number): void;
}

export class Aggregate {
  readonly name: string;
  /** Slots of one group. */
  readonly slots: number;
  readonly #how: AggregateConfig['how'];
  readonly #prior: { readonly value: number; readonly weight: number };
  readonly #window: 'none' | 'events' | 'ms';
  readonly #buckets: number;
  /** Events, or milliseconds, of one bucket. */
  readonly #bucketSize: number;
  readonly #headSlots: number;
  readonly #bucketSlots: number;

  constructor({ name, how, window, prior = { value: 0, weight: 0 } }: AggregateConfig) {
    this.name = name;
    this.#how = how;
    this.#prior = prior;
    this.#window = window === undefined ? 'none' : window.events === undefined ? 'ms' : 'events';
    this.#buckets = window?.buckets ?? 1;
    this.#bucketSize = Math.ceil((window?.events ?? window?.ms ?? 0) / this.#buckets);
    this.#headSlots = { none: 0, events: 1, ms: 2 }[this.#window];
    this.#bucketSlots = how === 'count' ? 1 : 3;
    this.slots = this.#headSlots + this.#buckets * this.#bucketSlots;
  }

  /** Whether it depends on when an event happened. */
  get readsTime(): boolean {
    return this.#window === 'ms';
  }

  /** Throws MillraceError when the time has no bucket. */
  checkTime(time: number): void {
    if (!this.readsTime || Math.abs(this.#numberAt(time)) < numberMax) return;
    throw new MillraceError('badInput', `time: ${time} is out of range for aggregate ${this.name}`);
  }

  /** The feature's value for an event of this time, which is not part of it. */
  value(slots: Slots, time: number): number {
    let [count, sum] = [0, 0];
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      if (this.readsTime && !this.#isInWindow(slots, bucket, time)) continue;
      const at = this.#slotOf(bucket);
      count += slots.get(at);
      if (this.#bucketSlots > 1) sum += slots.get(at + 1) + slots.get(at + 2);
    }
    if (this.#how === 'count') return count;
    if (this.#how === 'sum') return held(sum);
    const { value, weight } = this.#prior;
    return count + weight > 0 ? held((sum + value * weight) / (count + weight)) : value;
  }

  /** Takes in the number of an event of this time. */
  observe(slots: Slots, time: number, number: number): void {
    const bucket = this.#bucketFor(slots, time);
    if (bucket === undefined) return;
    const at = this.#slotOf(bucket);
    const count = slots.get(at);
    if (count >= countMax) return;
    slots.set(at, count + 1);
    if (this.#bucketSlots === 1) return;
    const sum = held(slots.get(at + 1) + slots.get(at + 2) + number);
    slots.set(at + 1, Math.fround(sum));
    slots.set(at + 2, sum - Math.fround(sum));
  }

  /** Undefined for what is older than the window. */
  #bucketFor(slots: Slots, time: number): number | undefined {
    if (this.#window === 'none') return 0;
    return this.#window === 'events' ? this.#bucketToFill(slots) : this.#bucketOfTime(slots, time);
  }

  #bucketToFill(slots: Slots): number {
    const current = slots.get(0);
    if (slots.get(this.#slotOf(current)) < this.#bucketSize) return current;
    const next = (current + 1) % this.#buckets;
    slots.set(0, next);
    this.#clear(slots, next);
    return next;
  }

  #bucketOfTime(slots: Slots, time: number): number | undefined {
    const number = this.#numberAt(time);
    const newest = this.#isEmpty(slots) ? number : newestOf(slots);
    if (number <= newest - this.#buckets) return undefined;
    for (let next = Math.max(newest + 1, number - this.#buckets + 1); next <= number; next++)
      this.#clear(slots, this.#placeOf(next));
    const latest = Math.max(number, newest);
    const high = Math.floor(latest / lowNumbers);
    slots.set(0, high);
    slots.set(1, latest - high * lowNumbers);
    return this.#placeOf(number);
  }

  /** Of the buckets that are kept, those no older than the window that ends with this time. */
  #isInWindow(slots: Slots, bucket: number, time: number): boolean {
    const newest = newestOf(slots);
    const age = this.#placeOf(newest - bucket);
    return newest - age > this.#numberAt(time) - this.#buckets;
  }

  /** A group that was never touched has no newest bucket, though its slots say 0. */
  #isEmpty(slots: Slots): boolean {
    for (let bucket = 0; bucket < this.#buckets; bucket++)
      if (slots.get(this.#slotOf(bucket)) > 0) return false;
    return true;
  }

  #numberAt(time: number): number {
    return Math.floor(time / this.#bucketSize);
  }

  #placeOf(number: number): number {
    return ((number % this.#buckets) + this.#buckets) % this.#buckets;
  }

  #slotOf(bucket: number): number {
    return this.#headSlots + bucket * this.#bucketSlots;
  }

  #clear(slots: Slots, bucket: number): void {
    const at = this.#slotOf(bucket);
    for (let slot = at; slot < at + this.#bucketSlots; slot++) slots.set(slot, 0);
  }
}

const newestOf = (slots: Slots): number => slots.get(0) * lowNumbers + slots.get(1);

/** A sum beyond float32 is held at its largest: a row holds nothing that is not finite. */
const held = (sum: number): number => Math.min(float32Max, Math.max(-float32Max, sum));
