import fc from 'fast-check';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import {
  crossHash,
  finalize,
  fnv1a,
  hashByte,
  hashInteger,
  hashStart,
  hashText,
} from '../../src/base/hash.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { Combiner } from '../../src/features/combiner.ts';
import type { Permutations } from '../../src/features/crosses.ts';
import { Featurizer } from '../../src/features/featurizer.ts';

const bits = 26;

function entriesOf(features: unknown, interactions: readonly (readonly string[])[], featuresMax = 2048) {
  const vector = new SparseVector(featuresMax + 1);
  new Featurizer({ bits, intercept: false, interactions, featuresMax, depthMax: 8 }).featurize(
    features,
    vector,
  );
  const entries = new Map<number, number>();
  for (let i = 0; i < vector.count; i++) entries.set(vector.keys[i]!, vector.values[i]!);
  return entries;
}

interface Plain {
  readonly path: string;
  readonly hash: number;
  readonly value: number;
  /** Which feature of the event it is. */
  readonly place: number;
}

/** The features of an object, in the plainest way: the oracle. */
function plainFeatures(value: unknown, path: string): Omit<Plain, 'place'>[] {
  const hash = hashText(hashStart, path);
  const category = (text: string) => finalize(hashText(hashByte(hash, 0xff), text));
  if (value === null || value === undefined) return [];
  if (typeof value === 'string') return [{ path, hash: category(value), value: 1 }];
  if (typeof value === 'number' || typeof value === 'boolean')
    return [{ path, hash: finalize(hash), value: Number(value) }];
  if (!Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, inner]) => plainFeatures(inner, `${path}.${name}`));
  }
  return value.map((item, i) => {
    if (typeof item === 'string') return { path, hash: category(item), value: 1 };
    return { path, hash: finalize(hashInteger(hashByte(hash, 0xfe), i)), value: item };
  });
}

/** All ways to take one feature for each operand; of those that are the same set in another order one. */
function combinationsOf(operands: readonly string[], of: (operand: string) => Plain[]): Plain[][] {
  let taken: Plain[][] = [[]];
  const wideLast = [...operands].sort((left, right) => Number(left === '*') - Number(right === '*'));
  for (const operand of wideLast)
    taken = taken.flatMap((left) => of(operand).map((right) => [...left, right]));
  // Operands that are not alike are told apart by their places, unless one of them is everything.
  const kindOf = (at: number) => (operands.includes('*') ? '' : wideLast[at]!);
  const sorted = (combination: Plain[]) =>
    combination
      .map((plain, at) => `${kindOf(at)} ${String(plain.hash).padStart(10, '0')} ${plain.place}`)
      .sort()
      .join();
  const least = new Map<string, Plain[]>();
  for (const combination of taken) {
    const known = least.get(sorted(combination));
    if (known === undefined || isBefore(combination, known)) least.set(sorted(combination), combination);
  }
  return [...least.values()];
}

function isBefore(left: readonly Plain[], right: readonly Plain[]): boolean {
  const at = left.findIndex((plain, i) => plain !== right[i]);
  const [one, other] = [left[at]!, right[at]!];
  return one.hash === other.hash ? one.place < other.place : one.hash < other.hash;
}

function oracle(features: Record<string, unknown>, interactions: readonly (readonly string[])[]) {
  const found = Object.entries(features).flatMap(([name, value]) => plainFeatures(value, name));
  const all = found.map((plain, place) => ({ ...plain, place }));
  const of = (operand: string) =>
    all.filter(({ path }) => operand === '*' || `${path}.`.startsWith(`${operand}.`));
  const entries = new Map<number, number>();
  const add = (hash: number, value: number) => {
    const key = (hash & (2 ** bits - 1)) >>> 0;
    entries.set(key, Math.fround((entries.get(key) ?? 0) + value));
  };
  for (const { hash, value } of all) add(hash, value);
  for (const operands of interactions) {
    for (const combination of combinationsOf(operands, of)) {
      const [first, ...rest] = combination;
      const crossed = rest.reduce((left, right) => crossHash(left, right.hash), first!.hash);
      add(
        crossed,
        combination.reduce((product, { value }) => product * value, 1),
      );
    }
  }
  return entries;
}

const anyValue = fc.oneof(
  fc.constantFrom<unknown>('x', 'y', true, false, null, 2, -1.5),
  fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
  fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 3 }),
);
const anyNames = fc.constantFrom('a', 'b', 'c', 'a.b', 'b.c', 'é');
const anyFeatures = fc.dictionary(
  anyNames,
  fc.oneof(anyValue, fc.dictionary(anyNames, anyValue, { maxKeys: 3 })),
  {
    maxKeys: 4,
  },
);
const anyInteractions = fc.array(
  fc.array(fc.constantFrom('a', 'b', 'c', 'a.b', 'b.c', 'a.b.c', 'é', 'missing'), {
    minLength: 2,
    maxLength: 3,
  }),
  { maxLength: 3 },
);

t.test('interactions - are what a naive cross of the operands gives', async () => {
  const property = fc.property(anyFeatures, anyInteractions, (features, interactions) => {
    const got = entriesOf(features, interactions);
    const expected = oracle(features, interactions);
    if (got.size !== expected.size) return false;
    return [...expected].every(([key, value]) => Math.abs(got.get(key)! - value) <= 1e-6 * Math.abs(value));
  });
  fc.assert(property, { numRuns: 400 });
});

t.test('interactions - * is every feature, and each combination is formed once', async () => {
  const anyWide = fc
    .array(fc.constantFrom('a', 'b', 'é', '*', '*'), { minLength: 2, maxLength: 3 })
    .map((operands) => [operands]);
  const property = fc.property(anyFeatures, anyWide, (features, interactions) => {
    const [got, expected] = [entriesOf(features, interactions), oracle(features, interactions)];
    if (got.size !== expected.size) return false;
    return [...expected].every(([key, value]) => Math.abs(got.get(key)! - value) <= 1e-5 * Math.abs(value));
  });
  fc.assert(property, { numRuns: 600 });
});

/**
 * Goal: as many features as Vowpal Wabbit 9.11 counts for these lines with --noconstant. Method: its own counts, for
 * `|a x y z |b u v` and for a word that comes twice, `|a x x y |b u`.
 */
t.test('interactions - as many as in Vowpal Wabbit', async (t) => {
  const lines = [
    { a: ['x', 'y', 'z'], b: ['u', 'v'] },
    { a: ['x', 'x', 'y'], b: ['u'] },
  ] as const;
  const counts: [string[], Permutations | undefined, number[]][] = [
    [['a', 'b'], undefined, [6, 3]],
    [['a', 'a'], undefined, [6, 6]],
    [['a', 'a'], 'within', [9, 9]],
    [['*', '*'], undefined, [15, 10]],
    [['*', '*'], 'across', [21, 13]],
    [['*', '*'], 'within', [19, 13]],
    [['*', 'a'], undefined, [12, 9]],
    [['a', 'a', 'a'], undefined, [10, 10]],
    [['a', 'a', 'b'], undefined, [12, 6]],
    [['a', 'b', 'a'], undefined, [12, 6]],
    [['*', '*', '*'], undefined, [35, 20]],
    [['*', 'a', '*'], undefined, [31, 19]],
    [['*', '*', '*', '*'], undefined, [70, 35]],
  ];
  for (const [operands, permutations, expected] of counts) {
    const combiner = new Combiner({ interactions: [operands], permutations }, 1000);
    const formed = lines.map((line) => {
      const root = combiner.begin();
      for (const [name, words] of Object.entries(line)) {
        combiner.enter(root, name, true);
        for (const word of words) combiner.add(fnv1a(word), 1, undefined);
        combiner.leave();
      }
      let count = 0;
      combiner.form(() => count++);
      return count;
    });
    t.same(formed, expected, `${operands} ${permutations ?? ''}`);
  }
});

t.test('interactions - a flat name with dots is an operand like the nested one', async (t) => {
  const interactions = [['user.age', 'day']];
  const nested = entriesOf({ user: { age: 3 }, day: 'mon' }, interactions);
  t.equal(nested.size, 3);
  t.same(entriesOf({ 'user.age': 3, day: 'mon' }, interactions), nested);
});

t.test('interactions - an operand that names a namespace covers all of it', async (t) => {
  t.equal(entriesOf({ user: { age: 3, name: 'x' }, day: ['mon', 'tue'] }, [['user', 'day']]).size, 4 + 4);
  t.equal(entriesOf({ user: 1, users: 2, day: 1 }, [['user', 'day']]).size, 3 + 1, 'names are whole tokens');
});

t.test('interactions - a feature may be crossed with itself, in three and four', async (t) => {
  const key = (hash: number) => (hash & (2 ** bits - 1)) >>> 0;
  const a = finalize(fnv1a('a'));
  const square = entriesOf({ a: 3 }, [['a', 'a']]);
  t.equal(square.get(key(crossHash(a, a))), 9);
  t.equal(entriesOf({ a: 1, b: 2, c: 3, d: 4 }, [['a', 'b', 'c', 'd']]).size, 5);
});

t.test('interactions - the order of properties does not change what comes out', async () => {
  const property = fc.property(anyFeatures, anyInteractions, (features, interactions) => {
    const turned = Object.fromEntries(Object.entries(features).reverse());
    const [one, other] = [entriesOf(features, interactions), entriesOf(turned, interactions)];
    return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
  });
  fc.assert(property, { numRuns: 300 });
});

t.test('interactions - count against featuresMax, repeats too, before any is formed', async (t) => {
  const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);
  t.equal(entriesOf({ a: words(4), b: words(5) }, [['a', 'b']], 29).size, 29);
  t.throws(() => entriesOf({ a: words(4), b: words(5) }, [['a', 'b']], 28), {
    kind: 'tooLarge',
    message: /more than 28/,
  });
  const same = Array.from({ length: 20_000 }, () => 'x');
  const started = process.cpuUsage().user;
  t.throws(() => entriesOf({ a: same }, [['a', 'a', 'a', 'a']]), {
    kind: 'tooLarge',
    message: /more than 2048/,
  });
  for (const wide of [
    ['*', '*'],
    ['a', '*', '*'],
    ['*', '*', '*', '*'],
    ['a', 'b', 'a', '*'],
  ])
    t.throws(
      () => entriesOf({ a: same.slice(0, 2000), b: 1 }, [wide]),
      { message: /more than 2048/ },
      `${wide}`,
    );
  t.ok(process.cpuUsage().user - started < 2_000_000, 'the answer does not wait for 20,000 to the fourth');
  t.equal(
    entriesOf({ a: words(6), b: 1 }, [['a', '*', '*']], 7 + 83).size,
    7 + 83,
    'what is counted is what is formed',
  );
  t.throws(() => entriesOf({ a: words(6), b: 1 }, [['a', '*', '*']], 82), { message: /more than 82/ });
});

t.test('interactions - a product beyond float32 is refused', async (t) => {
  t.throws(() => entriesOf({ a: 1e30, b: 1e30 }, [['a', 'b']]), {
    kind: 'badInput',
    message: 'features: an interaction overflows float32',
  });
});

t.test('interactions - arbitrary JSON gives a vector or a MillraceError, never anything else', async () => {
  const featurizer = new Featurizer({
    bits: 8,
    intercept: true,
    interactions: [
      ['a', 'b'],
      ['a', 'a', 'a'],
    ],
    featuresMax: 50,
    depthMax: 4,
  });
  const vector = new SparseVector(51);
  const property = fc.property(fc.oneof(fc.jsonValue(), fc.object({ key: anyNames })), (value) => {
    try {
      featurizer.featurize(value, vector);
    } catch (error) {
      return error instanceof MillraceError;
    }
    return vector.count <= 51 && vector.values.subarray(0, vector.count).every((x) => !Number.isNaN(x));
  });
  fc.assert(property, { numRuns: 500 });
});
