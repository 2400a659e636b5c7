/**
 * AdaBound (Luo et al. 2019), as River: Adam whose rates are held between two bounds that close in on one rate, so that it
 * begins as Adam and ends as gradient descent. With t the steps so far:
 *
 *   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
 *   rate_i = rate sqrt(1 - beta2^t) / (1 - beta1^t) / (sqrt(v) + epsilon)
 *   w -= m min(max(rate_i, final (1 - 1 / (gamma t + 1))), final (1 + 1 / (gamma t)))
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import { type Optimizer, unitStep } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type AdaboundConfig = Extract<OptimizerConfig, { name: 'adabound' }>;

export function adabound(config: AdaboundConfig): Optimizer {
  const { learningRate, finalLearningRate, gamma, beta1, beta2, epsilon } = config;
  return {
    name: 'adabound',
    slots: ['weight', 'mean', 'squares'],
    // What makes up for means that began at 0, and the steps themselves.
    factors: {
      of: 'steps',
      at: (steps) => [Math.sqrt(1 - beta2 ** steps) / (1 - beta1 ** steps), steps],
    },
    weight: (row, at) => row[at]!,
    step(row, at, gradient, intercept, { factors: [bias, steps] } = unitStep) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const g = gradient + l2 * row[at]!;
      const mean = beta1 * row[at + 1]! + (1 - beta1) * g;
      const squares = beta2 * row[at + 2]! + (1 - beta2) * (g * g);
      const least = finalLearningRate * (1 - 1 / (gamma * steps + 1));
      const most = finalLearningRate * (1 + 1 / (gamma * steps));
      const rate = Math.min(Math.max((learningRate * bias) / (Math.sqrt(squares) + epsilon), least), most);
      row[at] = drawn(row[at]! - rate * mean, rate * l1);
      row[at + 1] = mean;
      row[at + 2] = squares;
    },
  };
}
