/**
 * The dense layers of a network: how many numbers each has, and what its weights begin with. Layer l takes the
 * activations of hidden layer l and a constant 1; the last one gives the scores. In the shared rows each layer has its
 * weights, input by input, then their sums of squared gradients. What stands there was learned on top of the beginning.
 */
import { InitialValues } from './initial-values.ts';

export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Where its numbers begin behind the first layer's. */
  readonly at: number;
  /** Weights: (inputs + 1) * outputs, the last of them those of the constant. */
  readonly weights: number;
}

export function denseLayers(hidden: readonly number[], scores: number): DenseLayer[] {
  let at = 0;
  return hidden.map((inputs, layer) => {
    const outputs = hidden[layer + 1] ?? scores;
    const weights = (inputs + 1) * outputs;
    const dense = { inputs, outputs, at, weights };
    at += 2 * weights;
    return dense;
  });
}

export const denseLength = (hidden: readonly number[], scores: number): number =>
  denseLayers(hidden, scores).reduce((sum, { weights }) => sum + 2 * weights, 0);

/**
 * Hidden layers begin with the deviation that keeps the size of activations under ReLU (He et al. 2015), constants and
 * the scores' layer with 0: an untaught network scores 0.
 */
export function initialWeights(layers: readonly DenseLayer[], seed: number): Float32Array[] {
  return layers.map(({ inputs, outputs, weights }, layer) => {
    const begins = new Float32Array(weights);
    if (layer === layers.length - 1) return begins;
    const initial = new InitialValues({ initStd: Math.sqrt(2 / inputs), seed }, inputs * outputs);
    for (let i = 0; i < inputs * outputs; i++) begins[i] = initial.of(layer, i);
    return begins;
  });
}
