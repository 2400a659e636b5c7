/**
 * The door to gpu.js: compiles a kernel for one backend and says which backend really took it. The only
 * importer of gpu.js; a version whose calls are asynchronous would change this file and its callers' one call.
 */
import gpu from 'gpu.js';
import type { KernelMode } from '../../config/schema.ts';

export interface CompiledKernel {
  /** The result is valid until the next call: its memory is used again. */
  run(...inputs: Float32Array[]): Float32Array;
  /** The backend that ran; known after the first run. */
  executor(): string;
  /** Why gpu.js took another backend than asked for; undefined when it did not. */
  fallback(): string | undefined;
}

export interface KernelOptions {
  readonly outputs: number;
  readonly constants: Record<string, number>;
  readonly loopMax: number;
}

/** A kernel's own type is that of its source; gpu.js gives back a callable with the compiled kernel inside. */
interface GpuKernel {
  (...inputs: Float32Array[]): unknown;
  readonly kernel: {
    readonly constructor: { readonly mode?: string };
    readonly fallbackReason?: string | null;
    readonly run: (...inputs: Float32Array[]) => Float32Array;
  };
}

export interface KernelCompiler {
  compile(source: (...inputs: never[]) => number, options: KernelOptions): CompiledKernel;
}

export function kernelCompiler(mode: KernelMode): KernelCompiler {
  const device = new gpu.GPU({ mode: mode as 'cpu' });
  return {
    compile(source, options) {
      const settings = {
        output: [options.outputs],
        constants: options.constants,
        loopMaxIterations: options.loopMax,
        // Every number is float32 between kernels, so that all backends start a step from the same bits.
        precision: 'single' as const,
        // Without it each call allocates its result, which takes as long as a small kernel: the step of an event of 20
        // features took 2.6 us and takes 1.4 (`npm run bench -- core`).
        pipeline: mode === 'cpu',
      };
      // gpu.js types its kernels for its own dialect of functions; ours are checked by StepThis instead.
      const kernel = device.createKernel(source as never, settings as never) as unknown as GpuKernel;
      const executor = () => kernel.kernel.constructor.mode ?? 'unknown';
      const compiled = {
        run(...inputs: Float32Array[]): Float32Array {
          const result = kernel(...inputs) as Float32Array;
          // The compiled loop itself, without the checks that inputs are still of the kind of the first call, which
          // they are by their type: 0.05 us instead of 0.10 for a call (`npm run bench -- kernels`).
          if (executor() === 'cpu') compiled.run = kernel.kernel.run;
          return result;
        },
        executor,
        fallback: () => kernel.kernel.fallbackReason ?? undefined,
      };
      return compiled;
    },
  };
}
