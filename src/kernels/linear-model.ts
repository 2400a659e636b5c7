/**
 * A linear model on rows: what one event does, given a table of rows. The same code serves the plain sequential
 * loop (the table is the whole model), a learner (its working set) and a predictor (its replica), so that all
 * three agree bit for bit.
 *
 * `learn` is progressive: it returns the score from before the step. With standardisation the statistics take
 * the new number first and the gradient is then that of the newly scaled event (River's order).
 */
import type { LossName } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import { type Loss, losses } from '../model/losses.ts';
import { type RowLayout, statisticsSlots } from '../model/row-layout.ts';
import { observe, scaled } from '../model/standardizer.ts';
import type { KernelReport, LinearKernels, SizedKernels } from './linear-kernels.ts';

/** An event as the model sees it: entries `from` to `to` of parallel arrays. `rows[i]` is a row number of the table. */
export interface EventView {
  readonly rows: Uint32Array;
  readonly values: Float32Array;
  readonly numeric: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export class LinearModel {
  readonly layout: RowLayout;
  readonly #kernels: LinearKernels;
  readonly #loss: Loss;
  /** Statistics of the event at hand, so that an event that is refused half-way has changed nothing. */
  #statistics = new Float32Array(0);

  constructor(layout: RowLayout, kernels: LinearKernels, loss: LossName) {
    this.layout = layout;
    this.#kernels = kernels;
    this.#loss = losses[loss];
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  /** Raw score of the event; changes nothing. Throws MillraceError when it is not finite. */
  predict(table: Float32Array, event: EventView): number {
    const sized = this.#kernels.sized(event.to - event.from);
    this.#gather(table, event, sized);
    return finiteScore(sized.score());
  }

  /**
   * One step on the event's rows; returns the raw score from before it. All or nothing: throws MillraceError,
   * with the table untouched, when a score, a gradient or a parameter would not be finite.
   */
  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    const sized = this.#kernels.sized(event.to - event.from);
    this.#gather(table, event, sized);
    const before = finiteScore(sized.score());
    const raw = this.layout.standardize ? this.#observe(table, event, sized) : before;
    const gradient = Math.fround(weight * this.#loss.derivative(raw, label));
    if (!Number.isFinite(gradient)) throw divergence(`the gradient at score ${raw} and label ${label}`);
    const stepped = sized.step(gradient);
    if (!allFinite(stepped)) throw divergence('a parameter after this step');
    this.#scatter(stepped, table, event, sized.size);
    return before;
  }

  /** Copies the event's rows into the kernels' planes and scales its numbers by the statistics as they stand. */
  #gather(table: Float32Array, event: EventView, sized: SizedKernels): void {
    const { width, optimizerSlots, standardize } = this.layout;
    const { rows, values, size } = sized;
    const count = event.to - event.from;
    for (let i = 0; i < count; i++) {
      const at = event.rows[event.from + i]! * width;
      for (let slot = 0; slot < optimizerSlots; slot++) rows[slot * size + i] = table[at + slot]!;
      const value = event.values[event.from + i]!;
      const scale = standardize && event.numeric[event.from + i] === 1;
      values[i] = scale ? scaled(table, at + optimizerSlots, value) : value;
    }
    values.fill(0, count);
    for (let slot = 0; slot < optimizerSlots; slot++) rows.fill(0, slot * size + count, (slot + 1) * size);
  }

  /** Lets copies of the statistics see the event's numbers, and scores it again as they now scale it. */
  #observe(table: Float32Array, event: EventView, sized: SizedKernels): number {
    const { width, optimizerSlots } = this.layout;
    const count = event.to - event.from;
    if (this.#statistics.length < count * statisticsSlots) {
      this.#statistics = new Float32Array(count * statisticsSlots * 2);
    }
    for (let i = 0; i < count; i++) {
      const from = event.rows[event.from + i]! * width + optimizerSlots;
      const to = i * statisticsSlots;
      for (let slot = 0; slot < statisticsSlots; slot++) this.#statistics[to + slot] = table[from + slot]!;
      if (event.numeric[event.from + i] !== 1) continue;
      observe(this.#statistics, to, event.values[event.from + i]!);
      sized.values[i] = scaled(this.#statistics, to, event.values[event.from + i]!);
    }
    if (!allFinite(this.#statistics)) {
      this.#statistics.fill(0);
      throw divergence("a feature's running variance");
    }
    return finiteScore(sized.score());
  }

  #scatter(stepped: Float32Array, table: Float32Array, event: EventView, size: number): void {
    const { width, optimizerSlots, standardize } = this.layout;
    const count = event.to - event.from;
    for (let i = 0; i < count; i++) {
      const at = event.rows[event.from + i]! * width;
      for (let slot = 0; slot < optimizerSlots; slot++) table[at + slot] = stepped[slot * size + i]!;
      if (!standardize) continue;
      for (let slot = 0; slot < statisticsSlots; slot++) {
        table[at + optimizerSlots + slot] = this.#statistics[i * statisticsSlots + slot]!;
      }
    }
  }
}

/** A product with zero is not a number exactly when a factor is not finite. */
function allFinite(numbers: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]! * 0;
  return sum === 0;
}

function finiteScore(raw: number): number {
  if (!Number.isFinite(raw)) throw divergence('the score');
  return raw;
}

const divergence = (what: string): MillraceError =>
  new MillraceError('badInput', `${what} is not finite: lower the learning rate or scale the features`);
