/**
 * A linear model whose optimiser works coordinate by coordinate (src/model/optimizers): score, gradient, step.
 *
 * `learn` is progressive: it returns the score from before the step. With standardisation the statistics take
 * the new number first and the gradient is then that of the newly scaled event (River's order).
 */
import type { LossConfig } from '../../config/schema.ts';
import { type Loss, lossFunction } from '../model/losses.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { EventStatistics } from './event-statistics.ts';
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
  readonly #statistics: EventStatistics | undefined;

  constructor(layout: RowLayout, kernels: LinearKernels, loss: LossConfig) {
    this.layout = layout;
    this.#kernels = kernels;
    this.#loss = lossFunction(loss);
    this.#statistics = layout.standardize ? new EventStatistics(layout) : undefined;
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
    let raw = before;
    if (this.#statistics !== undefined) {
      this.#statistics.observe(table, event, sized.values);
      raw = finiteScore(sized.score());
    }
    const gradient = Math.fround(weight * this.#loss.derivative(raw, label));
    if (!Number.isFinite(gradient)) throw divergence(`the gradient at score ${raw} and label ${label}`);
    const stepped = sized.step(gradient);
    if (!allFinite(stepped)) throw divergence('a parameter after this step');
    scatter(this.layout, stepped, table, event, sized.size);
    this.#statistics?.store(table, event);
    return before;
  }

  /** Rows and values into the kernels' planes, numbers scaled by the statistics as they stand. */
  #gather(table: Float32Array, event: EventView, sized: SizedKernels): void {
    gather(this.layout, table, event, sized);
    this.#statistics?.scale(table, event, sized.values);
  }
}
