/** RMSProp (Tieleman, Hinton 2012), as River: `s = rho s + (1 - rho) g^2; w -= rate g / sqrt(s + epsilon)`. */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type RmspropConfig = Extract<OptimizerConfig, { name: 'rmsprop' }>;

export function rmsprop(config: RmspropConfig): Optimizer {
  const { learningRate, rho, epsilon } = config;
  return {
    name: 'rmsprop',
    slots: ['weight', 'squares'],
    weight: (row, at) => row[at]!,
    step(row, at, gradient, intercept) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const g = gradient + l2 * row[at]!;
      const squares = rho * row[at + 1]! + (1 - rho) * (g * g);
      const root = Math.sqrt(squares + epsilon);
      row[at] = drawn(row[at]! - (learningRate * g) / root, (learningRate * l1) / root);
      row[at + 1] = squares;
    },
  };
}
