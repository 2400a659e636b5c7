/**
 * Kernels for events of any size. A gpu.js kernel has a fixed number of outputs, so kernels are compiled once for
 * each size class (multiples of 8 to 64, then powers of two). An event is padded with zeros to its class; adding +0 changes no sum,
 * so the class of an event does not show in its result.
 */
import type { KernelMode } from '../../config/schema.ts';
import type { CompiledKernel } from './gpu.ts';

export interface KernelReport {
  readonly mode: KernelMode;
  /** The backend that really runs. */
  readonly executor: string;
  readonly fallback?: string;
}

const smallestClass = 8;
/** Up to here classes are multiples of the smallest: an event of 23 coordinates does the work of 24, and not of 32. */
const linearClasses = 8;

/** A class's kernels, made when first asked for. */
export class SizeClasses<Kernels extends { readonly compiled: readonly CompiledKernel[] }> {
  readonly #mode: KernelMode;
  readonly #compile: (size: number) => Kernels;
  readonly #classes: Kernels[] = [];

  constructor(mode: KernelMode, compile: (size: number) => Kernels) {
    this.#mode = mode;
    this.#compile = compile;
  }

  /** Kernels of the smallest class that holds `count` coordinates. */
  sized(count: number): Kernels {
    const index = indexOf(count);
    let found = this.#classes[index];
    if (found === undefined) {
      found = this.#compile(sizeOf(index));
      this.#classes[index] = found;
    }
    return found;
  }

  report(): KernelReport {
    const { compiled } = this.sized(1);
    const fallback = compiled.map((kernel) => kernel.fallback()).find((reason) => reason !== undefined);
    // The kernels run on one backend unless one of them fell back: then both names are said.
    const executor = [...new Set(compiled.map((kernel) => kernel.executor()))].join('+');
    return { mode: this.#mode, executor, ...(fallback === undefined ? {} : { fallback }) };
  }
}

function indexOf(count: number): number {
  const linear = Math.max(0, Math.ceil(count / smallestClass) - 1);
  if (linear < linearClasses) return linear;
  // Bits of the last class that is linear, and of the one that is needed.
  return linearClasses + (Math.clz32(smallestClass * linearClasses - 1) - Math.clz32(count - 1)) - 1;
}

const sizeOf = (index: number): number =>
  index < linearClasses
    ? smallestClass * (index + 1)
    : smallestClass * linearClasses * 2 ** (index - linearClasses + 1);
