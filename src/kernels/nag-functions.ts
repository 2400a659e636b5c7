/**
 * The kernels of the normalised adaptive gradient (src/model/optimizers/nag.ts) as gpu.js reads them; see
 * step-functions.ts for the dialect and the planes. A coordinate whose value is 0 stays as it is.
 *
 *   rows      planes of w, G, N as they are
 *   adapted   planes of x / sqrt(G), G, N as they are after this event: x r is the first over the last, which float32
 *             does not hold where a value is next to nothing
 *   keep      G = keep G + h g^2 x^2; 1 where nothing is forgotten
 *   gradient  one number: h g^2;  factor: u m
 *
 * `adapt` gives the adapted planes, with the one square root of each coordinate; `spread` the two numbers sum x^2 r and
 * sum (x / N)^2; `weights` the new w. The score is that of weights.
 */
import type { StepThis } from './step-functions.ts';

interface NagThis {
  readonly thread: { readonly x: number };
  readonly constants: {
    readonly size: number;
    /** What stays of a coordinate's squares with each of its events. */
    readonly keep: number;
  };
}

export function adaptNag(
  this: NagThis,
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
  const squares = this.constants.keep * rows[size + f]! + gradient[0]! * x * x;
  if (x * x <= 0 || squares <= 0) {
    if (this.thread.x < size) {
      return 0;
    }
    return rows[this.thread.x]!;
  }
  if (this.thread.x >= size) {
    if (this.thread.x < 2 * size) {
      return squares;
    }
  }
  if (this.thread.x < size) {
    return x / Math.sqrt(squares);
  }
  if (Math.abs(x) > rows[2 * size + f]!) {
    return Math.abs(x);
  }
  return rows[2 * size + f]!;
}

export function spreadNag(this: StepThis, adapted: Float32Array, values: Float32Array): number {
  const size = this.constants.size;
  let sum = 0;
  if (this.thread.x === 0) {
    for (let i = 0; i < this.constants.size; i++) {
      if (adapted[i]! !== 0) {
        sum += (values[i]! / adapted[2 * size + i]!) * adapted[i]!;
      }
    }
  } else {
    for (let i = 0; i < this.constants.size; i++) {
      if (adapted[i]! !== 0) {
        const x = values[i]! / adapted[2 * size + i]!;
        sum += x * x;
      }
    }
  }
  return sum;
}

export function weightsNag(
  this: StepThis,
  rows: Float32Array,
  adapted: Float32Array,
  factor: Float32Array,
): number {
  const size = this.constants.size;
  const f = this.thread.x;
  let weight = rows[f]!;
  if (adapted[f]! === 0) {
    return weight;
  }
  const before = rows[2 * size + f]!;
  const scale = adapted[2 * size + f]!;
  if (before > 0) {
    weight = weight * (before / scale);
  }
  return weight + (factor[0]! * adapted[f]!) / scale;
}
