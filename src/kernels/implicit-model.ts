/**
 * Implicit feedback: an event with label 1 says that a user took an item; what a user did not want is said by nobody.
 * So each such event is learned together with sampled items, with label 0, as if the user did not want them (Mikolov et
 * al. 2013: negative sampling); now and then it is one that the user took before. They are among the event's candidates
 * (src/features/pair-featurizer.ts): those whose row was learned before, the first `negatives` of them. An event with
 * label 0 is learned alone.
 *
 * The progressive score is that of the pair itself. A step is whole: when one of its parts is refused, those before it
 * are taken back.
 */

import type { RowLayout } from '../model/row-layout.ts';
import { KeptRows } from './kept-rows.ts';
import type { EventView, OnlineModel } from './online-model.ts';
import type { KernelReport } from './size-classes.ts';

/** Of a row: the sum of squared gradients of its weight, which is 0 where nothing was learned. */
const squaresSlot = 1;

export class ImplicitModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #inner: OnlineModel;
  readonly #negatives: number;
  /** Entries of the pair: the intercept, the user, the item. */
  readonly #pair: number;
  readonly #kept = new KeptRows();
  readonly #rows: Uint32Array;

  constructor(inner: OnlineModel, options: { readonly negatives: number; readonly intercept: boolean }) {
    this.layout = inner.layout;
    this.#inner = inner;
    this.#negatives = options.negatives;
    this.#pair = options.intercept ? 3 : 2;
    this.#rows = new Uint32Array(this.#pair);
  }

  report(): KernelReport {
    return this.#inner.report();
  }

  predict(table: Float32Array, event: EventView): number {
    return this.#inner.predict(table, this.#pairOf(event));
  }

  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    const pair = this.#pairOf(event);
    if (label === 0) return this.#inner.learn(table, pair, label, weight);
    this.#kept.keep(table, event, this.layout.width);
    try {
      // Which candidates count is decided before the event changes anything.
      const sampled = this.#sampled(table, event);
      const before = this.#inner.learn(table, pair, label, weight);
      for (const row of sampled) this.#inner.learn(table, this.#with(event, row), 0, weight);
      return before;
    } catch (error) {
      this.#kept.restore(table, event, this.layout.width);
      throw error;
    }
  }

  #pairOf(event: EventView): EventView {
    return { ...event, to: event.from + this.#pair };
  }

  #sampled(table: Float32Array, event: EventView): number[] {
    const { width } = this.layout;
    const sampled: number[] = [];
    for (let at = event.from + this.#pair; at < event.to && sampled.length < this.#negatives; at++) {
      const row = event.rows[at]!;
      if (table[row * width + squaresSlot]! > 0) sampled.push(row);
    }
    return sampled;
  }

  /** The same user with another item. */
  #with(event: EventView, item: number): EventView {
    const { from } = event;
    this.#rows.set(event.rows.subarray(from, from + this.#pair));
    this.#rows[this.#pair - 1] = item;
    const [values, numeric] = [event.values, event.numeric].map((numbers) =>
      numbers.subarray(from, from + this.#pair),
    );
    return {
      ...event,
      rows: this.#rows,
      values: values as Float32Array,
      numeric: numeric as Uint8Array,
      from: 0,
      to: this.#pair,
    };
  }
}
