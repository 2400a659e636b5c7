import fc from 'fast-check';
import t from 'tap';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { modelDefinition } from '../../src/model/definition.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../../src/model/optimizers/optimizer.ts';
import { differenceRows, mergeRow } from '../../src/model/row-join.ts';
import { kernelModeOf, rowLayoutOf, statisticsSlots } from '../../src/model/row-layout.ts';
import { observe } from '../../src/model/standardizer.ts';

const optimizers: readonly CoordinateOptimizerConfig[] = [
  { name: 'sgd', learningRate: 0.05 },
  { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8 },
  { name: 'ftrl', alpha: 0.1, beta: 1, l1: 0.1, l2: 0 },
];

const layoutOf = (optimizer: CoordinateOptimizerConfig, standardize: boolean) =>
  rowLayoutOf(modelSchema.parse({ optimizer, features: { standardize, bits: 8 } } satisfies ModelInput));

/** What a learner does to a row: steps of given gradients, each seeing the number that caused it. */
function learn(
  optimizer: CoordinateOptimizerConfig,
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

const key = Uint32Array.of(0);
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
          differenceRows(layout, key, base, pushed);
          mergeRow(layout, 0, pushed, 0, joined, 0);
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
    differenceRows(layout, key, base, row);
    mergeRow(layout, 0, row, 0, joined, 0);
  }
  t.same([...joined], [0.25, 0.3125]);
});

t.test('row join - several rows at once, each at its place', async (t) => {
  const layout = layoutOf(optimizers[0]!, true);
  const before = new Float32Array([1, 2, 10, 1, 5, 0, 0, 0]);
  const rows = new Float32Array([1.5, 3, 11, 2, 4, 1, 7, 0]);
  differenceRows(layout, Uint32Array.of(0, 1), before, rows);
  t.equal(rows[0], 0.5);
  t.equal(rows[1], 1, 'one number came in');
  t.ok(near(rows[2]!, 13), 'which was 13');
  t.same([...rows.subarray(4)], [-1, 1, 7, 0]);
  const into = new Float32Array(12).fill(1);
  mergeRow(layout, 1, rows, 4, into, 8);
  t.same([...into.subarray(0, 9)], [1, 1, 1, 1, 1, 1, 1, 1, 0]);
  t.same([...into.subarray(9, 11)], [2, 4]);
});

t.test('row join - of what is the largest the larger stays', async (t) => {
  for (const [optimizer, sums] of [
    [{ name: 'pistol' }, 2],
    [{ name: 'coin' }, 3],
  ] as const) {
    const layout = rowLayoutOf(modelSchema.parse({ optimizer, features: { bits: 8 } }));
    const width = layout.width;
    const base = Float32Array.from({ length: width }, () => 1);
    const joined = Float32Array.from(base);
    for (const grown of [3, 2]) {
      const pushed = Float32Array.from({ length: width }, () => grown);
      differenceRows(layout, key, base, pushed);
      mergeRow(layout, 0, pushed, 0, joined, 0);
    }
    t.same(
      [...joined],
      Array.from({ length: width }, (_, slot) => (slot < sums ? 4 : 3)),
      optimizer.name,
    );
  }
});

t.test('row layout - slots, then statistics; keys, then the intercept', async (t) => {
  const regions = [
    { name: 'hashed', firstKey: 0, rows: 256 },
    { name: 'intercept', firstKey: 256, rows: 1 },
    { name: 'optimizer', firstKey: 257, rows: 0 },
    { name: 'shared', firstKey: 257, rows: 0 },
  ];
  const state = { stateRows: 0, stateKey: 257, sharedRows: 0, sharedKey: 257 };
  const added = { offset: 0, classesMax: 0, regions, keyCount: 257, ...state, join: 'add', maxima: 0 };
  t.same(layoutOf(optimizers[0]!, false), { optimizerSlots: 1, standardize: false, width: 1, ...added });
  t.same(layoutOf(optimizers[2]!, true), { optimizerSlots: 2, standardize: true, width: 5, ...added });
  const nag = rowLayoutOf(modelSchema.parse({ optimizer: { name: 'nag' }, features: { bits: 8 } }));
  t.match(nag, { width: 3, keyCount: 259, stateRows: 2, join: 'normalized' });
});

t.test('definition - auto and an absent loss are settled', async (t) => {
  const definition = (model: ModelInput) => modelDefinition(modelSchema.parse(model));
  t.match(definition({}), { task: 'binary', loss: 'logistic', kernel: 'cpu', partitions: 64 });
  t.match(definition({ task: 'regression' }), { loss: 'squared' });
  t.match(definition({ task: 'binary', loss: 'squared' }), { loss: 'squared' });
  t.equal(kernelModeOf(modelSchema.parse({ kernel: 'webasm' })), 'webasm', 'a mode that is named is taken');
});

/**
 * Goal: two learners that started from one row and learned apart come together as the rule says. Method: the
 * merged row against the definition, in either order, for any rows.
 */
t.test('row join - normalised weights are brought to the larger scale, then add', async () => {
  const layout = rowLayoutOf(modelSchema.parse({ optimizer: { name: 'nag' }, features: { bits: 8 } }));
  const weight = fc.float({ min: -4, max: 4, noNaN: true });
  const positive = fc.float({ min: Math.fround(0.25), max: 8, noNaN: true });
  const row = fc.record({ w: weight, g: positive, n: positive });
  const property = fc.property(row, row, row, (base, left, right) => {
    const start = Float32Array.of(base.w, base.g, base.n);
    const learned = [left, right].map(({ w, g, n }) => Float32Array.of(w, base.g + g, Math.max(base.n, n)));
    const joined = [learned, [...learned].reverse()].map((order) => {
      const into = Float32Array.from(start);
      for (const after of order) {
        const pushed = Float32Array.from(after);
        differenceRows(layout, key, start, pushed);
        mergeRow(layout, 0, pushed, 0, into, 0);
      }
      return into;
    });
    const scale = Math.max(...learned.map((after) => after[2]!));
    // In units of weight times scale, which is what a weight is worth, the changes simply add.
    const worth =
      base.w * base.n + learned.reduce((sum, after) => sum + after[0]! * after[2]! - base.w * base.n, 0);
    const wanted = [worth / scale, base.g + left.g + right.g, scale];
    return joined.every((into) => wanted.every((value, slot) => near(into[slot]!, value, 1e-4)));
  });
  fc.assert(property, { numRuns: 300 });
});

t.test('row join - the reserved rows of nag: sums add, the range of labels is the hull', async (t) => {
  const layout = rowLayoutOf(modelSchema.parse({ optimizer: { name: 'nag' }, features: { bits: 8 } }));
  const keys = Uint32Array.of(257, 258);
  const before = Float32Array.of(10, 40, 0, -1, 2, 0);
  const into = Float32Array.from(before);
  for (const after of [
    [13, 52, 0, -1, 7, 0],
    [11, 45, 0, -3, 2, 0],
  ]) {
    const pushed = Float32Array.from(after);
    differenceRows(layout, keys, before, pushed);
    mergeRow(layout, 257, pushed, 0, into, 0);
    mergeRow(layout, 258, pushed, 3, into, 3);
  }
  t.same([...into], [14, 57, 0, -3, 7, 0]);
});

t.test('row join - whatever finite rows come together, the row that they come to is finite', async () => {
  const inputs: readonly ModelInput[] = [
    ...optimizers.flatMap((optimizer) => [
      { optimizer, features: { standardize: true, bits: 8 } },
      { optimizer, features: { standardize: false, bits: 8 } },
    ]),
    { optimizer: { name: 'nag' }, features: { bits: 8 } },
  ];
  for (const input of inputs) {
    const layout = rowLayoutOf(modelSchema.parse(input));
    const { width, optimizerSlots, standardize } = layout;
    const finite = fc.float({ noDefaultInfinity: true, noNaN: true });
    const raw = fc.array(fc.oneof(finite, fc.constantFrom(3.4e38, -3.4e38, 0)), {
      minLength: width,
      maxLength: width,
    });
    // A count is a whole number, a variance and the scale of a number are not below 0.
    const rowOf = (slots: readonly number[]) =>
      Float32Array.from(slots, (slot, at) => {
        if (standardize && at === optimizerSlots) return Math.floor(Math.abs(slot) % 1000);
        const isSize = (standardize && at === width - 1) || (layout.join === 'normalized' && at === 2);
        return isSize ? Math.abs(slot) : slot;
      });
    const anyKey = fc.constantFrom(0, layout.keyCount - 2, layout.keyCount - 1);
    fc.assert(
      fc.property(anyKey, raw, raw, raw, (at, start, left, right) => {
        const base = rowOf(start);
        const into = Float32Array.from(base);
        for (const after of [rowOf(left), rowOf(right)]) {
          differenceRows(layout, Uint32Array.of(at), base, after);
          if (!after.every(Number.isFinite)) return false;
          mergeRow(layout, at, after, 0, into, 0);
        }
        return into.every(Number.isFinite);
      }),
    );
  }
});
