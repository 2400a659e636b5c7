/**
 * Network (src/kernels/network-functions.ts): each feature has a vector, their sum times the values is the first hidden
 * layer, dense layers with ReLU follow. The file holds what was learned of vectors and of dense weights; what they began
 * with follows from keys, places and the seed. Dense weights are never quantised.
 *
 * With numbers of vectors off by h each, a unit of the first layer is off by e = sum |x| h; ReLU makes that no larger, and
 * a unit behind it is off by at most sum |weight| e.
 */
import { InitialValues } from '../src/model/initial-values.ts';
import { denseLayers, initialWeights } from '../src/model/network-shape.ts';
import type { EdgeFamily } from './family.ts';
import type { EdgeParts, NetworkHeader } from './format.ts';
import { roundings } from './linear-family.ts';
import { weightKinds } from './weights.ts';

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** Input by input, those of the constant last. */
  readonly weights: Float64Array;
  readonly isLast: boolean;
}

/** Activations as float32, and how far each may be off. */
interface Activations {
  readonly values: Float32Array;
  readonly errors: Float64Array;
}

export function networkFamily(parts: EdgeParts, family: NetworkHeader): EdgeFamily {
  const { type, scale } = parts.header.weights;
  const { decode, half } = weightKinds[type];
  const units = family.hidden[0]!;
  const initial = new InitialValues(family, units);
  const layers = layersOf(family, parts.dense);
  const first: Activations = { values: new Float32Array(units), errors: new Float64Array(units) };
  return {
    score({ count, keys, rows, values }, raw, errors) {
      for (let unit = 0; unit < units; unit++) {
        let [sum, error] = [0, 0];
        for (let i = 0; i < count; i++) {
          const stored = rows[i]! < 0 ? 0 : parts.weights[rows[i]! * units + unit]!;
          sum += (initial.of(keys[i]!, unit) + decode(stored) * scale) * values[i]!;
          error += half(stored) * scale * Math.abs(values[i]!);
        }
        first.values[unit] = Math.max(0, sum);
        first.errors[unit] = withRounding(error, sum);
      }
      const { values: scores, errors: off } = layers.reduce(forward, first);
      for (let c = 0; c < raw.length; c++) {
        raw[c] = scores[c]!;
        errors[c] = off[c]!;
      }
    },
  };
}

function layersOf({ hidden, scores, seed }: NetworkHeader, learned: Float32Array): Layer[] {
  const shapes = denseLayers(hidden, scores);
  const begins = initialWeights(shapes, seed);
  let at = 0;
  return shapes.map(({ inputs, outputs, weights }, number) => {
    const own = learned.subarray(at, at + weights);
    at += weights;
    return {
      inputs,
      outputs,
      weights: Float64Array.from(own, (weight, i) => begins[number]![i]! + weight),
      isLast: number === shapes.length - 1,
    };
  });
}

function forward(given: Activations, { inputs, outputs, weights, isLast }: Layer): Activations {
  const values = new Float32Array(outputs);
  const errors = new Float64Array(outputs);
  for (let unit = 0; unit < outputs; unit++) {
    let sum = weights[inputs * outputs + unit]!;
    let error = 0;
    for (let i = 0; i < inputs; i++) {
      const weight = weights[i * outputs + unit]!;
      sum += weight * given.values[i]!;
      error += Math.abs(weight) * given.errors[i]!;
    }
    values[unit] = isLast ? sum : Math.max(0, sum);
    errors[unit] = withRounding(error, sum);
  }
  return { values, errors };
}

/** Both sides round what a layer gives to float32. */
const withRounding = (error: number, sum: number): number =>
  error === 0 ? 0 : error + (Math.abs(sum) + error) * roundings;
