/** The step of AdaBound (src/model/optimizers/adabound.ts) as gpu.js reads it; see mean-functions.ts and step-functions.ts. */
import type { StepThis } from './step-functions.ts';

/** Planes of weight, mean and squares. */
export function stepAdabound(
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
  const squares = beta2 * rows[2 * size + f]! + (1 - beta2) * (g * g);
  if (this.thread.x >= 2 * size) {
    return squares;
  }
  if (this.thread.x >= size) {
    return mean;
  }
  const steps = this.constants.gamma * gradient[2]!;
  const least = this.constants.finalRate * (1 - 1 / (steps + 1));
  const most = this.constants.finalRate * (1 + 1 / steps);
  const free = (this.constants.rate * gradient[1]!) / (Math.sqrt(squares) + this.constants.epsilon);
  const rate = Math.min(Math.max(free, least), most);
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
