/** The kernels of a linear model whose optimiser works coordinate by coordinate, for each size class. */
import type { KernelMode } from '../../config/schema.ts';
import type { CoordinateOptimizerConfig } from '../model/optimizers/optimizer.ts';
import { type KernelCompiler, kernelCompiler } from './gpu.ts';
import { divergence } from './online-model.ts';
import { type KernelReport, SizeClasses } from './size-classes.ts';
import { type StepSource, stepSourceOf } from './step-sources.ts';

/** Buffers and kernels for events of up to `size` coordinates. */
export interface SizedKernels {
  readonly size: number;
  /** Planes of slots, as step-functions.ts describes. The caller fills them before a call. */
  readonly rows: Float32Array;
  readonly values: Float32Array;
  /** Raw score of rows and values. */
  score(): number;
  /** The score whose gradient a step takes, where it is another one (Nesterov's). */
  ahead?(): number;
  /** New rows after one step, with the step's factors where the rule has them; valid until the next call. */
  step(gradient: number, factors?: readonly [number, number]): Float32Array;
}

export interface LinearKernels {
  /** Kernels of the smallest class that holds `count` coordinates. */
  sized(count: number): SizedKernels;
  report(): KernelReport;
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
  const gradients = Float32Array.of(0, 1, 1);
  const constants = { ...source.constants, size };
  const score = compiler.compile(source.score, { outputs: 1, constants, loopMax: size });
  const ahead = source.ahead && compiler.compile(source.ahead, { outputs: 1, constants, loopMax: size });
  const step = compiler.compile(source.step, { outputs: source.slots * size, constants, loopMax: size });
  // A first run compiles; it also settles which backend takes the kernel before anybody asks.
  score.run(rows, values);
  ahead?.run(rows, values);
  step.run(rows, values, gradients);
  return {
    size,
    rows,
    values,
    compiled: [score, step, ...(ahead ? [ahead] : [])],
    score: () => score.run(rows, values)[0]!,
    ...(ahead && { ahead: () => ahead.run(rows, values)[0]! }),
    step(gradient: number, factors?: readonly [number, number]) {
      gradients[0] = gradient;
      if (factors !== undefined) gradients.set(factors, 1);
      return step.run(rows, values, gradients);
    },
  };
}

/** Whether weights are exponentials of rows: finite rows may not be enough for a finite score. */
export const isSteep = ({ name }: CoordinateOptimizerConfig): boolean => name === 'pistol';

export function requireScore(sized: SizedKernels, stepped: Float32Array): void {
  sized.rows.set(stepped);
  if (!Number.isFinite(sized.score())) throw divergence('the score after this step');
}
