/**
 * What can be said of a score beside its number: what each feature adds to it, and how sure it is. Asked for seldom,
 * so it is plain code and no kernel; the weights are those of the optimisers, in double precision as in mode `cpu`.
 *
 * Uncertainty is `u(x) = alpha sum |x_i| / (beta + sqrt(n_i))` (McMahan et al. 2013, section 6): about how far
 * one more event like this could move the raw score. n is the sum of squared gradients of the coordinate, x its value as the model
 * sees it, scaled where numbers are standardised; the intercept counts as a coordinate of value 1.
 *
 *   ftrl     alpha and beta of the optimiser
 *   adagrad  alpha = learningRate, beta = 1
 *   nag      alpha = learningRate, of x / N with the gradients of x / N: |x| / (N + sqrt(G)), N no less than |x|
 */
import type { OptimizerConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import { optimizerOf } from '../model/optimizers/optimizer.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { scaled } from '../model/standardizer.ts';
import type { EventView } from './online-model.ts';

export interface ScoreReading {
  /** The event with what it refers to as entries behind its own; absent where all of it is there. Valid until the next call. */
  seen?(table: Float32Array, event: EventView): EventView;
  /** Into `into[i]` what entry `event.from + i` adds to the raw score, before that is clipped or rounded. */
  contributions(table: Float32Array, event: EventView, into: Float64Array): void;
  /** What a value of 1 adds by this row; absent where a score is no sum of weights times values. */
  weight?(table: Float32Array, row: number): number;
  /** u(x) of the event; absent where the optimiser keeps no sum of squared gradients. Throws when it is not finite. */
  uncertainty?(table: Float32Array, event: EventView): number;
}

/** Of a row: the weight that the model multiplies value x with. */
type Weight = (row: Float32Array, offset: number, x: number) => number;
/** What a coordinate of this value adds to u(x). */
type Doubt = (row: Float32Array, offset: number, x: number) => number;

/** Those under which a row alone says its weight. */
export type WeightedOptimizer = Exclude<OptimizerConfig, { name: 'coin' }>;

/** Of a model whose score is the sum of each feature's weight times its value. */
export function linearReading(
  layout: RowLayout,
  optimizer: WeightedOptimizer,
  intercept: boolean,
  /** Where in a row the slots of the score begin. */
  slotsAt = 0,
): ScoreReading & Required<Pick<ScoreReading, 'weight'>> {
  const weight = weightOf(optimizer);
  // An intercept that is stepped apart from the rule has its weight in slot 0.
  const isPlain =
    intercept && 'plainInterceptRate' in optimizer && optimizer.plainInterceptRate !== undefined;
  const doubt = doubtOf(optimizer);
  const weightAt = (table: Float32Array, row: number, x = 1) =>
    isPlain && row === layout.stateKey - 1
      ? table[row * layout.width + slotsAt]!
      : weight(table, row * layout.width + slotsAt, x);
  return {
    contributions(table, event, into) {
      for (let i = event.from; i < event.to; i++) {
        const x = seenValue(layout, table, event, i);
        into[i - event.from] = weightAt(table, event.rows[i]!, x) * x;
      }
    },
    weight: weightAt,
    ...(doubt && {
      uncertainty(table, event) {
        let sum = 0;
        for (let i = event.from; i < event.to; i++) {
          const x = seenValue(layout, table, event, i);
          if (x !== 0) sum += doubt(table, event.rows[i]! * layout.width + slotsAt, Math.abs(x));
        }
        return finiteDoubt(sum);
      },
    }),
  };
}

/** Nothing bounds the step of a coordinate that was never learned when beta is 0. */
function finiteDoubt(sum: number): number {
  if (Number.isFinite(sum)) return sum;
  throw new MillraceError(
    'badInput',
    'uncertainty: not finite for a feature that was never seen; set optimizer.beta above 0',
  );
}

/** The value of entry `i` as the score is made from it. */
export function seenValue(layout: RowLayout, table: Float32Array, event: EventView, i: number): number {
  const value = event.values[i]!;
  if (!layout.standardize || event.numeric[i] !== 1) return value;
  return Math.fround(scaled(table, event.rows[i]! * layout.width + layout.optimizerSlots, value));
}

function weightOf(optimizer: WeightedOptimizer): Weight {
  return optimizer.name === 'nag' ? (row, offset) => row[offset]! : optimizerOf(optimizer).weight;
}

function doubtOf(optimizer: OptimizerConfig): Doubt | undefined {
  switch (optimizer.name) {
    case 'ftrl': {
      const { alpha, beta } = optimizer;
      return (row, offset, x) => (alpha * x) / (beta + Math.sqrt(row[offset + 1]!));
    }
    case 'adagrad': {
      const { learningRate } = optimizer;
      return (row, offset, x) => (learningRate * x) / (1 + Math.sqrt(row[offset + 1]!));
    }
    case 'nag': {
      const { learningRate } = optimizer;
      return (row, offset, x) =>
        (learningRate * x) / (Math.max(row[offset + 2]!, x) + Math.sqrt(row[offset + 1]!));
    }
    default:
      return undefined;
  }
}
