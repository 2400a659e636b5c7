/**
 * A linear model whose optimiser works coordinate by coordinate (src/model/optimizers): score, gradient, step.
 *
 * `learn` is progressive: it returns the score from before the step. With standardisation the statistics take
 * the new number first and the gradient is then that of the newly scaled event (River's order).
 *
 * The intercept is coordinate 0. With a `plainInterceptRate` it is no business of the rule: its weight is in slot 0
 * and takes plain gradient steps. With importance-aware steps the gradient is replaced by the one whose step takes the
 * score where the followed step leads.
 */
import type { LossConfig } from '../../config/schema.ts';
import { type Loss, lossFunction } from '../model/losses.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../model/optimizers/optimizer.ts';
import type { SgdConfig } from '../model/optimizers/sgd.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { bounded, type ScoreBounds } from '../model/score-bounds.ts';
import { EventStatistics } from './event-statistics.ts';
import { KeptRange } from './kept-range.ts';
import { isSteep, type LinearKernels, requireScore, type SizedKernels } from './linear-kernels.ts';
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
import { FeatureEntries, StepCounter } from './step-counter.ts';

export interface LinearOptions {
  readonly optimizer: CoordinateOptimizerConfig;
  readonly loss: LossConfig;
  readonly intercept: boolean;
  readonly bounds?: ScoreBounds;
  /** Whether scores are held within the range of the labels so far. */
  readonly keepsToLabels?: boolean;
}

export class LinearModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #kernels: LinearKernels;
  readonly #loss: Loss;
  readonly #statistics: EventStatistics | undefined;
  readonly #bounds: ScoreBounds | undefined;
  readonly #range: KeptRange | undefined;
  readonly #counter: StepCounter | undefined;
  readonly #features: FeatureEntries | undefined;
  /** Rate of an intercept that is stepped apart from the rule; its weight is then in slot 0 whatever the rule. */
  readonly #plainRate: number | undefined;
  readonly #followed: SgdConfig | undefined;
  readonly #isSteep: boolean;

  constructor(
    layout: RowLayout,
    kernels: LinearKernels,
    { optimizer, loss, intercept, bounds, keepsToLabels = false }: LinearOptions,
  ) {
    const { factors } = optimizerOf(optimizer);
    this.layout = layout;
    this.#kernels = kernels;
    this.#loss = lossFunction(loss);
    this.#statistics = layout.standardize ? new EventStatistics(layout) : undefined;
    this.#bounds = bounds;
    this.#range = keepsToLabels ? new KeptRange(layout, this.#loss) : undefined;
    this.#counter = factors && new StepCounter(layout, factors, intercept);
    this.#features = layout.stateRows > 0 ? new FeatureEntries(layout, intercept) : undefined;
    this.#plainRate =
      intercept && 'plainInterceptRate' in optimizer ? optimizer.plainInterceptRate : undefined;
    this.#isSteep = isSteep(optimizer);
    this.#followed = optimizer.name === 'sgd' && optimizer.importanceAware === true ? optimizer : undefined;
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  predict(table: Float32Array, event: EventView): number {
    const features = this.#features?.of(event) ?? event;
    const sized = this.#kernels.sized(features.to - features.from);
    this.#gather(table, features, sized);
    return this.#scoreOf(table, event, sized, sized.score());
  }

  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    requireLabel(this.#loss, label);
    const features = this.#features?.of(event) ?? event;
    const sized = this.#kernels.sized(features.to - features.from);
    this.#gather(table, features, sized);
    const before = this.#scoreOf(table, event, sized, sized.score());
    this.#statistics?.observe(table, features, sized.values);
    const isOther = this.#statistics !== undefined || sized.ahead !== undefined;
    const raw = isOther ? this.#scoreOf(table, event, sized, (sized.ahead ?? sized.score)()) : before;
    // An event of weight 0 is seen by the statistics alone: a rule that remembers would move on.
    if (weight > 0) this.#step(table, event, features, sized, { raw, label, weight });
    this.#statistics?.store(table, features);
    this.#range?.see(table, event, label);
    return before;
  }

  #step(
    table: Float32Array,
    event: EventView,
    features: EventView,
    sized: SizedKernels,
    learned: { readonly raw: number; readonly label: number; readonly weight: number },
  ): void {
    const count = this.#counter?.count(table, event, learned.weight);
    const factors = count === undefined ? undefined : this.#counter!.factorsAt(count);
    const gradient = this.#gradientOf(sized, learned, factors?.[0] ?? 1);
    if (!Number.isFinite(gradient)) {
      throw divergence(`the gradient at score ${learned.raw} and label ${learned.label}`);
    }
    const stepped = sized.step(gradient, factors);
    if (this.#plainRate !== undefined) stepped[0] = sized.rows[0]! - this.#plainRate * gradient;
    if (!allFinite(stepped)) throw divergence('a parameter after this step');
    if (this.#isSteep) requireScore(sized, stepped);
    scatter(this.layout, stepped, table, features, sized.size);
    if (count !== undefined) this.#counter!.store(table, event, count);
  }

  #scoreOf(table: Float32Array, event: EventView, { rows }: SizedKernels, score: number): number {
    const raw = finiteScore(this.#plainRate === undefined ? score : Math.fround(score + rows[0]!));
    return bounded(this.#range?.clip(table, event, raw) ?? raw, this.#bounds);
  }

  #gradientOf(
    sized: SizedKernels,
    { raw, label, weight }: { readonly raw: number; readonly label: number; readonly weight: number },
    factor: number,
  ): number {
    if (this.#followed === undefined) return Math.fround(weight * this.#loss.derivative(raw, label));
    const { learningRate, interceptLearningRate = learningRate } = this.#followed;
    const rate = learningRate * factor;
    let sensitivity = 0;
    for (const x of sized.values) sensitivity += x * x;
    const first = sized.values[0]! ** 2;
    sensitivity += first * (interceptLearningRate / learningRate - 1);
    return Math.fround(-this.#loss.update(raw, label, rate * weight, sensitivity) / rate);
  }

  /** Rows and values into the kernels' planes, numbers scaled by the statistics as they stand. */
  #gather(table: Float32Array, event: EventView, sized: SizedKernels): void {
    gather(this.layout, table, event, sized);
    this.#statistics?.scale(table, event, sized.values);
    // Nothing of an intercept that is stepped apart is left to the kernels.
    if (this.#plainRate !== undefined) sized.values[0] = 0;
  }
}
