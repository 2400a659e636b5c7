import fc from 'fast-check';
import t from 'tap';
import { Featurizer, type NamedFeature } from '../../src/features/featurizer.ts';

const settings = { bits: 26, intercept: true, featuresMax: 64, depthMax: 4 };

const namesOf = (features: unknown, interactions: readonly (readonly string[])[] = []): string[] => {
  const featurizer = new Featurizer({ ...settings, interactions });
  return featurizer.featurizeNamed(features, featurizer.vector()).map(({ name }) => name);
};

t.test('names - are those that the user wrote, in the order of the event', async (t) => {
  const features = {
    country: 'DE',
    user: { age: 30, plan: 'pro' },
    new: false,
    tags: ['a', 'b'],
    v: [0.5, 2],
  };
  t.strictSame(namesOf(features), [
    'country=DE',
    'user.age',
    'user.plan=pro',
    'new',
    'tags=a',
    'tags=b',
    'v[0]',
    'v[1]',
  ]);
  t.strictSame(namesOf({ 'user.age': 30, empty: [], none: null }), ['user.age']);
});

t.test('names - of crosses are those of their parts', async (t) => {
  const interactions = [
    ['country', 'user'],
    ['user.age', 'country', 'hour'],
  ];
  t.strictSame(namesOf({ country: 'DE', user: { age: 30, plan: 'pro' }, hour: 9 }, interactions).slice(4), [
    'country=DE*user.age',
    'country=DE*user.plan=pro',
    'user.age*country=DE*hour',
  ]);
});

const anyFeatures = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'a.b'),
  fc.oneof(
    fc.constantFrom<unknown>('x', 'y', true, null, 2.5),
    fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
    fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 3 }),
    fc.record({ b: fc.constantFrom<unknown>('x', 1) }),
  ),
);

t.test('names - stand beside the rows that the event has, and naming changes no row', async () => {
  const interactions = [
    ['a', 'b'],
    ['a.b', 'c', 'a'],
  ];
  // Few bits, so that features fall on one row.
  const featurizer = new Featurizer({ ...settings, bits: 8, featuresMax: 2048, interactions });
  const [plain, named] = [featurizer.vector(), featurizer.vector()];
  const property = fc.property(anyFeatures, (features) => {
    featurizer.featurize(features, plain);
    const names: readonly NamedFeature[] = featurizer.featurizeNamed(features, named);
    const entries = (vector: typeof plain) =>
      [vector.keys, vector.values, vector.numeric].map((column) => [...column.subarray(0, vector.count)]);
    const firsts = [...new Set(names.map(({ key }) => key))];
    return (
      JSON.stringify(entries(plain)) === JSON.stringify(entries(named)) &&
      JSON.stringify(firsts) === JSON.stringify([...named.keys.subarray(1, named.count)])
    );
  });
  fc.assert(property, { numRuns: 300 });
});

t.test('names - of an event that is refused do not stay', async (t) => {
  const featurizer = new Featurizer({ ...settings, interactions: [] });
  const vector = featurizer.vector();
  t.throws(() => featurizer.featurizeNamed({ a: 1, b: [1, 'x'] }, vector), { name: 'MillraceError' });
  t.strictSame(featurizer.featurizeNamed({ c: 1 }, vector).length, 1);
});
