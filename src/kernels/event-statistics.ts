/**
 * Standardisation around a step: an event's numbers scaled by the running statistics of their rows, statistics that
 * have seen the event, and those back into the rows once its step is known to be whole.
 */
import { type RowLayout, statisticsSlots } from '../model/row-layout.ts';
import { observe, scaled } from '../model/standardizer.ts';
import { allFinite, divergence, type EventView } from './online-model.ts';

export class EventStatistics {
  readonly #width: number;
  readonly #offset: number;
  /** Of the event at hand, so that an event that is refused half-way has changed nothing. */
  #seen = new Float32Array(0);

  constructor({ width }: RowLayout) {
    this.#width = width;
    this.#offset = width - statisticsSlots;
  }

  /** Scales the event's numbers by the statistics as they stand. */
  scale(table: Float32Array, event: EventView, values: Float32Array): void {
    for (let i = event.from; i < event.to; i++) {
      if (event.numeric[i] !== 1) continue;
      const at = event.rows[i]! * this.#width + this.#offset;
      values[i - event.from] = scaled(table, at, event.values[i]!);
    }
  }

  /** Lets copies of the statistics see the event's numbers, and scales the numbers as those now do. */
  observe(table: Float32Array, event: EventView, values: Float32Array): void {
    const count = event.to - event.from;
    if (this.#seen.length < count * statisticsSlots) {
      this.#seen = new Float32Array(count * statisticsSlots * 2);
    }
    for (let i = 0; i < count; i++) {
      const from = event.rows[event.from + i]! * this.#width + this.#offset;
      const to = i * statisticsSlots;
      for (let slot = 0; slot < statisticsSlots; slot++) this.#seen[to + slot] = table[from + slot]!;
      if (event.numeric[event.from + i] !== 1) continue;
      observe(this.#seen, to, event.values[event.from + i]!);
      values[i] = scaled(this.#seen, to, event.values[event.from + i]!);
    }
    if (allFinite(this.#seen)) return;
    this.#seen.fill(0);
    throw divergence("a feature's running variance");
  }

  store(table: Float32Array, event: EventView): void {
    for (let i = event.from; i < event.to; i++) {
      const from = (i - event.from) * statisticsSlots;
      const to = event.rows[i]! * this.#width + this.#offset;
      for (let slot = 0; slot < statisticsSlots; slot++) table[to + slot] = this.#seen[from + slot]!;
    }
  }
}
