/**
 * AdaDelta (Zeiler 2012), as River: `s = rho s + (1 - rho) g^2; d = g sqrt(m + epsilon) / sqrt(s + epsilon); w -= d;
 * m = rho m + (1 - rho) d^2`. It has no learning rate.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type AdadeltaConfig = Extract<OptimizerConfig, { name: 'adadelta' }>;

export function adadelta(config: AdadeltaConfig): Optimizer {
  const { rho, epsilon } = config;
  return {
    name: 'adadelta',
    slots: ['weight', 'squares', 'moves'],
    weight: (row, at) => row[at]!,
    step(row, at, gradient, intercept) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const g = gradient + l2 * row[at]!;
      const squares = rho * row[at + 1]! + (1 - rho) * (g * g);
      const rate = Math.sqrt(row[at + 2]! + epsilon) / Math.sqrt(squares + epsilon);
      const move = rate * g;
      row[at] = drawn(row[at]! - move, rate * l1);
      row[at + 1] = squares;
      row[at + 2] = rho * row[at + 2]! + (1 - rho) * (move * move);
    },
  };
}
