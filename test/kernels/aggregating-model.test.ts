/** Aggregate features of a model as users see them: their values, their rows, and who learns and serves them. */
import fc from 'fast-check';
import t from 'tap';
import { validateModel } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { differenceRows, mergeRow } from '../../src/model/row-join.ts';
import type { Features } from '../../src/protocol/messages.ts';
import { Insight } from '../../src/replica/insight.ts';
import { Scorer } from '../../src/replica/scorer.ts';

// Recorded streams are long for a busy machine.
t.setTimeout(180_000);

type Aggregates = NonNullable<NonNullable<ModelInput['features']>['aggregates']>;

const withAggregates = (aggregates: Aggregates, more: ModelInput = {}) =>
  validateModel('m', {
    task: 'regression',
    kernel: 'cpu',
    ...more,
    features: { bits: 8, ...more.features, aggregates },
  });

interface Learned {
  readonly features: Features;
  readonly label: number;
  readonly time?: number;
}

/** A model that has learned these events, and the values of its aggregates for further ones. */
function learnedBy(config: ReturnType<typeof withAggregates>, events: readonly Learned[]) {
  const model = new SequentialModel(config);
  for (const event of events) model.step(event);
  const built = buildModel(config);
  const insight = new Insight(built, { contributionsMax: 1000 });
  const scorer = new Scorer(built.definition, built.featurizer, built.model);
  return {
    model,
    scorer,
    built,
    value(name: string, features: Features, time = 0): number | undefined {
      const { contributions } = insight.explanation({ features, time }, model.table);
      return contributions.find((contribution) => contribution.name === name)?.value;
    },
  };
}

t.test('aggregates - of the label by group, as an event finds them', async (t) => {
  const config = withAggregates([
    { name: 'mean', by: ['city', 'hour'], how: 'mean' },
    { name: 'count', by: ['city'], how: 'count' },
    { name: 'all', by: [], how: 'sum' },
  ]);
  const event = (city: string, hour: number, label: number) => ({ features: { city, hour }, label });
  const { value } = learnedBy(config, [
    event('a', 1, 4),
    event('a', 1, 6),
    event('a', 2, 9),
    event('b', 1, 1),
  ]);
  t.equal(value('mean', { city: 'a', hour: 1 }), 5);
  t.equal(value('mean', { city: 'a', hour: 2 }), 9);
  t.equal(value('mean', { city: 'c', hour: 1 }), 0, 'of a group that is not known');
  t.equal(value('count', { city: 'a', hour: 7 }), 3);
  t.equal(value('all', {}), 20);
});

t.test('aggregates - of a number, which an event may lack', async (t) => {
  const config = withAggregates([{ name: 'spent', of: 'cart.price', by: ['user.id'], how: 'sum' }]);
  const { value } = learnedBy(config, [
    { features: { user: { id: 1 }, cart: { price: 2.5 } }, label: 0 },
    { features: { 'user.id': 1, 'cart.price': 4 }, label: 0 },
    { features: { user: { id: 1 } }, label: 0 },
    { features: { user: { id: '1' }, cart: { price: 8 } }, label: 0 },
    { features: { cart: { price: 16 } }, label: 0 },
    { features: { user: { id: null }, cart: { price: 32 } }, label: 0 },
  ]);
  t.equal(value('spent', { user: { id: 1 } }), 6.5, 'nested or written out');
  t.equal(value('spent', { 'user.id': '1' }), 8, 'a text is another group than a number');
  t.equal(value('spent', {}), 48, 'those without the value are a group');
});

/**
 * Goal: no leak. Method: labels of pure chance; a model whose only feature is the mean of the labels of its group,
 * each group once, must do no better than chance: with the label in it, it would know all.
 */
t.test('aggregates - an event is no part of its own feature', async (t) => {
  const config = withAggregates([{ name: 'mean', by: ['once'], how: 'mean' }], {
    optimizer: { name: 'sgd', learningRate: 0.1 },
    features: { ignoreLinear: ['once'], intercept: false },
  });
  const model = new SequentialModel(config);
  for (let n = 0; n < 300; n++) {
    const { raw } = model.step({ features: { once: n }, label: n % 2 === 0 ? 1 : -1 });
    if (raw !== 0) t.fail(`event ${n} was predicted ${raw}`);
  }
  t.equal(model.metrics.mae, 1);
});

t.test('aggregates - what could not be learned leaves no trace', async (t) => {
  const config = withAggregates([
    { name: 'mean', by: ['g'], how: 'mean' },
    { name: 'last', of: 'x', by: ['g'], how: 'sum', window: { ms: 1000 } },
  ]);
  const model = new SequentialModel(config);
  model.step({ features: { g: 'a', x: 1 }, label: 1, time: 0 });
  const before = model.fingerprint;
  const refused: [object, RegExp][] = [
    [{ features: { g: 'a', x: 1 }, label: 1 }, /^time: missing, and aggregate last has a window of time/],
    [{ features: { g: 'a', x: 1 }, label: 1, time: 1e300 }, /^time: 1e\+300 is out of range/],
    [{ features: { g: ['a'], x: 1 }, label: 1, time: 0 }, /^features\.g: .* which aggregate mean groups by/],
    [
      { features: { g: 'a', x: 'one' }, label: 1, time: 0 },
      /^features\.x: .* of which aggregate last is made/,
    ],
    [{ features: { g: 'a', x: 3e38 }, label: 3e38, time: 0 }, /not finite/],
  ];
  for (const [event, message] of refused) t.throws(() => model.step(event), { message });
  t.equal(model.fingerprint, before);
});

t.test('aggregates - of labels that are classes, their count', async (t) => {
  const config = withAggregates([{ name: 'count', by: ['g'], how: 'count' }], { task: 'multiclass' });
  const model = new SequentialModel(config);
  for (const label of ['red', 'green', 'red']) model.step({ features: { g: 'a' }, label });
  const { regions, width } = buildModel(config).model.layout;
  const { firstKey, rows } = regions.find(({ name }) => name === 'aggregate:count')!;
  const counts = model.table.subarray((firstKey + 1) * width, (firstKey + rows) * width);
  t.same(
    counts.filter((count) => count !== 0),
    [3],
  );
});

t.test('aggregates - windows end at the time of the event, or of the instance', async (t) => {
  const config = withAggregates([{ name: 'hits', by: [], how: 'count', window: { ms: 80, buckets: 8 } }]);
  const at = (time: number) => ({ features: {}, label: 1, time });
  const { value, scorer, model } = learnedBy(config, [at(1000), at(1030), at(1075)]);
  t.equal(value('hits', {}, 1079), 3);
  t.equal(value('hits', {}, 1080), 2);
  t.equal(value('hits', {}, 1140), 1);
  t.equal(value('hits', {}, 1150), 0);
  t.equal(scorer.score({}, model.table, 1079).score, model.score({}, 1079), 'a predictor says the same');
  t.not(scorer.score({}, model.table, 1079).score, model.score({}, 1150));
});

t.test('aggregates - groups share rows when there are fewer rows than groups', async (t) => {
  const config = withAggregates([{ name: 'count', by: ['g'], how: 'count', bits: 0 }]);
  const events = ['a', 'b', 'c'].map((g) => ({ features: { g }, label: 0 }));
  t.equal(learnedBy(config, events).value('count', { g: 'd' }), 3);
});

t.test('aggregates - their rows stand behind all others, as many as their slots take', async (t) => {
  const aggregates: Aggregates = [
    { name: 'a', by: ['g'], how: 'mean', bits: 2 },
    { name: 'b', by: ['g'], how: 'count', bits: 1 },
    { name: 'c', by: ['g'], how: 'sum', bits: 0, window: { events: 10, buckets: 2 } },
  ];
  const rowsOf = (optimizer: ModelInput['optimizer'], standardize = false) => {
    const config = withAggregates(aggregates, { optimizer, features: { standardize } });
    return buildModel(config)
      .model.layout.regions.filter(({ name }) => name.startsWith('aggregate:'))
      .map(({ firstKey, rows }) => [firstKey, rows]);
  };
  t.same(rowsOf({ name: 'nag' }), [
    [259, 1 + 4],
    [264, 1 + 2],
    [267, 1 + 3],
  ]);
  t.same(
    rowsOf({ name: 'ftrl' }).map(([, rows]) => rows),
    [1 + 8, 1 + 2, 1 + 4],
  );
  t.same(
    rowsOf({ name: 'sgd' }).map(([, rows]) => rows),
    [1 + 12, 1 + 2, 1 + 7],
  );
  t.same(
    rowsOf({ name: 'sgd' }, true).map(([, rows]) => rows),
    [1 + 4, 1 + 2, 1 + 2],
  );
});

t.test('aggregates - change nothing for what does not ask for them', async (t) => {
  const plain = validateModel('m', { features: { bits: 8 } });
  t.same(
    buildModel(plain).model.layout.regions.map(({ name }) => name),
    ['hashed', 'intercept', 'optimizer', 'shared'],
  );
  t.ok(buildModel(plain).featurizer.readsPacked);
  t.notOk(buildModel(withAggregates([{ name: 'a', by: [], how: 'count' }])).featurizer.readsPacked);
});

/**
 * Goal: sums of two learners that started from the same rows come together. Method: two tables learned apart, their
 * rows joined as shards do, against one table that learned all.
 */
t.test('aggregates - what two learners count and sum adds up', async () => {
  const config = withAggregates([{ name: 'mean', by: ['g'], how: 'mean', bits: 3 }], {
    optimizer: { name: 'ftrl' },
  });
  const { layout } = buildModel(config).model;
  const region = layout.regions.find(({ name }) => name === 'aggregate:mean')!;
  const anyEvent = fc.record({
    features: fc.record({ g: fc.constantFrom('a', 'b', 'c', 'd') }),
    label: fc.integer({ min: -50, max: 50 }),
  });
  const anyEvents = fc.array(anyEvent, { maxLength: 20 });
  const property = fc.property(anyEvents, anyEvents, anyEvents, (first, left, right) => {
    const learn = (...lists: (readonly Learned[])[]) => {
      const model = new SequentialModel(config);
      for (const event of lists.flat()) model.step(event);
      return model.table;
    };
    const [base, one, other, both] = [
      learn(first),
      learn(first, left),
      learn(first, right),
      learn(first, left, right),
    ];
    const keys = Uint32Array.from({ length: layout.keyCount }, (_, key) => key);
    const into = Float32Array.from(base);
    for (const learned of [one, other]) {
      const difference = Float32Array.from(learned);
      differenceRows(layout, keys, base, difference);
      for (const key of keys) mergeRow(layout, key, difference, key * layout.width, into, key * layout.width);
    }
    const from = (region.firstKey + 1) * layout.width;
    const to = from + (region.rows - 1) * layout.width;
    return both.subarray(from, to).every((value, at) => into[from + at] === value);
  });
  fc.assert(property, { numRuns: 100 });
});

t.test('aggregates - settings that do not go together are refused by path', async (t) => {
  const a: Aggregates[number] = { name: 'a', by: [], how: 'mean' };
  const refused: [Aggregates, ModelInput, RegExp][] = [
    [[a, a], {}, /aggregates\[1\]\.name: expected each name once/],
    [[{ ...a, window: {} }], {}, /aggregates\[0\]\.window: expected events or ms, got neither/],
    [[{ ...a, window: { events: 9, ms: 9 } }], {}, /expected events or ms, got both/],
    [[{ ...a, how: 'sum', prior: {} }], {}, /prior: expected a prior of a mean only, got one of a sum/],
    [[a], { task: 'multiclass' }, /how: expected "count" of labels that are classes, got "mean"/],
    [[{ ...a, window: { ms: 9 } }], { actors: { learners: 2 } }, /expected one learner with a window/],
  ];
  for (const [aggregates, more, message] of refused)
    t.throws(() => withAggregates(aggregates, more), { message });
  t.doesNotThrow(() => withAggregates([a], { actors: { learners: 2 } }));
});
