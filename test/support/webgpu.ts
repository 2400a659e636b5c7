/**
 * Kernels on a GPU, by WebGPU (Dawn's binding, which gpu.js brings along). Its calls are asynchronous and a step of one
 * event is far too small for them, so no model runs on it; it is here to know that the kernels would, and at what price
 * (test/kernels/webgpu.test.ts). Its binary wants a C++ runtime as of Debian 13; where it or
 * an adapter is absent, the reason is told.
 */
import gpu from 'gpu.js';
import { messageOf } from '../../src/base/errors.ts';
import type { KernelOptions } from '../../src/kernels/gpu.ts';

export interface Webgpu {
  readonly kind: 'there';
  readonly adapter: string;
  compile(source: (...inputs: never[]) => number, options: KernelOptions): WebgpuKernel;
}

export interface WebgpuKernel {
  run(...inputs: Float32Array[]): Promise<Float32Array>;
  /** The backend that ran; known after the first run. */
  executor(): string;
}

export interface NoWebgpu {
  readonly kind: 'absent';
  readonly reason: string;
}

interface Adapter {
  readonly info?: { readonly vendor?: string; readonly description?: string };
  requestDevice(...how: readonly unknown[]): Promise<object>;
}

interface Binding {
  create(options: readonly string[]): { requestAdapter(): Promise<Adapter | null> };
  readonly globals: object;
}

interface GpuKernel {
  (...inputs: Float32Array[]): Promise<Float32Array>;
  readonly kernel: { readonly constructor: { readonly mode?: string } };
}

/** Once opened it keeps its process alive: whoever asks ends the process when it is done. */
export async function openWebgpu(): Promise<Webgpu | NoWebgpu> {
  try {
    // By a name that no compiler looks up: it is gpu.js's dependency, and need not be there.
    const name = 'webgpu';
    const { create, globals } = (await import(name)) as Binding;
    const entry = create([]);
    const adapter = await entry.requestAdapter();
    if (adapter === null) return { kind: 'absent', reason: 'this machine has no adapter for WebGPU' };
    Object.assign(globalThis, globals);
    const requestAdapter = async () => accepting((await entry.requestAdapter())!);
    Object.defineProperty(globalThis, 'navigator', {
      value: { gpu: { requestAdapter } },
      configurable: true,
    });
    return { kind: 'there', adapter: nameOf(adapter), compile: compilerOf() };
  } catch (error) {
    return { kind: 'absent', reason: messageOf(error) };
  }
}

function compilerOf(): Webgpu['compile'] {
  const device = new gpu.GPU({ mode: 'webgpu' as 'cpu' });
  return (source, { outputs, constants, loopMax }) => {
    const settings = {
      output: [outputs],
      constants,
      loopMaxIterations: loopMax,
      precision: 'single' as const,
    };
    const kernel = device.createKernel(source as never, settings as never) as unknown as GpuKernel;
    return {
      run: (...inputs) => kernel(...inputs),
      executor: () => kernel.kernel.constructor.mode ?? 'unknown',
    };
  };
}

/** gpu.js sets `onuncapturederror`, which devices of this binding do not let themselves be given. */
function accepting(adapter: Adapter): Adapter {
  return new Proxy(adapter, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name !== 'requestDevice') return typeof value === 'function' ? value.bind(target) : value;
      return async (...how: readonly unknown[]) => {
        const device = await target.requestDevice(...how);
        Object.defineProperty(device, 'onuncapturederror', { value: null, writable: true });
        return device;
      };
    },
  });
}

const nameOf = ({ info }: Adapter): string =>
  [info?.vendor, info?.description].filter((text) => text !== undefined && text !== '').join(' ') ||
  'unnamed';
