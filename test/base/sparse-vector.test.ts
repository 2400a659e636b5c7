import fc from 'fast-check';
import t from 'tap';
import { SparseVector } from '../../src/base/sparse-vector.ts';

type Entry = readonly [key: number, value: number, numeric: 0 | 1];

const anyKey = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.integer({ min: 0, max: 6 }).map((i) => (i * 0x1000_0000) >>> 0),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const anyEntries = fc.array(
  fc.tuple(anyKey, fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom<0 | 1>(0, 1)),
  { maxLength: 40 },
);

/** What a vector must hold after these entries, and which of them it must refuse. */
function oracle(entries: readonly Entry[], capacity: number) {
  const held = new Map<number, { value: number; numeric: 0 | 1 }>();
  const taken = entries.map(([key, value, numeric]) => {
    const before = held.get(key);
    if (before === undefined && held.size === capacity) return false;
    held.set(key, {
      value: Math.fround((before?.value ?? 0) + value),
      numeric: before?.numeric ?? numeric,
    });
    return true;
  });
  return { held, taken };
}

function contents(vector: SparseVector) {
  return Array.from({ length: vector.count }, (_, i) => [
    vector.keys[i]!,
    { value: vector.values[i]!, numeric: vector.numeric[i]! },
  ]);
}

t.test('sparse vector - holds what a map of sums would hold, in order of first appearance', async () => {
  const property = fc.property(
    fc.array(anyEntries, { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 0, max: 24 }),
    (rounds, capacity) => {
      const vector = new SparseVector(capacity);
      for (const entries of rounds) {
        vector.clear();
        const { held, taken } = oracle(entries, capacity);
        const got = entries.map(([key, value, numeric]) => vector.add(key, value, numeric));
        if (JSON.stringify(got) !== JSON.stringify(taken)) return false;
        // -0 plus 0 is 0 on both sides; JSON writes both zeros alike.
        if (JSON.stringify(contents(vector)) !== JSON.stringify([...held])) return false;
      }
      return true;
    },
  );
  fc.assert(property, { numRuns: 300 });
});

t.test('sparse vector - a new one is empty and ready', async (t) => {
  const vector = new SparseVector(2);
  t.equal(vector.count, 0);
  t.ok(vector.add(0, 0.5, 0), 'key 0 is a key like any other');
  t.ok(vector.add(5, 1, 1));
  t.equal(vector.count, 2);
});

t.test('sparse vector - full, it refuses new keys and still adds to old ones', async (t) => {
  const vector = new SparseVector(2);
  vector.clear();
  t.ok(vector.add(7, 1, 0));
  t.ok(vector.add(8, 1, 0));
  t.notOk(vector.add(9, 1, 0));
  t.ok(vector.add(7, 2, 0));
  t.same(contents(vector), [
    [7, { value: 3, numeric: 0 }],
    [8, { value: 1, numeric: 0 }],
  ]);
});

t.test('a copy - has the same entries and references, and goes its own way', async (t) => {
  const [from, to] = [new SparseVector(4), new SparseVector(4)];
  to.add(9, 9, 0);
  from.add(7, 2, 1);
  from.add(3, 0.5, 0);
  from.references.add(1, 40, 4, 2, 5, 6);
  to.copyFrom(from);
  to.add(3, 1, 0);
  t.strictSame([...to.keys.subarray(0, to.count)], [7, 3]);
  t.strictSame([...to.values.subarray(0, to.count)], [2, 1.5]);
  t.strictSame([...to.numeric.subarray(0, to.count)], [1, 0]);
  t.equal(from.values[1], 0.5);
  t.ok(to.references.merge(40, 1, 5, 6));
  t.equal(to.references.values[0], 3);
  t.equal(from.references.values[0], 2);
});
