/**
 * The kernels of a factorisation machine (Rendle 2010) as gpu.js reads them; see step-functions.ts for the dialect.
 *
 *   y = sum w_i x_i + 1/2 sum_f [(sum v_if x_i)^2 - sum (v_if x_i)^2]        dy/dv_if = x_i (S_f - v_if x_i)
 *
 *   rows      planes of w and its sum of squares, then for each factor of what was learned of v, and its sum of squares
 *   initials  planes of what v began with, one for each factor
 *   values    feature values; those of the first `plain` coordinates (the intercept) take no part in products
 *   sums      sum w_i x_i, then S_f of each factor, then sum (v_if x_i)^2 of each factor
 *
 * `sumsFm` gives those sums, `stepFm` the new planes after an AdaGrad step. Rows of value 0 stay as they are.
 */
export interface FmThis {
  readonly thread: { readonly x: number };
  readonly constants: {
    readonly size: number;
    readonly factors: number;
    readonly plain: number;
    readonly rate: number;
    readonly interceptRate: number;
    readonly factorRate: number;
    readonly epsilon: number;
  };
}

export function sumsFm(
  this: FmThis,
  rows: Float32Array,
  initials: Float32Array,
  values: Float32Array,
): number {
  const size = this.constants.size;
  const factors = this.constants.factors;
  let sum = 0;
  if (this.thread.x === 0) {
    for (let i = 0; i < this.constants.size; i++) {
      sum += rows[i]! * values[i]!;
    }
    return sum;
  }
  let f = this.thread.x - 1;
  if (f >= factors) {
    f = f - factors;
  }
  for (let i = 0; i < this.constants.size; i++) {
    if (i >= this.constants.plain) {
      const part = (initials[f * size + i]! + rows[(2 + 2 * f) * size + i]!) * values[i]!;
      if (this.thread.x > factors) {
        sum += part * part;
      } else {
        sum += part;
      }
    }
  }
  return sum;
}

export function stepFm(
  this: FmThis,
  rows: Float32Array,
  initials: Float32Array,
  values: Float32Array,
  sums: Float32Array,
  gradient: Float32Array,
): number {
  const size = this.constants.size;
  // Half a coordinate aside, so that no rounding of a quotient lands below a whole number.
  const plane = Math.floor((this.thread.x + 0.5) / size);
  const i = this.thread.x - plane * size;
  const pair = Math.floor((plane + 0.5) / 2);
  const x = values[i]!;
  let g = gradient[0]! * x;
  let rate = this.constants.rate;
  if (i < this.constants.plain) {
    rate = this.constants.interceptRate;
  }
  if (pair > 0) {
    const v = initials[(pair - 1) * size + i]! + rows[2 * pair * size + i]!;
    g = gradient[0]! * (x * (sums[pair]! - v * x));
    rate = this.constants.factorRate;
    if (i < this.constants.plain) {
      g = 0;
    }
  }
  const squares = rows[(2 * pair + 1) * size + i]! + g * g;
  if (plane > 2 * pair) {
    return squares;
  }
  return rows[this.thread.x]! - (rate * g) / Math.sqrt(squares + this.constants.epsilon);
}
