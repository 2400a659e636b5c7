/**
 * The two kernels of a linear model, compiled once for each size class (powers of two from 8), because a gpu.js
 * kernel has a fixed number of outputs. An event is padded with zeros to its class; adding +0 changes no sum, so
 * the class of an event does not show in its result.
 */
import type { KernelMode, OptimizerConfig } from '../../config/schema.ts';
import { type CompiledKernel, type KernelCompiler, kernelCompiler } from './gpu.ts';
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

export interface KernelReport {
  readonly mode: KernelMode;
  /** The backend that really runs. */
  readonly executor: string;
  readonly fallback?: string;
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

function stepSourceOf(optimizer: OptimizerConfig, intercept: boolean): StepSource {
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

const smallestClass = 8;

export function linearKernels(
  optimizer: OptimizerConfig,
  options: { readonly mode: KernelMode; readonly intercept: boolean },
): LinearKernels {
  const source = stepSourceOf(optimizer, options.intercept);
  const compiler = kernelCompiler(options.mode);
  const classes: (SizedKernels & { readonly compiled: readonly CompiledKernel[] })[] = [];
  const classOf = (count: number) => Math.max(0, 32 - Math.clz32(Math.max(count, smallestClass) - 1) - 3);

  const sized = (count: number) => {
    const index = classOf(count);
    let found = classes[index];
    if (found === undefined) {
      found = compileClass(source, compiler, smallestClass * 2 ** index);
      classes[index] = found;
    }
    return found;
  };
  return {
    sized,
    report() {
      const compiled = sized(1).compiled;
      const fallback = compiled.map((kernel) => kernel.fallback()).find((reason) => reason !== undefined);
      // The two kernels run on one backend unless one of them fell back: then both names are said.
      const executor = [...new Set(compiled.map((kernel) => kernel.executor()))].join('+');
      return { mode: options.mode, executor, ...(fallback === undefined ? {} : { fallback }) };
    },
  };
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
