/**
 * A linear model with coin betting (src/model/optimizers/coin.ts): score, gradient, step. What the whole model
 * remembers lies in two reserved rows of the table, which every event brings along with value 0.
 */
import type { KernelMode, LossConfig } from '../../config/schema.ts';
import { storeSum, sumAt } from '../model/exact-sum.ts';
import { type Loss, lossFunction } from '../model/losses.ts';
import { type CoinConfig, coinNorm, coinSlots } from '../model/optimizers/coin.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { bounded, type ScoreBounds } from '../model/score-bounds.ts';
import { scoreCoin, stepCoin } from './betting-functions.ts';
import { type CompiledKernel, kernelCompiler } from './gpu.ts';
import { KeptRange } from './kept-range.ts';
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
import type { ScoreReading } from './score-reading.ts';
import { type KernelReport, SizeClasses } from './size-classes.ts';

export interface CoinKernels extends EventBuffers {
  readonly compiled: readonly CompiledKernel[];
  /** sum w x, and sum (x / N)^2. */
  score(): { readonly sum: number; readonly norm: number };
  /** New planes; valid until the next call. */
  step(gradient: number): Float32Array;
}

export function coinKernels({ alpha, beta }: CoinConfig, mode: KernelMode): SizeClasses<CoinKernels> {
  const compiler = kernelCompiler(mode);
  const planes = coinSlots.length;
  return new SizeClasses(mode, (size) => {
    const rows = new Float32Array(planes * size);
    const values = new Float32Array(size);
    const gradients = new Float32Array(1);
    const constants = { size, alpha, beta };
    const score = compiler.compile(scoreCoin, { outputs: 2, constants, loopMax: size });
    const step = compiler.compile(stepCoin, { outputs: planes * size, constants, loopMax: size });
    // A first run compiles; it also settles which backend takes the kernel before anybody asks.
    score.run(rows, values);
    step.run(rows, values, gradients);
    return {
      size,
      rows,
      values,
      compiled: [score, step],
      score() {
        const [sum, norm] = score.run(rows, values);
        return { sum: sum!, norm: norm! };
      },
      step(gradient) {
        gradients[0] = gradient;
        return step.run(rows, values, gradients);
      },
    };
  });
}

export interface CoinOptions {
  readonly loss: LossConfig;
  readonly intercept: boolean;
  readonly bounds?: ScoreBounds;
  /** Whether scores are held within the range of the labels so far. */
  readonly keepsToLabels?: boolean;
}

export class CoinModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #kernels: SizeClasses<CoinKernels>;
  readonly #loss: Loss;
  readonly #bounds: ScoreBounds | undefined;
  readonly #range: KeptRange | undefined;
  /** Where among an event's entries the reserved rows stand. */
  readonly #stateAt: number;

  constructor(
    layout: RowLayout,
    kernels: SizeClasses<CoinKernels>,
    { loss, intercept, bounds, keepsToLabels = false }: CoinOptions,
  ) {
    this.layout = layout;
    this.#kernels = kernels;
    this.#loss = lossFunction(loss);
    this.#bounds = bounds;
    this.#range = keepsToLabels ? new KeptRange(layout, this.#loss) : undefined;
    this.#stateAt = intercept ? 1 : 0;
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  predict(table: Float32Array, event: EventView): number {
    const sized = this.#kernels.sized(event.to - event.from);
    return this.#score(table, event, sized, 1).raw;
  }

  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    requireLabel(this.#loss, label);
    const sized = this.#kernels.sized(event.to - event.from);
    if (weight === 0) return this.#score(table, event, sized, 1).raw;
    // What a predictor says, who knows no weight: the step takes the score that goes with the event's own.
    const predicted = weight === 1 ? undefined : this.#score(table, event, sized, 1).raw;
    const { raw, total, norm } = this.#score(table, event, sized, weight);
    const gradient = Math.fround(weight * this.#loss.derivative(raw, label));
    if (!Number.isFinite(gradient)) throw divergence(`the gradient at score ${raw} and label ${label}`);
    const stepped = sized.step(gradient);
    if (!allFinite(stepped)) throw divergence('a parameter after this step');
    if (!allFinite(Float32Array.of(total, norm))) throw divergence('the weight of all events');
    scatter(this.layout, stepped, table, event, sized.size);
    const { weights, norms } = coinPlaces(this.layout, event, this.#stateAt);
    storeSum(table, weights, weights + 1, total);
    storeSum(table, norms, norms + 1, norm);
    this.#range?.see(table, event, label);
    return predicted ?? raw;
  }

  /** With the sums as they are after an event of this weight. */
  #score(table: Float32Array, event: EventView, sized: CoinKernels, weight: number) {
    gather(this.layout, table, event, sized);
    const score = sized.score();
    const { weights, norms } = coinPlaces(this.layout, event, this.#stateAt);
    const total = sumAt(table, weights, weights + 1) + weight;
    const norm = sumAt(table, norms, norms + 1) + weight * score.norm;
    const raw = finiteScore(Math.fround(score.sum / coinNorm(total, norm)));
    return { raw: bounded(this.#range?.clip(table, event, raw) ?? raw, this.#bounds), total, norm };
  }
}

/** Slots of the table where the reserved rows' sums begin; `stateAt` is the first row's place among the entries. */
function coinPlaces({ width, offset }: RowLayout, { rows, from }: EventView, stateAt: number) {
  const [weights, norms] = [rows[from + stateAt]!, rows[from + stateAt + 1]!];
  return { weights: weights * width + offset, norms: norms * width + offset };
}

/** What each feature adds to the score: its weight times its value, over what the score divides the sum by. */
export function coinReading(layout: RowLayout, { alpha }: CoinConfig, intercept: boolean): ScoreReading {
  return {
    contributions(table, event, into) {
      const { weights, norms } = coinPlaces(layout, event, intercept ? 1 : 0);
      let norm = sumAt(table, norms, norms + 1);
      for (let i = event.from; i < event.to; i++) {
        const x = event.values[i]!;
        const at = event.rows[i]! * layout.width;
        const scale = Math.max(table[at + 3]!, Math.abs(x));
        const bound = table[at + 4]! * scale;
        into[i - event.from] =
          bound > 0 ? ((alpha + table[at + 2]!) / (bound * (bound + table[at + 1]!))) * table[at]! * x : 0;
        if (scale > 0) norm += (x / scale) ** 2;
      }
      const divisor = coinNorm(sumAt(table, weights, weights + 1) + 1, norm);
      for (let i = 0; i < event.to - event.from; i++) into[i] = into[i]! / divisor;
    },
  };
}
