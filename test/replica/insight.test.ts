import fc from 'fast-check';
import t from 'tap';
import { validateModel } from '../../config/load.ts';
import type { ModelInput, OptimizerConfig } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import type { Features } from '../../src/protocol/messages.ts';
import type { Explanation } from '../../src/protocol/score-messages.ts';
import { Insight, interceptName } from '../../src/replica/insight.ts';

type Event = readonly [features: Features, label: number | string];

/** A model that has learned these events, and its insight. */
function learned(input: ModelInput, events: readonly Event[], contributionsMax = 1000) {
  const config = validateModel('m', { kernel: 'cpu', ...input });
  const built = buildModel(config);
  const model = new SequentialModel(config);
  for (const [features, label] of events) model.step({ features, label });
  const { table, width } = model;
  const insight = new Insight(built, { contributionsMax });
  return {
    model,
    slots: (features: Features) =>
      model.keysOf(features).map(({ key, value }) => {
        return { value, row: table.subarray(key * width, (key + 1) * width) };
      }),
    explain: (features: Features) => insight.explanation({ features }, table),
    uncertainty: (features: Features) => insight.uncertainty({ features }, table),
  };
}

const ftrl: OptimizerConfig = { name: 'ftrl', alpha: 0.5, beta: 1, l1: 0.01, l2: 0.1 };
const adagrad: OptimizerConfig = { name: 'adagrad', learningRate: 0.3, epsilon: 1e-8 };
const sgd: OptimizerConfig = { name: 'sgd', learningRate: 0.05 };
const nag: OptimizerConfig = { name: 'nag', learningRate: 0.5 };
const penalized: OptimizerConfig = { ...nag, l1: 0.01, l2: 0.05 };

const toldSum = ({ contributions }: Explanation): number =>
  contributions.reduce((sum, { contribution }) => sum + contribution, 0);

const anyFeatures: fc.Arbitrary<Features> = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'a.b', 'd'),
  fc.oneof(
    fc.constantFrom<string | boolean | number>('x', 'y', true, 2.5, -3),
    fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
    fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 3 }),
  ),
);
const anyEvents = fc.array(fc.tuple(anyFeatures, fc.constantFrom(0, 1)), { maxLength: 12 });
const anyInput: fc.Arbitrary<ModelInput> = fc.record({
  task: fc.constantFrom<'binary' | 'regression'>('binary', 'regression'),
  optimizer: fc.constantFrom(ftrl, adagrad, sgd, nag),
  features: fc.record({
    bits: fc.constantFrom(8, 18),
    intercept: fc.boolean(),
    interactions: fc.constantFrom<string[][]>([], [['a', 'b']], [['a', 'c', 'd']]),
  }),
});

t.test('an explanation - adds up to the raw score, however much of it is told', async () => {
  const property = fc.property(
    anyInput,
    anyEvents,
    anyFeatures,
    fc.nat(4),
    (input, events, features, limit) => {
      const { explain } = learned(input, events, limit + 1);
      const explanation = explain(features);
      const { rawScore, rest, contributions } = explanation;
      return (
        contributions.length <= limit + 1 &&
        Math.abs(toldSum(explanation) + rest.contribution - rawScore) <=
          1e-12 * Math.max(1, Math.abs(rawScore))
      );
    },
  );
  fc.assert(property, { numRuns: 200 });
});

t.test(
  'an explanation - tells all there is when there is room, and its score is that of predict',
  async () => {
    const property = fc.property(anyInput, anyEvents, anyFeatures, (input, events, features) => {
      const { explain, model } = learned(input, events);
      const explanation = explain(features);
      const { rawScore, rest } = explanation;
      const score = input.task === 'binary' ? 1 / (1 + Math.exp(-rawScore)) : rawScore;
      // Vowpal Wabbit's update clips the score of a regression to the labels it has seen.
      const isClipped = input.optimizer === nag && input.task === 'regression';
      return (
        rest.features === 0 &&
        Math.abs(score - model.score(features)) <= 1e-9 &&
        (isClipped || Math.abs(rest.contribution) <= 2e-7 * Math.max(1, Math.abs(rawScore)))
      );
    });
    fc.assert(property, { numRuns: 200 });
  },
);

t.test('an explanation - of several classes is of the one that is predicted', async () => {
  const anyClass = fc.constantFrom('x', 'y', 'z');
  const property = fc.property(
    fc.array(fc.tuple(anyFeatures, anyClass), { minLength: 1, maxLength: 15 }),
    anyFeatures,
    fc.constantFrom(ftrl, adagrad, sgd, nag, penalized),
    fc.boolean(),
    (events, features, optimizer, standardize) => {
      const { explain } = learned(
        {
          task: 'multiclass',
          optimizer,
          features: { bits: 10, standardize: standardize && optimizer.name !== 'nag' },
        },
        events,
      );
      const explanation = explain(features);
      const { rawScore, rest } = explanation;
      return rest.features === 0 && Math.abs(rest.contribution) <= 2e-7 * Math.max(1, Math.abs(rawScore));
    },
  );
  fc.assert(property, { numRuns: 100 });
});

t.test('an explanation - numbers that are standardised count as the model sees them', async (t) => {
  const events = [1, 5, 9, 2].map((n): Event => [{ n, s: 'x' }, n > 3 ? 1 : 0]);
  const { explain } = learned({ optimizer: sgd, features: { standardize: true } }, events);
  const explanation = explain({ n: 7, s: 'x' });
  t.equal(explanation.contributions.length, 3);
  t.ok(Math.abs(toldSum(explanation) - explanation.rawScore) < 1e-6);
  const number = explanation.contributions.find(({ name }) => name === 'n')!;
  t.equal(number.value, 7, 'the value is the one that was sent');
  t.ok(Math.abs(number.contribution) > 0);
});

t.test(
  'an explanation - names features as they were written, largest first, the rest as a sum',
  async (t) => {
    const events = Array.from(
      { length: 30 },
      (_, i): Event => [{ country: i % 2 ? 'DE' : 'FR', user: { age: 1 }, tags: ['a', 'a'] }, i % 2],
    );
    const { explain } = learned(
      { optimizer: ftrl, features: { interactions: [['country', 'user']] } },
      events,
      4,
    );
    const { contributions, rest, rawScore } = explain({ country: 'DE', user: { age: 1 }, tags: ['a', 'a'] });
    t.strictSame(
      new Set(contributions.slice(0, 2).map(({ name }) => name)),
      new Set(['country=DE', 'country=DE*user.age']),
    );
    const sizes = contributions.map(({ contribution }) => Math.abs(contribution));
    t.strictSame(
      sizes,
      sizes.toSorted((left, right) => right - left),
    );
    t.equal(contributions.length, 4);
    t.equal(rest.features, 1);
    t.ok(rawScore > 0);
    const all = learned({ optimizer: ftrl }, events).explain({ tags: ['a', 'a'] }).contributions;
    t.strictSame(new Set(all.map(({ name }) => name)), new Set(['tags=a', interceptName]));
    t.equal(all.find(({ name }) => name === 'tags=a')?.value, 2, 'a word that comes twice is one feature');
  },
);

t.test('an explanation - features that share a row are told together', async (t) => {
  const names = Array.from({ length: 600 }, (_, i) => `w${i}`);
  const { explain } = learned({ optimizer: sgd, features: { bits: 8 } }, [[{ tags: names }, 1]]);
  const { contributions } = explain({ tags: names });
  t.ok(contributions.length <= 257);
  const shared = contributions.filter(({ also }) => also !== undefined);
  t.ok(shared.length > 100);
  for (const { also, value } of shared) t.ok(also!.length <= 8 && value >= also!.length + 1);
});

t.test('uncertainty - is alpha sum |x| / (beta + sqrt n) of the coordinates', async (t) => {
  const events = [1, -5, 9, 2].map((n): Event => [{ n, s: 'x' }, n > 3 ? 1 : 0]);
  const features = { n: -4, s: 'new' };
  const expected = (
    input: ModelInput,
    term: (x: number, row: Float32Array) => number,
  ): readonly [got: number, wanted: number] => {
    const { uncertainty, slots } = learned(input, events);
    const wanted = slots(features).reduce((sum, { value, row }) => sum + term(Math.abs(value), row), 0);
    return [uncertainty(features), wanted];
  };
  const cases = [
    expected({ optimizer: ftrl }, (x, [, n]) => (0.5 * x) / (1 + Math.sqrt(n!))),
    expected({ optimizer: adagrad }, (x, [, n]) => (0.3 * x) / (1 + Math.sqrt(n!))),
    expected({ optimizer: nag }, (x, [, n, scale]) =>
      x === 0 ? 0 : (0.5 * x) / (Math.max(scale!, x) + Math.sqrt(n!)),
    ),
  ];
  for (const [got, wanted] of cases) {
    t.ok(got > 0 && Math.abs(got - wanted) < 1e-12, `${got} is ${wanted}`);
  }
});

t.test('uncertainty - falls with what is learned; a feature that nobody has seen raises it', async (t) => {
  for (const optimizer of [ftrl, adagrad, nag]) {
    const events = Array.from({ length: 200 }, (_, i): Event => [{ s: 'x', n: i % 7 }, i % 2]);
    const [early, late] = [2, 200].map((count) => learned({ optimizer }, events.slice(0, count)));
    const known = { s: 'x', n: 3 };
    t.ok(late!.uncertainty(known) < early!.uncertainty(known) / 2);
    t.ok(late!.uncertainty({ s: 'never', n: 3 }) > late!.uncertainty(known));
  }
});

t.test('uncertainty - is refused by name where there is none', async (t) => {
  t.throws(() => learned({ task: 'multiclass', optimizer: ftrl }, []).uncertainty({ a: 1 }), {
    message: 'uncertainty: not there for a model of several classes with optimizer ftrl',
  });
  t.throws(() => learned({ optimizer: sgd }, []).uncertainty({ a: 1 }), {
    message: /^uncertainty: not there for optimizer sgd as it is set/,
  });
  const bare = learned({ optimizer: { ...ftrl, beta: 0 } }, [[{ a: 1 }, 1]]);
  t.ok(bare.uncertainty({ a: 1 }) > 0);
  t.throws(() => bare.uncertainty({ b: 1 }), { message: /^uncertainty: not finite/ });
});
