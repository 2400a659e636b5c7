/**
 * The kernels of a linear model, as gpu.js reads them: source text, so plain functions with a typed `this` and
 * nothing that a compiler would inject. They compute what src/model/optimizers computes, one thread per output
 * number. A call handles one event.
 *
 *   rows      size coordinates in planes: slot s of coordinate f is rows[s * size + f]
 *   values    size feature values; beyond the event's own count they are 0, which changes nothing
 *   gradient  one number: event weight times dl/dp
 *
 * `score` gives one number, the raw score. `step` gives the new rows, in the same planes. Coordinate 0 is the
 * intercept when the model has one.
 */
export interface StepThis {
  readonly thread: { readonly x: number };
  readonly constants: {
    readonly size: number;
    /** SGD and AdaGrad: step size, of the intercept and of the rest. */
    readonly rate: number;
    readonly interceptRate: number;
    readonly epsilon: number;
    readonly alpha: number;
    readonly beta: number;
    readonly l1: number;
    readonly l2: number;
  };
}

export type ScoreFunction = (this: StepThis, rows: Float32Array, values: Float32Array) => number;
export type StepFunction = (
  this: StepThis,
  rows: Float32Array,
  values: Float32Array,
  gradient: Float32Array,
) => number;

/** SGD and AdaGrad keep the weight itself in slot 0. */
export function scoreOfWeights(this: StepThis, rows: Float32Array, values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    sum += rows[i]! * values[i]!;
  }
  return sum;
}

export function stepSgd(
  this: StepThis,
  rows: Float32Array,
  values: Float32Array,
  gradient: Float32Array,
): number {
  const x = this.thread.x;
  let rate = this.constants.rate;
  if (x === 0) {
    rate = this.constants.interceptRate;
  }
  return rows[x]! - rate * (gradient[0]! * values[x]!);
}

export function stepAdagrad(
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
  const g = gradient[0]! * values[f]!;
  const squares = rows[size + f]! + g * g;
  if (this.thread.x >= size) {
    return squares;
  }
  let rate = this.constants.rate;
  if (f === 0) {
    rate = this.constants.interceptRate;
  }
  return rows[f]! - (rate * g) / Math.sqrt(squares + this.constants.epsilon);
}

/** FTRL keeps (z, n); the weight is worked out on the way. */
export function scoreFtrl(this: StepThis, rows: Float32Array, values: Float32Array): number {
  const size = this.constants.size;
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    const z = rows[i]!;
    if (Math.abs(z) > this.constants.l1) {
      let shrunk = z + this.constants.l1;
      if (z > 0) {
        shrunk = z - this.constants.l1;
      }
      const scale =
        (this.constants.beta + Math.sqrt(rows[size + i]!)) / this.constants.alpha + this.constants.l2;
      if (scale > 0) {
        sum += (-shrunk / scale) * values[i]!;
      }
    }
  }
  return sum;
}

export function stepFtrl(
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
  const g = gradient[0]! * values[f]!;
  const n = rows[size + f]!;
  const squares = n + g * g;
  if (this.thread.x >= size) {
    return squares;
  }
  const z = rows[f]!;
  let weight = 0;
  if (Math.abs(z) > this.constants.l1) {
    let shrunk = z + this.constants.l1;
    if (z > 0) {
      shrunk = z - this.constants.l1;
    }
    const scale = (this.constants.beta + Math.sqrt(n)) / this.constants.alpha + this.constants.l2;
    if (scale > 0) {
      weight = -shrunk / scale;
    }
  }
  const sigma = (Math.sqrt(squares) - Math.sqrt(n)) / this.constants.alpha;
  return z + g - sigma * weight;
}
