/**
 * Factorisation machine (src/kernels/fm-functions.ts): `y = sum w x + 1/2 sum_f [S_f^2 - sum (v_f x)^2]`, S_f = sum v_f x. The
 * file holds w and what was learned of v; what v began with follows from the key, also for features that have no row.
 *
 * With stored numbers off by h each, S_f is off by e = sum |x| h, and y by at most
 *
 *   sum |x| h_w + sum_f ( |S_f| e + e^2 / 2 + sum (2 |v_f| h + h^2) x^2 / 2 )
 */
import { scoreOfSums } from '../src/model/fm-score.ts';
import { InitialValues } from '../src/model/initial-values.ts';
import type { EdgeFamily } from './family.ts';
import type { EdgeParts, FmHeader } from './format.ts';
import { roundings } from './linear-family.ts';
import { weightKinds } from './weights.ts';

export function fmFamily({ header, weights }: EdgeParts, family: FmHeader): EdgeFamily {
  const { type, scale } = header.weights;
  const { decode, half } = weightKinds[type];
  const { factors } = family;
  const columns = 1 + factors;
  // The intercept takes no part in products.
  const plain = header.features.intercept ? 1 : 0;
  const initial = new InitialValues(family, factors);
  const sums = new Float32Array(1 + 2 * factors);
  const storedAt = (row: number, column: number): number => (row < 0 ? 0 : weights[row * columns + column]!);
  return {
    score({ count, keys, rows, values }, raw, errors) {
      let weighed = 0;
      let error = 0;
      for (let i = 0; i < count; i++) {
        const stored = storedAt(rows[i]!, 0);
        weighed += decode(stored) * scale * values[i]!;
        error += half(stored) * scale * Math.abs(values[i]!);
      }
      // What was rounded to float32 on the way, by its size.
      let size = Math.abs(weighed);
      sums[0] = weighed;
      for (let f = 0; f < factors; f++) {
        let [sum, squares, spread, bend] = [0, 0, 0, 0];
        for (let i = plain; i < count; i++) {
          const x = values[i]!;
          const stored = storedAt(rows[i]!, 1 + f);
          const v = initial.of(keys[i]!, f) + decode(stored) * scale;
          const h = half(stored) * scale;
          sum += v * x;
          squares += v * x * (v * x);
          spread += h * Math.abs(x);
          bend += (2 * Math.abs(v) * h + h * h) * x * x;
        }
        sums[1 + f] = sum;
        sums[1 + factors + f] = squares;
        error += Math.abs(sum) * spread + (spread * spread + bend) / 2;
        size += (Math.abs(sum) + spread) ** 2 + squares + bend;
      }
      raw[0] = scoreOfSums(sums, factors);
      errors[0] = error === 0 ? 0 : error + (size + error) * 2 * roundings;
    },
  };
}
