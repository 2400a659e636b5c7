import fc from 'fast-check';
import t from 'tap';
import { mergeStatistics, observe, scaled, subtractStatistics } from '../../src/model/standardizer.ts';

function observed(numbers: readonly number[], from: readonly number[] = [0, 0, 0]): Float32Array {
  const row = new Float32Array(from);
  for (const x of numbers) observe(row, 0, x);
  return row;
}

/** Mean and population variance in two passes, in doubles. */
function twoPass(numbers: readonly number[]) {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  return { mean, variance };
}

const anyNumber = fc.float({ min: -1000, max: 1000, noNaN: true });
const anyNumbers = fc.array(anyNumber, { minLength: 1, maxLength: 60 });

/** Whether the row says what these numbers are, to what float32 can hold of numbers this large. */
function agrees(row: Float32Array, numbers: readonly number[], tolerance = 1e-5): boolean {
  const { mean, variance } = twoPass(numbers);
  const scale = Math.max(1e-3, ...numbers.map(Math.abs));
  return (
    row[0] === numbers.length &&
    Math.abs(row[1]! - mean) <= tolerance * scale &&
    Math.abs(row[2]! - variance) <= tolerance * scale * scale &&
    row[2]! >= 0
  );
}

t.test('standardiser - running statistics are those of two passes', async () => {
  fc.assert(fc.property(anyNumbers, (numbers) => agrees(observed(numbers), numbers)));
});

t.test('standardiser - scales to mean 0 and variance 1', async (t) => {
  const numbers = Array.from({ length: 5000 }, (_, i) => 40 + 7 * Math.sin(i * 1.7));
  const row = observed(numbers);
  const { mean, variance } = twoPass(numbers.map((x) => scaled(row, 0, x)));
  t.ok(Math.abs(mean) < 1e-3, `mean ${mean}`);
  t.ok(Math.abs(variance - 1) < 1e-3, `variance ${variance}`);
});

t.test('standardiser - gives 0 while all numbers were equal', async (t) => {
  t.equal(scaled(new Float32Array(3), 0, 5), 0, 'nothing seen');
  for (const x of [Math.fround(0.1), -3, Math.fround(1e30)]) {
    const row = observed([x, x, x, x, x, x, x]);
    t.equal(row[2], 0);
    t.equal(scaled(row, 0, x), 0);
  }
});

t.test(
  'standardiser - large numbers far from 0 stay finite, with a variance that is not negative',
  async (t) => {
    const row = observed(Array.from({ length: 1000 }, (_, i) => Math.fround(1.7e12 + i * 1e6)));
    t.ok(row.every(Number.isFinite));
    t.ok(row[2]! >= 0);
  },
);

t.test('standardiser - two halves merge to the whole', async () => {
  fc.assert(
    fc.property(anyNumbers, anyNumbers, (left, right) => {
      const merged = observed(left);
      mergeStatistics(observed(right), 0, merged, 0);
      return agrees(merged, [...left, ...right]);
    }),
  );
});

t.test('standardiser - what came in between can be taken out and merged again', async () => {
  const property = fc.property(anyNumbers, anyNumbers, (before, after) => {
    const base = observed(before);
    const grown = observed(after, [...base]);
    const difference = Float32Array.from(grown);
    subtractStatistics(base, 0, difference, 0);
    if (difference[0] !== after.length || difference[2]! < 0) return false;
    const merged = Float32Array.from(base);
    mergeStatistics(difference, 0, merged, 0);
    const all = [...before, ...after];
    return agrees(grown, all) && agrees(merged, all, 2e-5);
  });
  fc.assert(property, { numRuns: 300 });
});

t.test('standardiser - a difference of nothing is nothing', async (t) => {
  const base = observed([1, 2, 4]);
  const same = Float32Array.from(base);
  subtractStatistics(base, 0, same, 0);
  t.same([...same], [0, 0, 0]);
  const merged = Float32Array.from(base);
  mergeStatistics(same, 0, merged, 0);
  t.same([...merged], [...base], 'and merging it changes no bit');
});

t.test('standardiser - rows beside stay as they are', async (t) => {
  const rows = new Float32Array([9, 0, 0, 0, 9]);
  observe(rows, 1, 3);
  mergeStatistics(observed([4, 5]), 0, rows, 1);
  subtractStatistics(observed([3]), 0, rows, 1);
  t.equal(rows[0], 9);
  t.equal(rows[4], 9);
});
