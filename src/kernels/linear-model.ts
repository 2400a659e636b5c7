/**
 * A linear model whose optimiser works coordinate by coordinate (src/model/optimizers): score, gradient, step.
 *
 * `learn` is progressive: it returns the score from before the step. With standardisation the statistics take
 * the new number first and the gradient is then that of the newly scaled event (River's order).
 */
import type { LossConfig } from '../../config/schema.ts';
import { type Loss, lossFunction } from '../model/losses.ts';
import { type RowLayout, statisticsSlots } from '../model/row-layout.ts';
import { observe, scaled } from '../model/standardizer.ts';
import type { LinearKernels, SizedKernels } from './linear-kernels.ts';
import {
  allFinite,
  divergence,
  type EventView,
  finiteScore,
  gather,
  type OnlineModel,
  requireLabel,
  scatter,
} from './online-model.ts';
import type { KernelReport } from './size-classes.ts';

export class LinearModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #kernels: LinearKernels;
  readonly #loss: Loss;
  /** Statistics of the event at hand, so that an event that is refused half-way has changed nothing. */
  #statistics = new Float32Array(0);

  constructor(layout: RowLayout, kernels: LinearKernels, loss: LossConfig) {
    this.layout = layout;
    this.#kernels = kernels;
    this.#loss = lossFunction(loss);
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  predict(table: Float32Array, event: EventView): number {
    const sized = this.#kernels.sized(event.to - event.from);
    this.#gather(table, event, sized);
    return finiteScore(sized.score());
  }

  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    requireLabel(this.#loss, label);
    const sized = this.#kernels.sized(event.to - event.from);
    this.#gather(table, event, sized);
    const before = finiteScore(sized.score());
    const raw = this.layout.standardize ? this.#observe(table, event, sized) : before;
    const gradient = Math.fround(weight * this.#loss.derivative(raw, label));
    if (!Number.isFinite(gradient)) throw divergence(`the gradient at score ${raw} and label ${label}`);
    const stepped = sized.step(gradient);
    if (!allFinite(stepped)) throw divergence('a parameter after this step');
    scatter(this.layout, stepped, table, event, sized.size);
    if (this.layout.standardize) this.#storeStatistics(table, event);
    return before;
  }

  /** Rows and values into the kernels' planes, numbers scaled by the statistics as they stand. */
  #gather(table: Float32Array, event: EventView, sized: SizedKernels): void {
    gather(this.layout, table, event, sized);
    if (!this.layout.standardize) return;
    const { width, optimizerSlots } = this.layout;
    for (let i = event.from; i < event.to; i++) {
      if (event.numeric[i] !== 1) continue;
      sized.values[i - event.from] = scaled(table, event.rows[i]! * width + optimizerSlots, event.values[i]!);
    }
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

  #storeStatistics(table: Float32Array, event: EventView): void {
    const { width, optimizerSlots } = this.layout;
    for (let i = event.from; i < event.to; i++) {
      const from = (i - event.from) * statisticsSlots;
      const to = event.rows[i]! * width + optimizerSlots;
      for (let slot = 0; slot < statisticsSlots; slot++) table[to + slot] = this.#statistics[from + slot]!;
    }
  }
}
