/**
 * Every kernel of every model on WebGPU, with the inputs that real events bring, beside what mode cpu makes of them.
 * Skipped, with the reason, where there is no adapter (Debian 13 with mesa-vulkan-drivers has one without a GPU).
 */
import gpu from 'gpu.js';
import t from 'tap';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import type { KernelOptions } from '../../src/kernels/gpu.ts';
import { randomFrom } from '../checks/kernels.ts';
import { openWebgpu } from '../support/webgpu.ts';

interface Call {
  readonly source: (...inputs: never[]) => number;
  readonly options: KernelOptions;
  readonly inputs: readonly Float32Array[];
  readonly result: Float32Array;
}

interface Kernel {
  (...inputs: Float32Array[]): Float32Array;
  readonly kernel: object;
}

interface Settings {
  readonly output: readonly [number];
  readonly constants: Record<string, number>;
  readonly loopMaxIterations: number;
}

/** Every kernel that is compiled while `act` runs, with its last call. */
function recorded(act: () => void): Call[] {
  const calls = new Map<Kernel, Call>();
  const { prototype } = gpu.GPU;
  const { createKernel } = prototype;
  const recording = function (this: never, source: never, settings: never): Kernel {
    const kernel = createKernel.call(this, source, settings) as unknown as Kernel;
    const { output, constants, loopMaxIterations } = settings as Settings;
    const options = { outputs: output[0], constants, loopMax: loopMaxIterations };
    const run = (...inputs: Float32Array[]) => {
      const before = inputs.map((input) => input.slice());
      const result = kernel(...inputs);
      calls.set(kernel, { source, options, inputs: before, result: result.slice() });
      return result;
    };
    return Object.assign(run, { kernel: Object.create(kernel.kernel, { run: { value: run } }) as object });
  };
  Object.assign(prototype, { createKernel: recording });
  try {
    act();
  } finally {
    Object.assign(prototype, { createKernel });
  }
  return [...calls.values()];
}

function learnSome(model: ModelInput): void {
  const config = modelSchema.parse({ ...model, kernel: 'cpu', features: { bits: 8, ...model.features } });
  const random = randomFrom(3);
  const learner = new SequentialModel(config);
  for (let i = 0; i < 60; i++) {
    const features = {
      city: `c${Math.floor(random() * 5)}`,
      age: random() * 4 - 2,
      words: ['a', `w${i % 3}`],
    };
    const label = { binary: i % 2, regression: random() * 3, multiclass: `k${i % 3}` }[config.task];
    learner.step({ features, label });
  }
}

const models: Readonly<Record<string, ModelInput>> = {
  nag: {},
  sgd: { optimizer: { name: 'sgd' }, features: { standardize: true } },
  adagrad: { optimizer: { name: 'adagrad' } },
  ftrl: { optimizer: { name: 'ftrl', l1: 0.1 } },
  adam: { optimizer: { name: 'adam' } },
  momentum: { optimizer: { name: 'momentum', nesterov: true } },
  rmsprop: { optimizer: { name: 'rmsprop' } },
  adabound: { optimizer: { name: 'adabound' } },
  coin: { optimizer: { name: 'coin' } },
  pistol: { optimizer: { name: 'pistol' } },
  softmax: { task: 'multiclass', optimizer: { name: 'adagrad' } },
  fm: { family: { name: 'fm', factors: 4 } },
  network: { family: { name: 'network' } },
  'network of classes': { task: 'multiclass', family: { name: 'network' } },
};

const webgpu = await openWebgpu();
const skip = webgpu.kind === 'absent' ? `no WebGPU: ${webgpu.reason}` : false;

// An open adapter keeps the process alive; all is said by then.
if (webgpu.kind === 'there') t.teardown(() => setTimeout(() => process.exit(), 500).unref());

for (const [name, model] of Object.entries(models)) {
  t.test(`webgpu - the kernels of ${name} give what mode cpu gives`, { skip }, async (t) => {
    if (webgpu.kind === 'absent') return;
    const calls = recorded(() => learnSome(model));
    t.ok(calls.length >= 2, `${calls.length} kernels`);
    for (const { source, options, inputs, result } of calls) {
      const kernel = webgpu.compile(source, options);
      const got = await kernel.run(...inputs.map((input) => input.slice()));
      t.equal(kernel.executor(), 'webgpu', `${source.name} really ran there`);
      const farthest = result.reduce(
        (most, wanted, at) => Math.max(most, Math.abs(got[at]! - wanted) / Math.max(1, Math.abs(wanted))),
        0,
      );
      t.ok(farthest < 1e-4, `${source.name}: at most ${farthest} apart`);
    }
  });
}
