/**
 * The kernels of the normalised adaptive gradient (src/model/optimizers/nag.ts) as gpu.js reads them; see
 * step-functions.ts for the dialect and the planes. A coordinate whose value is 0 stays as it is.
 *
 *   rows      planes of w, G, N
 *   gradient  two numbers: h g^2, and u m (which `spread` does not need yet)
 *
 * `spread` gives two numbers: sum x^2 r, and sum (x / N)^2, with G and N as they are after this event. `step`
 * gives the new planes. The score is that of weights.
 */
import type { StepThis } from './step-functions.ts';

export function spreadNag(
  this: StepThis,
  rows: Float32Array,
  values: Float32Array,
  gradient: Float32Array,
): number {
  const size = this.constants.size;
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    const x = values[i]!;
    let scale = rows[2 * size + i]!;
    if (Math.abs(x) > scale) {
      scale = Math.abs(x);
    }
    const squares = rows[size + i]! + gradient[0]! * x * x;
    if (x * x > 0 && squares > 0) {
      if (this.thread.x === 0) {
        sum += (x * x) / (Math.sqrt(squares) * scale);
      } else {
        sum += (x / scale) * (x / scale);
      }
    }
  }
  return sum;
}

export function stepNag(
  this: StepThis,
  rows: Float32Array,
  values: Float32Array,
  gradient: Float32Array,
): number {
  const size = this.constants.size;
  let f = this.thread.x;
  if (f >= size) {
    f = f - size;
  }
  if (f >= size) {
    f = f - size;
  }
  const x = values[f]!;
  const squares = rows[size + f]! + gradient[0]! * x * x;
  if (x * x <= 0 || squares <= 0) {
    return rows[this.thread.x]!;
  }
  const before = rows[2 * size + f]!;
  let scale = before;
  if (Math.abs(x) > scale) {
    scale = Math.abs(x);
  }
  if (this.thread.x >= 2 * size) {
    return scale;
  }
  if (this.thread.x >= size) {
    return squares;
  }
  let weight = rows[f]!;
  if (before > 0) {
    weight = weight * (before / scale);
  }
  return weight + (gradient[1]! * x) / (Math.sqrt(squares) * scale);
}
