import fc from 'fast-check';
import t from 'tap';
import { crossHash, finalize, fnv1a, hashByte, hashStart, hashText } from '../../src/base/hash.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { Featurizer, type FeaturizerSettings } from '../../src/features/featurizer.ts';
import { gramsIn, masksOf } from '../../src/features/grams.ts';

const bits = 26;

type Settings = Partial<FeaturizerSettings>;

function featurizerOf(settings: Settings): Featurizer {
  return new Featurizer({
    bits,
    intercept: false,
    interactions: [],
    featuresMax: 64,
    depthMax: 4,
    ...settings,
  });
}

/** Names of an event's features, and how often each occurs. */
function namesOf(features: unknown, settings: Settings): string[] {
  const featurizer = featurizerOf(settings);
  return featurizer.featurizeNamed(features, featurizer.vector()).map(({ name }) => name);
}

const ngrams = (of: string, n: number, skips = 0) => ({ ngrams: [{ of, n, skips }] });

t.test('n-grams - of a list, in its order, shorter ones too', async (t) => {
  const text = { text: ['a', 'b', 'a', 'c'] };
  const own = ['text=a', 'text=b', 'text=a', 'text=c'];
  t.same(namesOf(text, ngrams('text', 2)), [...own, 'text=a>text=b', 'text=b>text=a', 'text=a>text=c']);
  t.same(namesOf(text, ngrams('text', 3)).slice(4 + 3), ['text=a>text=b>text=a', 'text=b>text=a>text=c']);
  t.same(namesOf({ text: ['a'] }, ngrams('text', 2)), ['text=a']);
  t.same(namesOf({ other: ['a', 'b'] }, ngrams('text', 2)), ['other=a', 'other=b']);
});

/**
 * Goal: the grams of Vowpal Wabbit's --ngram and --skips. Method: its recursion, written down as it stands there, for
 * the places that a gram takes.
 */
t.test('n-grams - which neighbours, with skips, as in Vowpal Wabbit', async (t) => {
  const recursion = (n: number, skips: number): string[] => {
    const found: string[] = [];
    const generate = (more: number, left: number, mask: number[], skipped: number): void => {
      if (more === 0) found.push(mask.join());
      if (more > 0) generate(more - 1, left, [...mask, mask.at(-1)! + 1 + skipped], 0);
      if (left > 0 && more > 0) generate(more, left - 1, mask, skipped + 1);
    };
    for (let more = 1; more < n; more++) generate(more, skips, [0], 0);
    return found.sort();
  };
  for (const [n, skips] of [
    [2, 0],
    [3, 0],
    [3, 1],
    [2, 4],
    [4, 3],
  ] as const) {
    const masks = masksOf(n, skips).map((mask) => mask.join());
    t.same(masks.sort(), recursion(n, skips), `--ngram ${n} --skips ${skips}`);
  }
  // Its feature counts for `|a x y z |b u v` with --ngram 3 --skips 1.
  t.equal(gramsIn(masksOf(3, 1), 3) + gramsIn(masksOf(3, 1), 2), 5);
});

t.test('n-grams - of a namespace in the order of its members, numbers by name', async (t) => {
  const features = { user: { plan: 'pro', age: 30 }, day: 'mon' };
  t.same(namesOf(features, ngrams('user', 2)).slice(3), ['user.plan=pro>user.age']);
  const pairs = {
    a: [
      ['10', 1],
      ['9', 1],
      ['10', 1],
    ],
  };
  t.same(namesOf(pairs, ngrams('a', 2)).slice(3), ['a.10>a.9', 'a.9>a.10'], 'pairs keep the order of a file');
});

t.test('n-grams - of * are those of each namespace by itself', async (t) => {
  const features = { day: 'mon', a: ['x', 'y'], hour: 9, b: { c: 1, d: 2 }, 'b.e': 3 };
  const grams = namesOf(features, ngrams('*', 2)).slice(7);
  t.same(grams, ['day=mon>hour', 'a=x>a=y', 'b.c>b.d', 'b.d>b.e']);
});

t.test('n-grams - the key of one, and its value', async (t) => {
  const featurizer = featurizerOf(ngrams('a', 2));
  const vector = featurizer.vector();
  featurizer.featurize({ a: ['x', 'y', 'x', 'y'] }, vector);
  const word = (text: string) => finalize(hashText(hashByte(fnv1a('a'), 0xff), text));
  const gram = crossHash(crossHash(0x9e3779b1, word('x')), word('y'));
  t.equal(vector.keys[2], (gram & (2 ** bits - 1)) >>> 0);
  t.equal(vector.values[2], 2, 'one that comes twice adds up');
  t.equal(vector.numeric[2], 0);
});

t.test('n-grams - belong to the operands that hold their features', async (t) => {
  const settings = { ...ngrams('a', 2), interactions: [['a', 'b']] };
  const names = namesOf({ a: ['x', 'y'], b: 'z' }, settings);
  t.same(names.slice(3), ['a=x>a=y', 'a=x*b=z', 'a=y*b=z', 'a=x>a=y*b=z']);
  const wide = namesOf({ a: ['x', 'y'] }, { ...ngrams('*', 2), interactions: [['*', '*']] });
  t.equal(wide.length, 3 + 6, 'a pair of each two of three, and each with itself');
});

t.test('n-grams - count against featuresMax before any is formed', async (t) => {
  const words = { a: Array.from({ length: 20 }, (_, i) => `w${i}`) };
  t.equal(namesOf(words, { ...ngrams('a', 2), featuresMax: 39 }).length, 39);
  t.throws(() => namesOf(words, { ...ngrams('a', 2), featuresMax: 38 }), { message: /more than/ });
  const started = process.cpuUsage().user;
  const many = { a: Array.from({ length: 8000 }, () => 'x') };
  t.throws(() => namesOf(many, { ...ngrams('a', 8, 8), featuresMax: 8192 }), { message: /more than/ });
  t.ok(process.cpuUsage().user - started < 2_000_000, 'the answer does not wait for them');
});

t.test('affixes - the ends of texts and names, with the value of their feature', async (t) => {
  const affixes = [{ of: 'word', at: 'suffix', length: 2 } as const];
  t.same(namesOf({ word: ['happier', 'ab', ''] }, { affixes }), [
    'word=happier',
    'word:suffix=er',
    'word=ab',
    'word:suffix=ab',
    'word=',
    'word:suffix=',
  ]);
  const featurizer = featurizerOf({ affixes: [{ of: '*', at: 'prefix', length: 3 }] });
  const vector = new SparseVector(64);
  featurizer.featurize({ happier: 2, n: { happy: 3 }, block: [1, 2] }, vector);
  t.same([...vector.values.subarray(0, vector.count)], [2, 5, 3, 1, 2], 'a block has no text');
});

t.test('features without a weight of their own - stand in what is made from them', async (t) => {
  const interactions = [['user', 'day']];
  const features = { user: { id: 'u1' }, day: 'mon', hour: 9 };
  t.same(namesOf(features, { interactions, ignoreLinear: ['user', 'day'] }), ['hour', 'user.id=u1*day=mon']);
  t.same(namesOf(features, { ignoreLinear: ['user.id'] }), ['day=mon', 'hour']);
});

t.test(
  'combinations - one featurizer, many events: nothing is left of an event that was refused',
  async () => {
    const settings: Settings = {
      interactions: [
        ['*', 'a'],
        ['b', 'b'],
      ],
      ...ngrams('*', 3, 1),
      affixes: [{ of: 'a', at: 'prefix', length: 1 }],
      ignoreLinear: ['b'],
      featuresMax: 24,
    };
    const used = featurizerOf(settings);
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.array(fc.string()),
      fc.constant({ a: null, b: [[]] }),
    );
    const anyFeatures = fc.dictionary(
      fc.constantFrom('a', 'b', 'a.b', 'c'),
      fc.oneof(value, fc.dictionary(fc.string(), value)),
    );
    const outcome = (featurizer: Featurizer, features: unknown): unknown => {
      const vector = featurizer.vector();
      try {
        featurizer.featurize(features, vector);
      } catch (error) {
        return (error as Error).message;
      }
      return [vector.keys.slice(0, vector.count), vector.values.slice(0, vector.count)];
    };
    fc.assert(
      fc.property(anyFeatures, (features) => {
        const [again, fresh] = [used, featurizerOf(settings)].map((featurizer) =>
          outcome(featurizer, features),
        );
        t.same(again, fresh);
      }),
      { numRuns: 200 },
    );
  },
);

t.test('affixes - another end or another length is another feature', async (t) => {
  const keyOf = (at: 'prefix' | 'suffix', length: number) => {
    const featurizer = featurizerOf({ affixes: [{ of: 'a', at, length }] });
    const vector = featurizer.vector();
    featurizer.featurize({ a: 'x' }, vector);
    return vector.keys[1];
  };
  t.equal(new Set([keyOf('prefix', 1), keyOf('prefix', 2), keyOf('suffix', 1), keyOf('suffix', 2)]).size, 4);
  t.not(keyOf('prefix', 1), (finalize(hashText(hashStart, 'x')) & (2 ** bits - 1)) >>> 0);
});
