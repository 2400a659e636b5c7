/**
 * How much a model has learned, for rules whose steps depend on it (Optimizer.factors): one sum in two reserved rows
 * behind the intercept. Being rows they are pulled with every event, and travel, commit and are restored as all rows.
 */
import { storeSum, sumAt } from '../model/exact-sum.ts';
import type { Factors } from '../model/optimizers/optimizer.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { divergence, type EventView } from './online-model.ts';

export class StepCounter {
  readonly #layout: RowLayout;
  readonly #factors: Factors;
  /** Where among an event's entries the reserved rows stand. */
  readonly #at: number;

  constructor(layout: RowLayout, factors: Factors, intercept: boolean) {
    this.#layout = layout;
    this.#factors = factors;
    this.#at = intercept ? 1 : 0;
  }

  /** With an event of this weight. */
  count(table: Float32Array, event: EventView, weight: number): number {
    const added = this.#factors.of === 'steps' ? 1 : weight;
    const count = sumAt(table, this.#slot(event, 0), this.#slot(event, 1)) + added;
    if (!Number.isFinite(Math.fround(count))) throw divergence('the weight of all events');
    return count;
  }

  factorsAt(count: number): readonly [number, number] {
    const [first, second] = this.#factors.at(count);
    return [Math.fround(first), Math.fround(second)];
  }

  store(table: Float32Array, event: EventView, count: number): void {
    storeSum(table, this.#slot(event, 0), this.#slot(event, 1), count);
  }

  #slot(event: EventView, row: number): number {
    const { width, offset } = this.#layout;
    return event.rows[event.from + this.#at + row]! * width + offset;
  }
}

/** An event without its reserved rows, which belong to no feature. */
export class FeatureEntries {
  #view = { rows: new Uint32Array(0), values: new Float32Array(0), numeric: new Uint8Array(0) };
  readonly #lead: number;
  readonly #stateRows: number;

  constructor({ stateRows }: RowLayout, intercept: boolean) {
    this.#stateRows = stateRows;
    this.#lead = intercept ? 1 : 0;
  }

  /** Valid until the next call. */
  of(event: EventView): EventView {
    const { from, to, keys, time, references } = event;
    const count = to - from - this.#stateRows;
    if (this.#view.rows.length < count) {
      const size = 2 * count;
      this.#view = {
        rows: new Uint32Array(size),
        values: new Float32Array(size),
        numeric: new Uint8Array(size),
      };
    }
    const { rows, values, numeric } = this.#view;
    for (let i = 0; i < count; i++) {
      const entry = from + (i < this.#lead ? i : i + this.#stateRows);
      rows[i] = event.rows[entry]!;
      values[i] = event.values[entry]!;
      numeric[i] = event.numeric[entry]!;
    }
    return { rows, values, numeric, from: 0, to: count, keys, time, references };
  }
}
