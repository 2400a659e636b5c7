/** The two kernels of a linear model whose optimiser works coordinate by coordinate, for each size class. */
import type { KernelMode } from '../../config/schema.ts';
import type { CoordinateOptimizerConfig } from '../model/optimizers/optimizer.ts';
import { type KernelCompiler, kernelCompiler } from './gpu.ts';
import { type KernelReport, SizeClasses } from './size-classes.ts';
import {
  type ScoreFunction,
  type StepFunction,
  scoreFtrl,
  scoreOfWeights,
  stepAdagrad,
  stepFtrl,
  stepSgd,
} from './step-functions.ts';

/** Buffers and kernels for events of up to `size` coordinates. */
export interface SizedKernels {
  readonly size: number;
  /** Planes of slots, as step-functions.ts describes. The caller fills them before a call. */
  readonly rows: Float32Array;
  readonly values: Float32Array;
  /** Raw score of rows and values. */
  score(): number;
  /** New rows after one step; valid until the next call. */
  step(gradient: number): Float32Array;
}

export interface LinearKernels {
  /** Kernels of the smallest class that holds `count` coordinates. */
  sized(count: number): SizedKernels;
  report(): KernelReport;
}

interface StepSource {
  readonly slots: number;
  readonly score: ScoreFunction;
  readonly step: StepFunction;
  readonly constants: Record<string, number>;
}

function stepSourceOf(optimizer: CoordinateOptimizerConfig, intercept: boolean): StepSource {
  if (optimizer.name === 'ftrl') {
    const { alpha, beta, l1, l2 } = optimizer;
    return { slots: 2, score: scoreFtrl, step: stepFtrl, constants: { alpha, beta, l1, l2 } };
  }
  const rate = optimizer.learningRate;
  const interceptRate = intercept ? (optimizer.interceptLearningRate ?? rate) : rate;
  if (optimizer.name === 'sgd') {
    return { slots: 1, score: scoreOfWeights, step: stepSgd, constants: { rate, interceptRate } };
  }
  const constants = { rate, interceptRate, epsilon: optimizer.epsilon };
  return { slots: 2, score: scoreOfWeights, step: stepAdagrad, constants };
}

export function linearKernels(
  optimizer: CoordinateOptimizerConfig,
  options: { readonly mode: KernelMode; readonly intercept: boolean },
): LinearKernels {
  const source = stepSourceOf(optimizer, options.intercept);
  const compiler = kernelCompiler(options.mode);
  return new SizeClasses(options.mode, (size) => compileClass(source, compiler, size));
}

function compileClass(source: StepSource, compiler: KernelCompiler, size: number) {
  const rows = new Float32Array(source.slots * size);
  const values = new Float32Array(size);
  const gradients = new Float32Array(1);
  const constants = { ...source.constants, size };
  const score = compiler.compile(source.score, { outputs: 1, constants, loopMax: size });
  const step = compiler.compile(source.step, { outputs: source.slots * size, constants, loopMax: size });
  // A first run compiles; it also settles which backend takes the kernel before anybody asks.
  score.run(rows, values);
  step.run(rows, values, gradients);
  return {
    size,
    rows,
    values,
    compiled: [score, step],
    score: () => score.run(rows, values)[0]!,
    step(gradient: number) {
      gradients[0] = gradient;
      return step.run(rows, values, gradients);
    },
  };
}
