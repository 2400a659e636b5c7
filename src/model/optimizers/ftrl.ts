/**
 * FTRL-Proximal, per coordinate (McMahan et al. 2013, algorithm 1). The row holds (z, n); the weight follows:
 * `w = 0 if |z| <= l1, else -(z - sgn(z) l1) / ((beta + sqrt n) / alpha + l2)`; also 0 while the divisor is 0,
 * which with beta and l2 of 0 a gradient does whose square is too small for float32.
 * Step: `sigma = (sqrt(n + g^2) - sqrt n) / alpha; z += g - sigma w; n += g^2`.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Optimizer } from './optimizer.ts';

export type FtrlConfig = Extract<OptimizerConfig, { name: 'ftrl' }>;

export function ftrl(config: FtrlConfig): Optimizer {
  const { alpha, beta, l1, l2 } = config;
  const weight = (row: Float32Array, offset: number): number => {
    const z = row[offset]!;
    if (Math.abs(z) <= l1) return 0;
    const shrunk = z > 0 ? z - l1 : z + l1;
    const scale = (beta + Math.sqrt(row[offset + 1]!)) / alpha + l2;
    return scale > 0 ? -shrunk / scale : 0;
  };
  return {
    name: 'ftrl',
    slots: ['z', 'squares'],
    weight,
    step(row, offset, gradient) {
      const n = row[offset + 1]!;
      const squares = n + gradient * gradient;
      const sigma = (Math.sqrt(squares) - Math.sqrt(n)) / alpha;
      row[offset] = row[offset]! + gradient - sigma * weight(row, offset);
      row[offset + 1] = squares;
    },
  };
}
