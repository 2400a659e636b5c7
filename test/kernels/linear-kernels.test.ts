import t from 'tap';
import { kernelCompiler } from '../../src/kernels/gpu.ts';
import { linearKernels } from '../../src/kernels/linear-kernels.ts';
import { probeKernels } from '../../src/kernels/probe.ts';
import type { StepThis } from '../../src/kernels/step-functions.ts';
import type { AdamConfig } from '../../src/model/optimizers/adam.ts';
import type { CoordinateOptimizerConfig } from '../../src/model/optimizers/optimizer.ts';
import { checkKernels } from '../checks/kernels.ts';

const adabound: CoordinateOptimizerConfig = {
  name: 'adabound',
  learningRate: 0.05,
  finalLearningRate: 0.1,
  gamma: 0.01,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-6,
};

const adamWith = (more: Partial<AdamConfig>): CoordinateOptimizerConfig => ({
  name: 'adam',
  learningRate: 0.05,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-4,
  variant: 'adam',
  ...more,
});

const optimizers: Readonly<Record<string, CoordinateOptimizerConfig>> = {
  sgd: { name: 'sgd', learningRate: 0.05 },
  'sgd with an intercept rate': { name: 'sgd', learningRate: 0.05, interceptLearningRate: 0.01 },
  adagrad: { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8 },
  'adagrad with an intercept rate': {
    name: 'adagrad',
    learningRate: 0.3,
    epsilon: 0.5,
    interceptLearningRate: 0.02,
  },
  ftrl: { name: 'ftrl', alpha: 0.1, beta: 1, l1: 0, l2: 0 },
  'ftrl with l1 and l2': { name: 'ftrl', alpha: 0.5, beta: 1, l1: 0.4, l2: 0.1 },
  'sgd with a schedule and penalties': {
    name: 'sgd',
    learningRate: 0.05,
    power: 0.5,
    l1: 0.3,
    l2: 0.1,
    interceptLearningRate: 0.01,
  },
  'adagrad with penalties': { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8, l1: 0.3, l2: 0.1 },
  momentum: { name: 'momentum', learningRate: 0.05, rho: 0.9, nesterov: false },
  'momentum with penalties': {
    name: 'momentum',
    learningRate: 0.05,
    rho: 0.5,
    nesterov: true,
    l1: 0.3,
    l2: 0.1,
  },
  adadelta: { name: 'adadelta', rho: 0.95, epsilon: 1e-6 },
  'adadelta with penalties': { name: 'adadelta', rho: 0.9, epsilon: 1e-4, l1: 0.3, l2: 0.1 },
  rmsprop: { name: 'rmsprop', learningRate: 0.05, rho: 0.9, epsilon: 1e-6 },
  'rmsprop with penalties': {
    name: 'rmsprop',
    learningRate: 0.05,
    rho: 0.9,
    epsilon: 1e-4,
    l1: 0.3,
    l2: 0.1,
  },
  ...Object.fromEntries(
    (['adam', 'amsgrad', 'adamax', 'nadam'] as const).flatMap((variant) => [
      [variant, adamWith({ variant })],
      [`${variant} with penalties`, adamWith({ variant, l1: 0.3, l2: 0.1 })],
    ]),
  ),
  adabound: { ...adabound, l1: 0.3, l2: 0.1 },
  'adabound in the beginning': adabound,
  pistol: { name: 'pistol', alpha: 1, beta: 0.5 },
  'ftrl without beta': { name: 'ftrl', alpha: 0.1, beta: 0, l1: 0, l2: 0 },
};

for (const [name, optimizer] of Object.entries(optimizers)) {
  for (const mode of ['cpu', 'webasm'] as const) checkKernels(t, name, optimizer, mode);
}

t.test(
  'kernels - a size class is the least multiple of 8, above 64 power of two, that holds the event',
  async (t) => {
    const kernels = linearKernels(optimizers.sgd!, { mode: 'cpu', intercept: true });
    const sizes = [0, 1, 8, 9, 16, 17, 23, 25, 57, 64, 65, 128, 129, 1024, 1025].map(
      (count) => kernels.sized(count).size,
    );
    t.same(sizes, [8, 8, 8, 16, 16, 24, 24, 32, 64, 64, 128, 128, 256, 1024, 2048]);
    t.equal(kernels.sized(3), kernels.sized(8), 'compiled once');
  },
);

t.test('kernels - a step leaves its inputs and earlier results of other classes alone', async (t) => {
  const kernels = linearKernels(optimizers.sgd!, { mode: 'cpu', intercept: true });
  const sized = kernels.sized(2);
  sized.rows.set([1, 2]);
  sized.values.set([1, 1]);
  const stepped = [...sized.step(1)];
  t.same([...sized.rows.subarray(0, 2)], [1, 2]);
  kernels.sized(20).step(1);
  t.same([...sized.step(1)], stepped);
});

t.test('kernels - a fall-back is visible', async (t) => {
  const warned = t.capture(console, 'warn');
  const source = function (this: StepThis, rows: Float32Array): number {
    return rows[this.thread.x]!;
  };
  // A constant that is no number is what the webasm backend cannot take.
  const constants = { foreign: new Set() as unknown as number };
  const kernel = kernelCompiler('webasm').compile(source, { outputs: 2, constants, loopMax: 1 });
  t.same([...kernel.run(new Float32Array([1, 2]))], [1, 2]);
  t.equal(kernel.executor(), 'cpu');
  t.match(kernel.fallback(), /not supported on the webasm backend/);

  const broken = { name: 'sgd', learningRate: new Set() as unknown as number } as const;
  const report = linearKernels(broken, { mode: 'webasm', intercept: true }).report();
  t.match(report, { mode: 'webasm', executor: 'cpu', fallback: /not supported on the webasm backend/ });
  t.ok(warned().length > 0, 'gpu.js says it too');
});

t.test('kernels - the probe tries each mode', async (t) => {
  t.same(probeKernels(), [
    { mode: 'cpu', executor: 'cpu' },
    { mode: 'webasm', executor: 'webasm' },
  ]);
});
