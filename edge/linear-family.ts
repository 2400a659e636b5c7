/** A weight for each feature and score: the sum of weights times values, as the server adds it up. */
import type { EdgeFamily } from './family.ts';
import { columnsOf, type EdgeParts } from './format.ts';
import { weightKinds } from './weights.ts';

/** Both sides round a score to float32. */
export const roundings = 2 ** -23;

export function linearFamily({ header, weights }: EdgeParts): EdgeFamily {
  const { type, scale } = header.weights;
  const { decode, half } = weightKinds[type];
  const columns = columnsOf(header);
  return {
    score({ count, rows, values }, raw, errors) {
      raw.fill(0);
      errors.fill(0);
      for (let i = 0; i < count; i++) {
        const [row, value] = [rows[i]!, values[i]!];
        for (let c = 0; c < columns; c++) {
          // Weights that were rounded to 0 have no row.
          const stored = row < 0 ? 0 : weights[row * columns + c]!;
          raw[c]! += decode(stored) * scale * value;
          errors[c]! += half(stored) * scale * Math.abs(value);
        }
      }
      for (let c = 0; c < columns; c++) {
        if (errors[c]! > 0) errors[c]! += (Math.abs(raw[c]!) + errors[c]!) * roundings;
      }
    },
  };
}
