/**
 * A linear model learned by the normalised adaptive gradient (src/model/optimizers/nag.ts). Its two reserved rows
 * come with every event as coordinates of value 0, right behind the intercept: no kernel touches them, and they
 * travel, commit and are restored as all rows are.
 */
import type { KernelMode, LossConfig } from '../../config/schema.ts';
import { type Loss, lossFunction } from '../model/losses.ts';
import {
  clipScore,
  isPenalized,
  type NagConfig,
  type NagState,
  nagUpdate,
  withTarget,
} from '../model/optimizers/nag.ts';
import type { RowLayout } from '../model/row-layout.ts';
import type { ScoreBounds } from '../model/score-bounds.ts';
import { EventStatistics } from './event-statistics.ts';
import { type CompiledKernel, kernelCompiler } from './gpu.ts';
import { adaptNag, spreadNag, weightsNag } from './nag-functions.ts';
import { NagPenalty } from './nag-penalty.ts';
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
import { scoreOfWeights } from './step-functions.ts';

export interface NagKernels extends EventBuffers {
  readonly compiled: readonly CompiledKernel[];
  score(): number;
  /** sum x^2 r, and sum (x / N)^2, after a gradient of this square times weight. */
  spread(squaredGradient: number): { readonly sensitivity: number; readonly norm: number };
  /** New planes after the spread that was asked for last; `factor` is u m. Valid until the next call. */
  step(factor: number): Float32Array;
}

const planes = 3;

export function nagKernels(
  mode: KernelMode,
  { halfLife }: Pick<NagConfig, 'halfLife'>,
): SizeClasses<NagKernels> {
  const keep = halfLife === undefined ? 1 : 2 ** (-1 / halfLife);
  const compiler = kernelCompiler(mode);
  return new SizeClasses(mode, (size) => {
    const rows = new Float32Array(planes * size);
    const values = new Float32Array(size);
    const gradient = new Float32Array(1);
    const factor = new Float32Array(1);
    const constants = { size, keep };
    const score = compiler.compile(scoreOfWeights, { outputs: 1, constants, loopMax: size });
    const adapt = compiler.compile(adaptNag, { outputs: planes * size, constants, loopMax: size });
    const spread = compiler.compile(spreadNag, { outputs: 2, constants, loopMax: size });
    const weights = compiler.compile(weightsNag, { outputs: size, constants, loopMax: size });
    // A first run compiles; it also settles which backend takes the kernel before anybody asks.
    score.run(rows, values);
    let adapted = adapt.run(rows, values, gradient);
    spread.run(adapted, values);
    weights.run(rows, adapted, factor);
    return {
      size,
      rows,
      values,
      compiled: [score, adapt, spread, weights],
      score: () => score.run(rows, values)[0]!,
      spread(squaredGradient) {
        gradient[0] = squaredGradient;
        adapted = adapt.run(rows, values, gradient);
        const [sensitivity, norm] = spread.run(adapted, values);
        return { sensitivity: sensitivity!, norm: norm! };
      },
      step(multiplier) {
        factor[0] = multiplier;
        adapted.set(weights.run(rows, adapted, factor));
        return adapted;
      },
    };
  });
}

export class NagModel implements OnlineModel {
  readonly layout: RowLayout;
  /** That of the slots which the kernels know. */
  readonly #planes: RowLayout;
  readonly #config: NagConfig;
  readonly #loss: Loss;
  readonly #bounds: ScoreBounds | undefined;
  readonly #statistics: EventStatistics | undefined;
  readonly #penalty: NagPenalty | undefined;
  readonly #kernels: SizeClasses<NagKernels>;
  /** Where among an event's entries the reserved rows stand. */
  readonly #stateAt: number;

  constructor(
    layout: RowLayout,
    kernels: SizeClasses<NagKernels>,
    options: {
      readonly config: NagConfig;
      readonly loss: LossConfig;
      readonly intercept: boolean;
      readonly bounds?: ScoreBounds;
    },
  ) {
    this.layout = layout;
    this.#planes = { ...layout, optimizerSlots: planes };
    this.#config = options.config;
    this.#loss = lossFunction(options.loss);
    this.#kernels = kernels;
    this.#bounds = options.bounds;
    this.#stateAt = options.intercept ? 1 : 0;
    this.#penalty = isPenalized(options.config)
      ? new NagPenalty(layout, options.config, this.#stateAt)
      : undefined;
    this.#statistics = layout.standardize ? new EventStatistics(layout) : undefined;
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  predict(table: Float32Array, event: EventView): number {
    const sized = this.#kernels.sized(event.to - event.from);
    this.#gather(table, event, sized);
    return this.#scored(table, event, sized, this.#stateOf(table, event));
  }

  /** The label is rounded as the range of labels is, so that a score which is held at it is right, and teaches nothing. */
  learn(table: Float32Array, event: EventView, given: number, weight: number): number {
    requireLabel(this.#loss, given);
    const label = Math.fround(given);
    const sized = this.#kernels.sized(event.to - event.from);
    this.#gather(table, event, sized);
    const before = this.#stateOf(table, event);
    const predicted = this.#scored(table, event, sized, before);
    const score = this.#observed(table, event, sized, before) ?? predicted;
    const seen = withTarget(before, this.#loss.target(label));
    const squared = Math.fround(weight * this.#loss.squaredDerivative(score, label));
    if (!Number.isFinite(squared)) throw divergence(`the gradient at score ${score} and label ${label}`);
    const spread = sized.spread(squared);
    if (squared === 0 || spread.norm === 0) {
      this.#storeState(table, event, seen);
      return predicted;
    }
    const { state, factor, update } = nagUpdate(
      this.#config,
      this.#loss,
      seen,
      { score, label, weight },
      spread,
    );
    if (![spread.sensitivity, spread.norm, factor, state.norm].every(Number.isFinite)) {
      throw divergence(`the step at score ${score} and label ${label}`);
    }
    const penalized = this.#penalty?.step(this.#loss.derivative(score, label), update, sized);
    const stepped = sized.step(factor);
    if (!allFinite(stepped)) throw divergence('a parameter after this step');
    scatter(this.#planes, stepped, table, event, sized.size);
    if (penalized !== undefined) this.#penalty!.store(table, event, penalized);
    this.#storeState(table, event, state);
    return predicted;
  }

  /** Rows and values into the kernels' planes, numbers scaled by the statistics as they stand. */
  #gather(table: Float32Array, event: EventView, sized: NagKernels): void {
    gather(this.#planes, table, event, sized);
    this.#penalty?.shrink(table, event, sized);
    this.#statistics?.scale(table, event, sized.values);
  }

  /** The score once the statistics have seen the event's numbers; undefined where there are none. */
  #observed(table: Float32Array, event: EventView, sized: NagKernels, state: NagState): number | undefined {
    if (this.#statistics === undefined) return undefined;
    this.#statistics.observe(table, event, sized.values);
    return this.#scored(table, event, sized, state);
  }

  #scored(table: Float32Array, event: EventView, sized: NagKernels, state: NagState): number {
    const score = this.#penalty?.score(table, event, sized) ?? finiteScore(sized.score());
    return clipScore(score, this.#loss, state, this.#bounds);
  }

  #stateOf(table: Float32Array, event: EventView): NagState {
    const { sums, range } = this.#placesOf(event);
    const [weight, norm, least, greatest] = [
      table[sums]!,
      table[sums + 1]!,
      table[range]!,
      table[range + 1]!,
    ];
    return { weight, norm, least, greatest };
  }

  #storeState(table: Float32Array, event: EventView, state: NagState): void {
    this.#statistics?.store(table, event);
    const { sums, range } = this.#placesOf(event);
    table[sums] = state.weight;
    table[sums + 1] = state.norm;
    table[range] = state.least;
    table[range + 1] = state.greatest;
  }

  #placesOf(event: EventView): { readonly sums: number; readonly range: number } {
    const at = event.from + this.#stateAt;
    // One against all, each class has its own sums; the range is that of all their labels.
    const { width, offset } = this.layout;
    return { sums: event.rows[at]! * width + offset, range: event.rows[at + 1]! * width };
  }
}
