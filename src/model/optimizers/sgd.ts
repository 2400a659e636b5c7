/** Stochastic gradient descent with a constant rate (Robbins, Monro 1951): `w -= rate g`. */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';

export type SgdConfig = Extract<OptimizerConfig, { name: 'sgd' }>;

export function sgd(config: SgdConfig): Optimizer {
  const interceptRate = config.interceptLearningRate ?? config.learningRate;
  return {
    name: 'sgd',
    slots: ['weight'],
    weight: (row, offset) => row[offset]!,
    step(row, offset, gradient, intercept) {
      row[offset] = row[offset]! - (intercept ? interceptRate : config.learningRate) * gradient;
    },
  };
}
