/**
 * The kernels of a network as gpu.js reads them; see step-functions.ts for the dialect. A call handles one event.
 *
 *   rows      planes of two for each unit of the first hidden layer: what was learned of a feature's number, and its sum
 *             of squared gradients
 *   initials  planes of what those numbers began with, one for each unit
 *   values    feature values; beyond the event's own count they are 0
 *   layer     a dense layer's weights, input by input with the constant last, then their sums of squared gradients
 *   begins    what the weights began with
 *   inputs    the activations that the layer takes; slopes: dl/d of what it gives, 0 where ReLU gave 0
 *
 * Steps are AdaGrad's: n += g^2; w -= rate g / sqrt(n + epsilon).
 */
export interface NetworkThis {
  readonly thread: { readonly x: number };
  readonly constants: {
    readonly size: number;
    readonly inputs: number;
    readonly outputs: number;
    readonly isLast: number;
    readonly rate: number;
    readonly epsilon: number;
  };
}

/** Activation of a unit of the first hidden layer. */
export function embed(
  this: NetworkThis,
  rows: Float32Array,
  initials: Float32Array,
  values: Float32Array,
): number {
  const size = this.constants.size;
  const unit = this.thread.x;
  let sum = 0;
  for (let i = 0; i < this.constants.size; i++) {
    sum += (initials[unit * size + i]! + rows[2 * unit * size + i]!) * values[i]!;
  }
  return Math.max(0, sum);
}

/** What a unit of the next layer gives: its activation, or a score. */
export function forward(
  this: NetworkThis,
  layer: Float32Array,
  begins: Float32Array,
  inputs: Float32Array,
): number {
  const outputs = this.constants.outputs;
  const unit = this.thread.x;
  const constant = this.constants.inputs * outputs + unit;
  let sum = begins[constant]! + layer[constant]!;
  for (let i = 0; i < this.constants.inputs; i++) {
    sum += (begins[i * outputs + unit]! + layer[i * outputs + unit]!) * inputs[i]!;
  }
  if (this.constants.isLast > 0) {
    return sum;
  }
  return Math.max(0, sum);
}

/** Slope at an input of the layer. */
export function backward(
  this: NetworkThis,
  layer: Float32Array,
  begins: Float32Array,
  inputs: Float32Array,
  slopes: Float32Array,
): number {
  const outputs = this.constants.outputs;
  const i = this.thread.x;
  let sum = 0;
  if (inputs[i]! > 0) {
    for (let unit = 0; unit < this.constants.outputs; unit++) {
      sum += (begins[i * outputs + unit]! + layer[i * outputs + unit]!) * slopes[unit]!;
    }
  }
  return sum;
}

export function stepDense(
  this: NetworkThis,
  layer: Float32Array,
  inputs: Float32Array,
  slopes: Float32Array,
): number {
  const outputs = this.constants.outputs;
  const weights = (this.constants.inputs + 1) * outputs;
  let at = this.thread.x;
  if (at >= weights) {
    at = at - weights;
  }
  // Half a unit aside, so that no rounding of a quotient lands below a whole number.
  const i = Math.floor((at + 0.5) / outputs);
  let g = slopes[at - i * outputs]!;
  if (i < this.constants.inputs) {
    g = g * inputs[i]!;
  }
  const squares = layer[weights + at]! + g * g;
  if (this.thread.x >= weights) {
    return squares;
  }
  return layer[at]! - (this.constants.rate * g) / Math.sqrt(squares + this.constants.epsilon);
}

export function stepEmbedding(
  this: NetworkThis,
  rows: Float32Array,
  values: Float32Array,
  slopes: Float32Array,
): number {
  const size = this.constants.size;
  const plane = Math.floor((this.thread.x + 0.5) / size);
  const unit = Math.floor((plane + 0.5) / 2);
  const i = this.thread.x - plane * size;
  const g = slopes[unit]! * values[i]!;
  const squares = rows[(2 * unit + 1) * size + i]! + g * g;
  if (plane > 2 * unit) {
    return squares;
  }
  return rows[this.thread.x]! - (this.constants.rate * g) / Math.sqrt(squares + this.constants.epsilon);
}
