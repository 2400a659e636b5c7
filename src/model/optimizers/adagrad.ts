/** AdaGrad, diagonal (Duchi, Hazan, Singer 2011): `n += g^2; w -= rate g / sqrt(n + epsilon)`. */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';

export type AdagradConfig = Extract<OptimizerConfig, { name: 'adagrad' }>;

export function adagrad(config: AdagradConfig): Optimizer {
  const interceptRate = config.interceptLearningRate ?? config.learningRate;
  return {
    name: 'adagrad',
    slots: ['weight', 'squares'],
    weight: (row, offset) => row[offset]!,
    step(row, offset, gradient, intercept) {
      const squares = row[offset + 1]! + gradient * gradient;
      const rate = intercept ? interceptRate : config.learningRate;
      row[offset] = row[offset]! - (rate * gradient) / Math.sqrt(squares + config.epsilon);
      row[offset + 1] = squares;
    },
  };
}
