/**
 * Adam and its relatives, with t the steps so far and only an event's own features moving (all as River):
 *
 *   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
 *   adam      w -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)      (Kingma, Ba 2015, section 2)
 *   amsgrad   the same with the largest v so far                                       (Reddi, Kale, Kumar 2018)
 *   adamax    v = max(beta2 v, |g|);   w -= rate / (1 - beta1^t) m / (v + epsilon)      (Kingma, Ba 2015, section 7)
 *   nadam     w -= rate (beta1 m + (1 - beta1) g) / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)  (Dozat 2016)
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import { type Optimizer, unitStep } from './optimizer.ts';
import { drawn, penaltyOf } from './penalty.ts';

export type AdamConfig = Extract<OptimizerConfig, { name: 'adam' }>;

export function adam(config: AdamConfig): Optimizer {
  const { learningRate, beta1, beta2, epsilon, variant } = config;
  const slots = ['weight', 'mean', variant === 'adamax' ? 'largest' : 'squares'];
  return {
    name: 'adam',
    slots: variant === 'amsgrad' ? [...slots, 'largest'] : slots,
    factors: { of: 'steps', at: (steps) => biases(config, steps) },
    weight: (row, at) => row[at]!,
    step(row, at, gradient, intercept, { factors: [first, second] } = unitStep) {
      const { l1, l2 } = penaltyOf(config, intercept);
      const g = gradient + l2 * row[at]!;
      const mean = beta1 * row[at + 1]! + (1 - beta1) * g;
      const before = row[at + 2]!;
      const spread =
        variant === 'adamax' ? Math.max(beta2 * before, Math.abs(g)) : beta2 * before + (1 - beta2) * (g * g);
      let divisor = spread + epsilon;
      let move = mean;
      if (variant === 'adam') divisor = Math.sqrt(spread) + epsilon;
      if (variant === 'amsgrad') divisor = Math.sqrt(Math.max(row[at + 3]!, spread)) + epsilon;
      if (variant === 'nadam') {
        divisor = Math.sqrt(spread * second) + epsilon;
        move = beta1 * mean + (1 - beta1) * g;
      }
      const rate = (learningRate * first) / divisor;
      row[at] = drawn(row[at]! - rate * move, rate * l1);
      row[at + 1] = mean;
      row[at + 2] = spread;
      if (variant === 'amsgrad') row[at + 3] = Math.max(row[at + 3]!, spread);
    },
  };
}

/** What makes up for means that began at 0: a factor of the rate, and one of the mean of squares. */
function biases({ beta1, beta2, variant }: AdamConfig, steps: number): readonly [number, number] {
  const first = 1 / (1 - beta1 ** steps);
  const second = 1 / (1 - beta2 ** steps);
  return variant === 'adam' || variant === 'amsgrad' ? [first / Math.sqrt(second), 1] : [first, second];
}
