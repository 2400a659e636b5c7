import fc from 'fast-check';
import t from 'tap';
import { type ModelInput, modelSchema, type OptimizerConfig } from '../../config/schema.ts';
import { modelDefinition } from '../../src/model/definition.ts';
import { optimizerOf } from '../../src/model/optimizers/optimizer.ts';
import { differenceRows, mergeRow } from '../../src/model/row-join.ts';
import { kernelModeOf, rowLayoutOf, statisticsSlots } from '../../src/model/row-layout.ts';
import { observe } from '../../src/model/standardizer.ts';

const optimizers: readonly OptimizerConfig[] = [
  { name: 'sgd', learningRate: 0.05 },
  { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8 },
  { name: 'ftrl', alpha: 0.1, beta: 1, l1: 0.1, l2: 0 },
];

const layoutOf = (optimizer: OptimizerConfig, standardize: boolean) =>
  rowLayoutOf(modelSchema.parse({ optimizer, features: { standardize, bits: 8 } } satisfies ModelInput));

/** What a learner does to a row: steps of given gradients, each seeing the number that caused it. */
function learn(
  optimizer: OptimizerConfig,
  row: Float32Array,
  gradients: readonly number[],
  standardize: boolean,
) {
  const rule = optimizerOf(optimizer);
  const after = Float32Array.from(row);
  for (const gradient of gradients) {
    rule.step(after, 0, gradient, false);
    if (standardize) observe(after, rule.slots.length, gradient);
  }
  return after;
}

const anyGradients = fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 1, maxLength: 8 });
const near = (got: number, expected: number, tolerance = 2e-5) =>
  Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected));

t.test('row join - sums of two learners come to those of one', async () => {
  for (const optimizer of optimizers) {
    for (const standardize of [false, true]) {
      const layout = layoutOf(optimizer, standardize);
      const slots = layout.optimizerSlots;
      const property = fc.property(anyGradients, anyGradients, anyGradients, (history, left, right) => {
        const base = learn(optimizer, new Float32Array(layout.width), history, standardize);
        const joined = Float32Array.from(base);
        for (const gradients of [left, right]) {
          const pushed = learn(optimizer, base, gradients, standardize);
          differenceRows(layout, base, pushed, 1);
          mergeRow(layout, pushed, 0, joined, 0);
        }
        const sequential = learn(optimizer, base, [...left, ...right], standardize);
        // Sums of gradients and of their squares add up; steps that use the row as it stands do so only roughly.
        const additive = optimizer.name === 'sgd' ? [0] : [1];
        if (!additive.every((slot) => near(joined[slot]!, sequential[slot]!))) return false;
        if (!standardize) return true;
        const statistics = Array.from({ length: statisticsSlots }, (_, slot) => slots + slot);
        return statistics.every((slot) => near(joined[slot]!, sequential[slot]!, 1e-4));
      });
      fc.assert(property, { numRuns: 60 });
    }
  }
});

t.test('row join - z of FTRL adds up to the gradients and the corrections of both', async (t) => {
  const optimizer = optimizers[2]!;
  const layout = layoutOf(optimizer, false);
  const base = new Float32Array(2);
  const pushed = [0.5, -0.25].map((gradient) => learn(optimizer, base, [gradient], false));
  const joined = Float32Array.from(base);
  for (const row of pushed) {
    differenceRows(layout, base, row, 1);
    mergeRow(layout, row, 0, joined, 0);
  }
  t.same([...joined], [0.25, 0.3125]);
});

t.test('row join - several rows at once, each at its place', async (t) => {
  const layout = layoutOf(optimizers[0]!, true);
  const before = new Float32Array([1, 2, 10, 1, 5, 0, 0, 0]);
  const rows = new Float32Array([1.5, 3, 11, 2, 4, 1, 7, 0]);
  differenceRows(layout, before, rows, 2);
  t.equal(rows[0], 0.5);
  t.equal(rows[1], 1, 'one number came in');
  t.ok(near(rows[2]!, 13), 'which was 13');
  t.same([...rows.subarray(4)], [-1, 1, 7, 0]);
  const into = new Float32Array(12).fill(1);
  mergeRow(layout, rows, 4, into, 8);
  t.same([...into.subarray(0, 9)], [1, 1, 1, 1, 1, 1, 1, 1, 0]);
  t.same([...into.subarray(9, 11)], [2, 4]);
});

t.test('row layout - slots, then statistics; keys, then the intercept', async (t) => {
  t.same(layoutOf(optimizers[0]!, false), { optimizerSlots: 1, standardize: false, width: 1, keyCount: 257 });
  t.same(layoutOf(optimizers[2]!, true), { optimizerSlots: 2, standardize: true, width: 5, keyCount: 257 });
});

t.test('definition - auto and an absent loss are settled', async (t) => {
  const definition = (model: ModelInput) => modelDefinition(modelSchema.parse(model));
  t.match(definition({}), { task: 'binary', loss: 'logistic', kernel: 'cpu', partitions: 64 });
  t.match(definition({ task: 'regression' }), { loss: 'squared' });
  t.match(definition({ task: 'binary', loss: 'squared' }), { loss: 'squared' });
  t.equal(kernelModeOf(modelSchema.parse({ kernel: 'webasm' })), 'webasm', 'a mode that is named is taken');
});
