/** AdaGrad, diagonal (Duchi, Hazan, Singer 2011): `n += g^2; w -= rate g / sqrt(n + epsilon)`. */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type AdagradConfig = Extract<OptimizerConfig, { name: 'adagrad' }>;

export function adagrad(config: AdagradConfig): Optimizer {
  const interceptRate = config.interceptLearningRate ?? config.learningRate;
  return {
    name: 'adagrad',
    slots: ['weight', 'squares'],
    weight: (row, offset) => row[offset]!,
    step(row, offset, gradient, intercept) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const g = gradient + l2 * row[offset]!;
      const squares = row[offset + 1]! + g * g;
      const rate = intercept ? interceptRate : config.learningRate;
      const root = Math.sqrt(squares + config.epsilon);
      row[offset] = drawn(row[offset]! - (rate * g) / root, (rate * l1) / root);
      row[offset + 1] = squares;
    },
  };
}
