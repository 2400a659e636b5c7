import t from 'tap';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { Featurizer, type FeaturizerSettings } from '../../src/features/featurizer.ts';
import { decode, encode } from '../../src/protocol/codec.ts';

const defaults: FeaturizerSettings = {
  bits: 26,
  intercept: false,
  interactions: [],
  featuresMax: 64,
  depthMax: 8,
};

type Entry = readonly [key: number, value: number, numeric: number];

function featurize(features: unknown, settings: Partial<FeaturizerSettings> = {}): Entry[] {
  const { featuresMax } = { ...defaults, ...settings };
  const vector = new SparseVector(featuresMax + 1);
  new Featurizer({ ...defaults, ...settings }).featurize(features, vector);
  return Array.from({ length: vector.count }, (_, i) => [
    vector.keys[i]!,
    vector.values[i]!,
    vector.numeric[i]!,
  ]);
}

const keys = (features: unknown) => featurize(features).map(([key]) => key);
const values = (features: unknown) => featurize(features).map(([, value]) => value);

t.test('featurizer - each kind of value', async (t) => {
  t.same(values({ a: 'x' }), [1], 'a string is categorical');
  t.same(values({ a: '' }), [1], 'the empty string too');
  t.same(values({ a: 2.5, b: -0.1 }), [2.5, Math.fround(-0.1)], 'a number is itself');
  t.same(values({ a: true, b: false }), [1, 0], 'a boolean is 1 or 0');
  t.same(values({ a: ['x', 'y', 'x'] }), [2, 1], 'a bag adds its repeats up');
  t.same(values({ a: [3, 0, -4] }), [3, 0, -4], 'a dense block keeps its numbers');
  t.same(values({ a: { b: 1, c: 'x', d: { e: 2 } } }), [1, 1, 2], 'a namespace is its features');
  t.same(values({ a: null, b: undefined, c: [], d: {} }), [], 'absent, or empty');
  t.same(values(Object.assign(Object.create(null), { a: 1 })), [1], 'an object without a prototype');
});

t.test('featurizer - only numbers of the user count as numeric', async (t) => {
  const flags = featurize({ a: 1, b: [2], c: 'x', d: true, e: ['y'] }, { intercept: true }).map(
    ([, , numeric]) => numeric,
  );
  t.same(flags, [0, 1, 1, 0, 0, 0]);
});

t.test('featurizer - what means the same has the same key', async (t) => {
  t.same(keys({ a: 'x' }), keys({ a: ['x'] }), 'a bag of one is a categorical');
  t.same(keys({ a: true }), keys({ a: 1 }), 'an indicator is a number');
  t.same(keys({ a: { b: 1 } }), keys({ 'a.b': 1 }), 'a path, written out or nested');
  t.same(keys({ a: [5] }), keys({ a: [6] }), 'a place in a block, whatever stands there');
});

t.test('featurizer - pairs are a namespace whose order and repeats are kept', async (t) => {
  const pairs = [
    ['10', 1],
    ['9', 2],
    ['10', 0.5],
  ];
  t.same(keys({ a: pairs }), keys({ 'a.10': 1, 'a.9': 2 }));
  t.same(featurize({ a: pairs }), [
    [keys({ 'a.10': 1 })[0], 1.5, 1],
    [keys({ 'a.9': 1 })[0], 2, 1],
  ]);
  t.throws(() => featurize({ a: { b: [['c', 1]] } }, { depthMax: 2 }), { message: /nested deeper than 2/ });
  t.throws(() => featurize({ a: [['__proto__', 1]] }), { message: /__proto__ is not allowed/ });
});

t.test('featurizer - what means something else has another key', async (t) => {
  const different: unknown[] = [
    { 'a=b': 1 },
    { a: 'b' },
    { ab: 1 },
    { a: { b: 1 } },
    { a: { b: 'b' } },
    { a: 1 },
    { b: 'a' },
    { '': 'ab' },
    { a: '' },
    { a: [1] },
    { a: ['b\u00ff'] },
    { aÿb: 1 },
    { 'a\u0000': 1 },
    { a: '0' },
    { a: '\u0000\u0000\u0000\u0000' },
    { 'a.': 1 },
    { '.a': 1 },
  ];
  const seen = new Map<number, string>();
  for (const features of different) {
    const [key] = keys(features);
    t.equal(seen.get(key!), undefined, JSON.stringify(features));
    seen.set(key!, JSON.stringify(features));
  }
  t.equal(new Set(keys({ a: [1, 2, 3, 4] })).size, 4, 'places in a block differ');
});

t.test('featurizer - keys stay below the table, and the intercept comes behind it, first', async (t) => {
  const features = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, i]));
  const entries = featurize(features, { bits: 8, intercept: true });
  t.same(entries[0], [256, 1, 0]);
  t.ok(entries.slice(1).every(([key]) => key >= 0 && key < 256));
  t.equal(new Featurizer({ ...defaults, bits: 8 }).interceptKey, 256);
  const sum = entries.slice(1).reduce((total, [, value]) => total + value, 0);
  t.equal(sum, (59 * 60) / 2, 'features that share a key add up');
  t.same(featurize({}, { intercept: true }), [[2 ** 26, 1, 0]]);
});

t.test('featurizer - featuresMax is exact, and the intercept is not one of them', async (t) => {
  const bag = (count: number) => ({ a: Array.from({ length: count }, (_, i) => `w${i}`) });
  for (const intercept of [false, true]) {
    const extra = intercept ? 1 : 0;
    t.equal(featurize(bag(5), { featuresMax: 5, intercept }).length, 5 + extra);
    t.throws(() => featurize(bag(6), { featuresMax: 5, intercept }), {
      kind: 'tooLarge',
      message: 'features: more than 5 (limits.featuresMax)',
    });
  }
  for (const a of [
    ['x', 'y', 'x'],
    ['x', 'x', 'y'],
  ]) {
    t.equal(featurize({ a }, { featuresMax: 2 }).length, 2, 'a repeat is no new feature, wherever it stands');
  }
});

t.test('featurizer - depthMax is exact', async (t) => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
  t.equal(featurize(nested(3), { depthMax: 3 }).length, 1);
  t.throws(() => featurize(nested(4), { depthMax: 3 }), {
    kind: 'badInput',
    message: 'features.a.a.a: nested deeper than 3 (limits.depthMax)',
  });
  t.throws(() => featurize(nested(5000)), { kind: 'badInput', message: /nested deeper than 8/ });
});

t.test('featurizer - what is no features object is refused', async (t) => {
  const cases: [unknown, string][] = [
    [null, 'null'],
    [undefined, 'nothing'],
    [[], 'an array'],
    ['a', 'a string'],
    [1, '1'],
    [new Date(0), 'a Date'],
    [new Map(), 'a Map'],
  ];
  for (const [features, got] of cases) {
    t.throws(() => featurize(features), {
      kind: 'badInput',
      message: `features: expected an object, got ${got}`,
    });
  }
});

t.test('featurizer - a bad value is refused by its path', async (t) => {
  const number = 'expected a finite number within float32';
  const mixed = 'expected an array of one kind: all strings or all numbers';
  const pairs = 'expected an array of pairs, each a name and a number';
  const list = 'expected an array of strings or numbers';
  const value = 'expected a string, number, boolean, array, object or null';
  const noClass = Object.create(Object.create(null));
  const cases: [unknown, string][] = [
    [Number.NaN, `${number}, got NaN`],
    [Number.POSITIVE_INFINITY, `${number}, got Infinity`],
    [Number.NEGATIVE_INFINITY, `${number}, got -Infinity`],
    [1e39, `${number}, got 1e+39`],
    [[1, Number.NaN], `${number}, got NaN`],
    [[1, 'x'], `${mixed}, got a string`],
    [['x', 1], `${mixed}, got 1`],
    [['x', null], `${mixed}, got null`],
    [[[1]], `${pairs}, got an array`],
    [[['x', 1], ['y']], `${pairs}, got an array`],
    [[['x', 1], 'y'], `${pairs}, got a string`],
    [[['x', '1']], `${pairs}, got an array`],
    [[1, ['x', 1]], `${mixed}, got an array`],
    [[{}], `${list}, got an object`],
    [[null], `${list}, got null`],
    [[true], `${list}, got a boolean`],
    [new Date(0), `${value}, got a Date`],
    [new Uint8Array(2), `${value}, got a Uint8Array`],
    [() => 1, `${value}, got a function`],
    [10n, `${value}, got a bigint`],
    [Symbol('x'), `${value}, got a symbol`],
    [noClass, `${value}, got a foreign object`],
  ];
  for (const [bad, message] of cases) {
    t.throws(() => featurize({ a: { b: bad } }), { kind: 'badInput', message: `features.a.b: ${message}` });
  }
  t.same(values({ a: 3.4028234663852886e38 }), [3.4028234663852886e38], 'the largest float32 is taken');
});

t.test('featurizer - names that reach for a prototype are refused in either format', async (t) => {
  const json = decode(new TextEncoder().encode('{"a":{"__proto__":{"polluted":1}}}'), undefined);
  t.throws(() => featurize(json), {
    kind: 'badInput',
    message: 'features.a.__proto__: the name __proto__ is not allowed',
  });
  const packed = encode({ a: { __pr0to__: { polluted: 1 } } }, 'msgpack');
  const forged = Buffer.from(
    Buffer.from(packed).toString('latin1').replace('__pr0to__', '__proto__'),
    'latin1',
  );
  t.throws(() => featurize(decode(forged, 'application/msgpack')), {
    kind: 'badInput',
    message: /^features\.a\.__proto_.*: the name __proto__ is not allowed$/,
  });
  t.equal(({} as { polluted?: number }).polluted, undefined);
  t.same(values({ constructor: 1, prototype: 2, toString: 3, hasOwnProperty: 4 }), [1, 2, 3, 4]);
});

t.test('featurizer - a long path is cut in the message', async (t) => {
  t.throws(() => featurize({ ['n'.repeat(10_000)]: Number.NaN }), {
    message: /^features\.n{200,250}: expected a finite/,
  });
});

t.test('featurizer - after a refusal the next event is as if nothing had been', async (t) => {
  const featurizer = new Featurizer({ ...defaults, interactions: [['a', 'b']] });
  const vector = new SparseVector(65);
  const good = { a: 2, b: { c: 3, d: 'x' } };
  const snapshot = () => [
    [...vector.keys.subarray(0, vector.count)],
    [...vector.values.subarray(0, vector.count)],
  ];
  featurizer.featurize(good, vector);
  const expected = snapshot();
  t.throws(() => featurizer.featurize({ a: 1, b: { c: { d: Number.NaN } } }, vector));
  featurizer.featurize(good, vector);
  t.same(snapshot(), expected);
});
