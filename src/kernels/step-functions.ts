/**
 * The kernels of a linear model, as gpu.js reads them: source text, so plain functions with a typed `this` and
 * nothing that a compiler would inject. They compute what src/model/optimizers computes, one thread per output
 * number. A call handles one event.
 *
 *   rows      size coordinates in planes: slot s of coordinate f is rows[s * size + f]
 *   values    size feature values; beyond the event's own count they are 0, which changes nothing
 *   gradient  event weight times dl/dp; then the two factors of the step, where the rule has them
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
    readonly rho: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly variant: number;
    /** AdaBound: the rate that its bounds close in on, and how fast. */
    readonly finalRate: number;
    readonly gamma: number;
    readonly l1: number;
    readonly l2: number;
    /** Penalties of coordinate 0: none where it is the intercept. */
    readonly interceptL1: number;
    readonly interceptL2: number;
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
  const f = this.thread.x;
  let rate = this.constants.rate * gradient[1]!;
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    rate = this.constants.interceptRate * gradient[1]!;
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const weight = rows[f]! - rate * (gradient[0]! * values[f]! + l2 * rows[f]!);
  const by = rate * l1;
  if (by > 0) {
    if (weight > by) {
      return weight - by;
    }
    if (weight < -by) {
      return weight + by;
    }
    return 0;
  }
  return weight;
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
  let rate = this.constants.rate;
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    rate = this.constants.interceptRate;
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const g = gradient[0]! * values[f]! + l2 * rows[f]!;
  const squares = rows[size + f]! + g * g;
  if (this.thread.x >= size) {
    return squares;
  }
  const root = Math.sqrt(squares + this.constants.epsilon);
  const weight = rows[f]! - (rate * g) / root;
  const by = (rate * l1) / root;
  if (by > 0) {
    if (weight > by) {
      return weight - by;
    }
    if (weight < -by) {
      return weight + by;
    }
    return 0;
  }
  return weight;
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
