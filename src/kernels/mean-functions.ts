/**
 * The kernels of the optimisers with running means (src/model/optimizers) as gpu.js reads them; see step-functions.ts
 * for the dialect, the planes and what the numbers of `gradient` are. Each penalty has a rate for coordinate 0, which
 * is 0 where that is the intercept.
 */
import type { StepThis } from './step-functions.ts';

/** Nesterov's: the score from where the last moves lead on to. */
export function scoreAhead(this: StepThis, rows: Float32Array, values: Float32Array): number {
  const size = this.constants.size;
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    sum += (rows[i]! - this.constants.rho * rows[size + i]!) * values[i]!;
  }
  return sum;
}

export function stepMomentum(
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
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const rate = this.constants.rate;
  const g = gradient[0]! * values[f]! + l2 * rows[f]!;
  const velocity = this.constants.rho * rows[size + f]! + rate * g;
  if (this.thread.x >= size) {
    return velocity;
  }
  const weight = rows[f]! - velocity;
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

export function stepRmsprop(
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
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const g = gradient[0]! * values[f]! + l2 * rows[f]!;
  const squares = this.constants.rho * rows[size + f]! + (1 - this.constants.rho) * (g * g);
  if (this.thread.x >= size) {
    return squares;
  }
  const root = Math.sqrt(squares + this.constants.epsilon);
  const weight = rows[f]! - (this.constants.rate * g) / root;
  const by = (this.constants.rate * l1) / root;
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

export function stepAdadelta(
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
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const rho = this.constants.rho;
  const epsilon = this.constants.epsilon;
  const g = gradient[0]! * values[f]! + l2 * rows[f]!;
  const squares = rho * rows[size + f]! + (1 - rho) * (g * g);
  const rate = Math.sqrt(rows[2 * size + f]! + epsilon) / Math.sqrt(squares + epsilon);
  const move = rate * g;
  if (this.thread.x >= 2 * size) {
    return rho * rows[2 * size + f]! + (1 - rho) * (move * move);
  }
  if (this.thread.x >= size) {
    return squares;
  }
  const weight = rows[f]! - move;
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

/** All variants but amsgrad: `variant` is 0 for adam, 1 for adamax, 2 for nadam. */
export function stepAdam(
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
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const beta1 = this.constants.beta1;
  const beta2 = this.constants.beta2;
  const g = gradient[0]! * values[f]! + l2 * rows[f]!;
  const mean = beta1 * rows[size + f]! + (1 - beta1) * g;
  let spread = beta2 * rows[2 * size + f]! + (1 - beta2) * (g * g);
  if (this.constants.variant === 1) {
    spread = Math.max(beta2 * rows[2 * size + f]!, Math.abs(g));
  }
  if (this.thread.x >= 2 * size) {
    return spread;
  }
  if (this.thread.x >= size) {
    return mean;
  }
  let divisor = Math.sqrt(spread) + this.constants.epsilon;
  let move = mean;
  if (this.constants.variant === 1) {
    divisor = spread + this.constants.epsilon;
  }
  if (this.constants.variant === 2) {
    divisor = Math.sqrt(spread * gradient[2]!) + this.constants.epsilon;
    move = beta1 * mean + (1 - beta1) * g;
  }
  const rate = (this.constants.rate * gradient[1]!) / divisor;
  const weight = rows[f]! - rate * move;
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

/** Planes of weight, mean, squares and the largest squares. */
export function stepAmsgrad(
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
  let l1 = this.constants.l1;
  let l2 = this.constants.l2;
  if (f === 0) {
    l1 = this.constants.interceptL1;
    l2 = this.constants.interceptL2;
  }
  const beta1 = this.constants.beta1;
  const beta2 = this.constants.beta2;
  const g = gradient[0]! * values[f]! + l2 * rows[f]!;
  const mean = beta1 * rows[size + f]! + (1 - beta1) * g;
  const squares = beta2 * rows[2 * size + f]! + (1 - beta2) * (g * g);
  const largest = Math.max(rows[3 * size + f]!, squares);
  if (this.thread.x >= 3 * size) {
    return largest;
  }
  if (this.thread.x >= 2 * size) {
    return squares;
  }
  if (this.thread.x >= size) {
    return mean;
  }
  const rate = (this.constants.rate * gradient[1]!) / (Math.sqrt(largest) + this.constants.epsilon);
  const weight = rows[f]! - rate * mean;
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
