/**
 * Stochastic gradient descent (Robbins, Monro 1951): `w -= rate g`. The rate is constant, or falls with the weight T
 * of the events so far, this one included: `rate (offset / (offset + T - 1))^power`. With an offset of 1 that is
 * River's inverse scaling; Vowpal Wabbit's initial_t is the offset less 1. With importance-aware steps g is what
 * takes the score to where the followed step leads (losses/loss.ts).
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import { type Optimizer, unitStep } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type SgdConfig = Extract<OptimizerConfig, { name: 'sgd' }>;

export function sgd(config: SgdConfig): Optimizer {
  const { learningRate, interceptLearningRate, power, offset = 1 } = config;
  return {
    name: 'sgd',
    slots: ['weight'],
    ...(power !== undefined && {
      factors: { of: 'weight', at: (total) => [(offset / Math.max(offset, offset + total - 1)) ** power, 1] },
    }),
    weight: (row, at) => row[at]!,
    step(row, at, gradient, intercept, { factors: [factor] } = unitStep) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const rate = (intercept ? (interceptLearningRate ?? learningRate) : learningRate) * factor;
      row[at] = drawn(row[at]! - rate * (gradient + l2 * row[at]!), rate * l1);
    },
  };
}
