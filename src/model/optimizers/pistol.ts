/**
 * PiSTOL (Orabona 2014), as Vowpal Wabbit's --pistol: no learning rate, the weight follows from the sums of the
 * gradients. The row holds (z, n, N): `z -= g`, `n += |g|`, N the largest |x|, with that of the value at hand.
 * `w = beta sqrt(n) z c exp(z^2 c / 2)`, `c = 1 / (alpha N (n + N))`.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import { type Optimizer, unitStep } from './optimizer.ts';

export type PistolConfig = Extract<OptimizerConfig, { name: 'pistol' }>;

export function pistol({ alpha, beta }: PistolConfig): Optimizer {
  return {
    name: 'pistol',
    slots: ['z', 'gradients', 'scale'],
    maxima: 1,
    weight(row, at, x = 1) {
      const scale = Math.max(row[at + 2]!, Math.abs(x));
      if (scale === 0) return 0;
      const z = row[at]!;
      const n = row[at + 1]!;
      const c = 1 / (alpha * scale * (n + scale));
      return Math.sqrt(n) * beta * z * Math.exp(((z * z) / 2) * c) * c;
    },
    step(row, at, gradient, _intercept, { x } = unitStep) {
      row[at] = row[at]! - gradient;
      row[at + 1] = row[at + 1]! + Math.abs(gradient);
      row[at + 2] = Math.max(row[at + 2]!, Math.abs(x));
    },
  };
}
