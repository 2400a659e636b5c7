/** `kernels`: one event's step by each optimiser in each gpu.js mode, beside the same step as a plain loop. */
import type { KernelMode } from '../config/schema.ts';
import { linearKernels } from '../src/kernels/linear-kernels.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../src/model/optimizers/optimizer.ts';
import { randomFrom } from './events.ts';
import { measurePairs, type Pairs, rateOf } from './measure.ts';
import type { Benchmark } from './result.ts';

const optimizers: readonly CoordinateOptimizerConfig[] = [
  { name: 'sgd', learningRate: 0.01 },
  { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8 },
  { name: 'ftrl', alpha: 0.1, beta: 1, l1: 0, l2: 0 },
];
const modes: readonly KernelMode[] = ['cpu', 'webasm'];
const features = 20;
const steps = 20_000;

function plainSteps(config: CoordinateOptimizerConfig, rows: Float32Array, values: Float32Array): void {
  const optimizer = optimizerOf(config);
  const width = optimizer.slots.length;
  for (let step = 0; step < steps; step++) {
    let raw = 0;
    for (let i = 0; i < features; i++) raw += optimizer.weight(rows, i * width) * values[i]!;
    for (let i = 0; i < features; i++) optimizer.step(rows, i * width, 1e-3 * raw * values[i]!, i === 0);
  }
}

async function measureKernel(
  config: CoordinateOptimizerConfig,
  mode: KernelMode,
  pairs: number,
  seed: number,
): Promise<Pairs> {
  const random = randomFrom(seed);
  const sized = linearKernels(config, { mode, intercept: true }).sized(features);
  const values = Float32Array.from({ length: features }, () => random() * 2 - 1);
  sized.values.set(values);
  const rows = new Float32Array(features * optimizerOf(config).slots.length).fill(0.01);
  return measurePairs(
    pairs,
    () =>
      rateOf(steps, () => {
        for (let step = 0; step < steps; step++) sized.rows.set(sized.step(1e-3 * sized.score()));
      }),
    () => rateOf(steps, () => plainSteps(config, rows, values)),
  );
}

export const kernels: Benchmark = async ({ pairs, seed, say }) => {
  const table: Record<string, { eventsPerSecond: number; ratio: number; spread: readonly [number, number] }> =
    {};
  for (const config of optimizers) {
    for (const mode of modes) {
      say(`${config.name} ${mode}`);
      const { subject, ratio, spread } = await measureKernel(config, mode, pairs, seed);
      table[`${config.name}-${mode}`] = { eventsPerSecond: subject, ratio, spread };
    }
  }
  const shown = table['ftrl-cpu']!;
  return {
    name: 'kernels',
    value: shown.eventsPerSecond,
    unit: 'steps/s (ftrl, cpu)',
    spread: shown.spread,
    ratio: Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.ratio])),
    table,
  };
};
