/**
 * The kernels of PiSTOL and of coin betting (src/model/optimizers) as gpu.js reads them; see step-functions.ts for the
 * dialect, the planes and `gradient`. Both learn without a rate: a weight follows from sums of gradients.
 */
import type { StepThis } from './step-functions.ts';

/** Planes of z, n, N. */
export function scorePistol(this: StepThis, rows: Float32Array, values: Float32Array): number {
  const size = this.constants.size;
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    const scale = Math.max(rows[2 * size + i]!, Math.abs(values[i]!));
    if (scale > 0) {
      const z = rows[i]!;
      const n = rows[size + i]!;
      const c = 1 / (this.constants.alpha * scale * (n + scale));
      sum += Math.sqrt(n) * this.constants.beta * z * Math.exp(((z * z) / 2) * c) * c * values[i]!;
    }
  }
  return sum;
}

export function stepPistol(
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
  if (this.thread.x >= 2 * size) {
    return Math.max(rows[2 * size + f]!, Math.abs(values[f]!));
  }
  const g = gradient[0]! * values[f]!;
  if (this.thread.x >= size) {
    return rows[size + f]! + Math.abs(g);
  }
  return rows[f]! - g;
}

/** Planes of z, n, r, N, L. Two numbers: sum w x, and sum (x / N)^2. */
export function scoreCoin(this: StepThis, rows: Float32Array, values: Float32Array): number {
  const size = this.constants.size;
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    const x = values[i]!;
    const scale = Math.max(rows[3 * size + i]!, Math.abs(x));
    if (scale > 0) {
      if (this.thread.x === 1) {
        sum += (x / scale) * (x / scale);
      } else {
        const bound = rows[4 * size + i]! * scale;
        if (bound > 0) {
          const money = this.constants.alpha + rows[2 * size + i]!;
          sum += (money / (bound * (bound + rows[size + i]!))) * rows[i]! * x;
        }
      }
    }
  }
  return sum;
}

/** A coordinate whose value is 0 stays as it is. */
export function stepCoin(
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
  if (f >= size) {
    f = f - size;
  }
  if (f >= size) {
    f = f - size;
  }
  const x = values[f]!;
  if (x === 0) {
    return rows[this.thread.x]!;
  }
  const scale = Math.max(rows[3 * size + f]!, Math.abs(x));
  if (this.thread.x >= 3 * size && this.thread.x < 4 * size) {
    return scale;
  }
  let largest = rows[4 * size + f]!;
  if (Math.abs(gradient[0]!) > largest) {
    largest = Math.max(Math.abs(gradient[0]!), this.constants.beta);
  }
  if (this.thread.x >= 4 * size) {
    return largest;
  }
  const g = gradient[0]! * x;
  if (this.thread.x < size) {
    return rows[f]! - g;
  }
  if (this.thread.x < 2 * size) {
    return rows[size + f]! + Math.abs(g);
  }
  const bound = largest * scale;
  if (bound <= 0) {
    return rows[2 * size + f]!;
  }
  const money = this.constants.alpha + rows[2 * size + f]!;
  return rows[2 * size + f]! - g * (money / (bound * (bound + rows[size + f]!))) * rows[f]!;
}
