/** The kernels of a network: of its embeddings for each size class, and of its dense layers once. */
import type { FamilyConfig } from '../../config/family-schema.ts';
import type { KernelMode, OptimizerConfig } from '../../config/schema.ts';
import { denseLayers, initialWeights } from '../model/network-shape.ts';
import { type CompiledKernel, kernelCompiler } from './gpu.ts';
import { backward, embed, forward, stepDense, stepEmbedding } from './network-functions.ts';
import type { EventBuffers } from './online-model.ts';
import { SizeClasses } from './size-classes.ts';

export type NetworkConfig = Extract<FamilyConfig, { name: 'network' }>;

export interface NetworkSettings {
  readonly family: NetworkConfig;
  readonly optimizer: Extract<OptimizerConfig, { name: 'adagrad' }>;
  readonly mode: KernelMode;
  /** How many scores it gives. */
  readonly scores: number;
}

export interface EmbeddingKernels extends EventBuffers {
  readonly initials: Float32Array;
  readonly compiled: readonly CompiledKernel[];
  /** Activations of the first hidden layer. Results are valid until the next call, here and below. */
  embed(): Float32Array;
  step(slopes: Float32Array): Float32Array;
}

export interface DenseKernels {
  /** Its numbers as they stand in the table, which the caller fills in. */
  readonly layer: Float32Array;
  /** Where they begin behind the first layer's. */
  readonly at: number;
  readonly compiled: readonly CompiledKernel[];
  forward(inputs: Float32Array): Float32Array;
  backward(inputs: Float32Array, slopes: Float32Array): Float32Array;
  step(inputs: Float32Array, slopes: Float32Array): Float32Array;
}

export interface NetworkKernels {
  readonly embeddings: SizeClasses<EmbeddingKernels>;
  readonly dense: readonly DenseKernels[];
}

export function networkKernels({ family, optimizer, mode, scores }: NetworkSettings): NetworkKernels {
  const { hidden, seed } = family;
  const { learningRate: rate, epsilon } = optimizer;
  const compiler = kernelCompiler(mode);
  const units = hidden[0]!;
  const embeddings = new SizeClasses(mode, (size): EmbeddingKernels => {
    const rows = new Float32Array(2 * units * size);
    const initials = new Float32Array(units * size);
    const values = new Float32Array(size);
    const constants = { size, rate, epsilon };
    const score = compiler.compile(embed, { outputs: units, constants, loopMax: size });
    const step = compiler.compile(stepEmbedding, { outputs: 2 * units * size, constants, loopMax: size });
    // A first run compiles; it also settles which backend takes the kernel before anybody asks.
    step.run(rows, values, score.run(rows, initials, values));
    return {
      size,
      rows,
      initials,
      values,
      compiled: [score, step],
      embed: () => score.run(rows, initials, values),
      step: (slopes) => step.run(rows, values, slopes),
    };
  });
  const layers = denseLayers(hidden, scores);
  const begins = initialWeights(layers, seed);
  const dense = layers.map(({ inputs, outputs, at, weights }, number): DenseKernels => {
    const layer = new Float32Array(2 * weights);
    const isLast = number === layers.length - 1 ? 1 : 0;
    const constants = { inputs, outputs, isLast, rate, epsilon };
    const loopMax = Math.max(inputs, outputs);
    const [ahead, back, step] = [
      compiler.compile(forward, { outputs, constants, loopMax }),
      compiler.compile(backward, { outputs: inputs, constants, loopMax }),
      compiler.compile(stepDense, { outputs: 2 * weights, constants, loopMax }),
    ];
    const own = begins[number]!;
    const given = ahead.run(layer, own, new Float32Array(inputs));
    step.run(layer, back.run(layer, own, new Float32Array(inputs), given), given);
    return {
      layer,
      at,
      compiled: [ahead, back, step],
      forward: (before) => ahead.run(layer, own, before),
      backward: (before, slopes) => back.run(layer, own, before, slopes),
      step: (before, slopes) => step.run(layer, before, slopes),
    };
  });
  return { embeddings, dense };
}
