/**
 * Momentum (Polyak 1964), as River: `v = rho v + rate g; w -= v`. Only an event's own features move. With Nesterov's
 * (1983) the gradient is that of the score from `w - rho v`, where the last moves lead on to.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type MomentumConfig = Extract<OptimizerConfig, { name: 'momentum' }>;

export function momentum(config: MomentumConfig): Optimizer {
  const { learningRate, rho } = config;
  return {
    name: 'momentum',
    slots: ['weight', 'velocity'],
    weight: (row, at) => row[at]!,
    step(row, at, gradient, intercept) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const velocity = rho * row[at + 1]! + learningRate * (gradient + l2 * row[at]!);
      row[at] = drawn(row[at]! - velocity, learningRate * l1);
      row[at + 1] = velocity;
    },
  };
}
