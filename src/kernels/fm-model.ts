/**
 * A factorisation machine (fm-functions.ts), learned by AdaGrad. `learn` is progressive, and with standardisation the
 * statistics take the new number first (linear-model.ts). A regression's predictions are held within the labels' range.
 */
import type { FamilyConfig } from '../../config/family-schema.ts';
import type { KernelMode, LossConfig, OptimizerConfig } from '../../config/schema.ts';
import { scoreOfSums } from '../model/fm-score.ts';
import { InitialValues } from '../model/initial-values.ts';
import { clipToLabels, seeLabel } from '../model/label-range.ts';
import { type Loss, lossFunction } from '../model/losses.ts';
import { type RowLayout, sharedAt } from '../model/row-layout.ts';
import { EventStatistics } from './event-statistics.ts';
import { stepFm, sumsFm } from './fm-functions.ts';
import { type CompiledKernel, kernelCompiler } from './gpu.ts';
import {
  allFinite,
  divergence,
  type EventBuffers,
  type EventView,
  finiteScore,
  gather,
  type OnlineModel,
  requireLabel,
  scatter,
} from './online-model.ts';
import { type KernelReport, SizeClasses } from './size-classes.ts';

export type FmConfig = Pick<
  Extract<FamilyConfig, { name: 'fm' }>,
  'factors' | 'initStd' | 'learningRate' | 'seed'
>;

export interface FmSettings {
  readonly family: FmConfig;
  readonly optimizer: Extract<OptimizerConfig, { name: 'adagrad' }>;
  readonly loss: LossConfig;
  readonly mode: KernelMode;
  readonly intercept: boolean;
}

export interface FmKernels extends EventBuffers {
  readonly initials: Float32Array;
  readonly compiled: readonly CompiledKernel[];
  /** Raw score of rows, initials and values. */
  score(): number;
  /** New planes after the last score's step; valid until the next call. */
  step(gradient: number): Float32Array;
}

export function fmKernels({ family, optimizer, mode, intercept }: FmSettings): SizeClasses<FmKernels> {
  const compiler = kernelCompiler(mode);
  const { factors, learningRate: factorRate } = family;
  const { learningRate: rate, epsilon } = optimizer;
  const interceptRate = optimizer.interceptLearningRate ?? rate;
  const planes = 2 + 2 * factors;
  return new SizeClasses(mode, (size) => {
    const rows = new Float32Array(planes * size);
    const initials = new Float32Array(factors * size);
    const values = new Float32Array(size);
    const gradients = new Float32Array(1);
    const constants = { size, factors, plain: intercept ? 1 : 0, rate, interceptRate, factorRate, epsilon };
    const sums = compiler.compile(sumsFm, { outputs: 1 + 2 * factors, constants, loopMax: size });
    const step = compiler.compile(stepFm, { outputs: planes * size, constants, loopMax: size });
    // A first run compiles; it also settles which backend takes the kernel before anybody asks.
    let last = sums.run(rows, initials, values);
    step.run(rows, initials, values, last, gradients);
    return {
      size,
      rows,
      initials,
      values,
      compiled: [sums, step],
      score() {
        last = sums.run(rows, initials, values);
        return scoreOfSums(last, factors);
      },
      step(gradient) {
        gradients[0] = gradient;
        return step.run(rows, initials, values, last, gradients);
      },
    };
  });
}

export class FmModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #kernels: SizeClasses<FmKernels>;
  readonly #factors: number;
  readonly #initial: InitialValues;
  readonly #loss: Loss;
  readonly #statistics: EventStatistics | undefined;

  constructor(layout: RowLayout, kernels: SizeClasses<FmKernels>, { family, loss }: FmSettings) {
    this.layout = layout;
    this.#kernels = kernels;
    this.#factors = family.factors;
    this.#initial = new InitialValues(family, family.factors);
    this.#loss = lossFunction(loss);
    this.#statistics = layout.standardize ? new EventStatistics(layout) : undefined;
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  predict(table: Float32Array, event: EventView): number {
    return this.#clip(table, event, this.#gather(table, event).score());
  }

  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    requireLabel(this.#loss, label);
    const sized = this.#gather(table, event);
    let raw = finiteScore(sized.score());
    const before = this.#clip(table, event, raw);
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
    if (this.layout.sharedRows > 0) seeLabel(table, sharedAt(this.layout, event), this.#loss.target(label));
    return before;
  }

  /** Rows, what their vectors began with, and values into the kernels' planes. */
  #gather(table: Float32Array, event: EventView): FmKernels {
    const count = event.to - event.from;
    const sized = this.#kernels.sized(count);
    gather(this.layout, table, event, sized);
    this.#statistics?.scale(table, event, sized.values);
    const { initials, size } = sized;
    for (let i = 0; i < count; i++) {
      const row = event.rows[event.from + i]!;
      const key = event.keys === undefined ? row : event.keys[row]!;
      for (let f = 0; f < this.#factors; f++) initials[f * size + i] = this.#initial.of(key, f);
    }
    for (let f = 0; f < this.#factors; f++) initials.fill(0, f * size + count, (f + 1) * size);
    return sized;
  }

  #clip(table: Float32Array, event: EventView, raw: number): number {
    finiteScore(raw);
    return this.layout.sharedRows > 0 ? clipToLabels(table, sharedAt(this.layout, event), raw) : raw;
  }
}
