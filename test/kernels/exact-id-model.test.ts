import t from 'tap';
import { parseConfig } from '../../config/load.ts';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { sigmoid } from '../../src/model/losses/logistic.ts';
import { Insight } from '../../src/replica/insight.ts';
import { randomFrom } from '../checks/kernels.ts';
import { TableModel } from '../checks/online-model.ts';

const modelOf = (features: ModelInput['features'], more: ModelInput = {}) =>
  new SequentialModel(modelSchema.parse({ optimizer: { name: 'adagrad' }, ...more, features }));

/** Events of few features each, of many ids: in a table of 256 rows they meet. */
function eventsOf(count: number) {
  const random = randomFrom(7);
  return Array.from({ length: count }, () => {
    const user = `u${Math.floor(random() * 1000)}`;
    return { features: { user }, label: user.endsWith('7') ? 1 : 0 };
  });
}

t.test('exact ids - no id shares a row: the same as a hashed table in which none do', async (t) => {
  const events = eventsOf(20_000);
  const exact = modelOf({ bits: 8, exactIds: { of: ['user'], bits: 13 } });
  const wide = modelOf({ bits: 24 });
  const narrow = modelOf({ bits: 8 });
  const wrong = { told: 0, learned: 0 };
  for (const event of events) {
    const before = exact.score(event.features);
    const step = exact.step(event);
    if (before !== sigmoid(step.raw)) wrong.told++;
    if (step.raw !== wide.step(event).raw) wrong.learned++;
    narrow.step(event);
  }
  t.equal(wrong.told, 0, 'what is counted is what a predictor would have said');
  t.equal(wrong.learned, 0);
  t.ok(
    exact.metrics.logLoss! < narrow.metrics.logLoss! - 0.01,
    'where ids meet, they are taken for each other',
  );
});

t.test('exact ids - take part from the sighting at which they are admitted', async (t) => {
  const model = modelOf({ bits: 8, intercept: false, exactIds: { of: ['user'], admitAfter: 3 } });
  const event = { features: { user: 'a' }, label: 1 };
  model.step(event);
  model.step(event);
  t.equal(model.score(event.features), 0.5, 'nothing was learned of it so far');
  t.equal(model.step(event).raw, 0);
  t.ok(model.score(event.features) > 0.5, 'the third one is learned');
});

t.test('exact ids - what was not seen for long is forgotten', async (t) => {
  const day = 86_400_000;
  const model = modelOf({
    bits: 8,
    intercept: false,
    exactIds: { of: ['user', 'ad.id'], expireAfterMs: day },
  });
  const at = (time: number, user: string) => ({ features: { user, ad: { id: 'x' } }, label: 1, time });
  const start = Date.UTC(2026, 0, 1);
  model.step(at(start, 'a'));
  const learned = model.score({ user: 'a' });
  model.step(at(start + day / 2, 'b'));
  t.equal(model.score({ user: 'a' }), learned);
  model.step(at(start + day * 1.1, 'b'));
  t.equal(model.score({ user: 'a' }), 0.5, 'a day without it');
  t.ok(model.score({ ad: { id: 'x' } }) > learned, 'the other one was seen all the time');
  model.step(at(start - 100 * day, 'c'));
  t.ok(model.score({ user: 'c' }) > 0.5, 'an event of long ago counts as one of now');
});

t.test('exact ids - an event that is refused changes nothing', async (t) => {
  const model = modelOf(
    { bits: 8, exactIds: { of: ['user'], bits: 3 } },
    { task: 'regression', optimizer: { name: 'sgd', learningRate: 1 } },
  );
  for (let id = 0; id < 12; id++) model.step({ features: { user: `u${id}` }, label: id, time: id + 1 });
  const before = model.fingerprint;
  for (const weight of [1e38, 3e38]) {
    t.throws(() => model.step({ features: { user: 'new', x: 3e38 }, label: 1e38, weight, time: 99 }), {
      kind: 'badInput',
      message: /not finite/,
    });
    t.equal(model.fingerprint, before);
  }
});

t.test('exact ids - a list of one id many times over is one id, found at once', async (t) => {
  const config = modelSchema.parse({
    optimizer: { name: 'adagrad' },
    features: { bits: 8, exactIds: { of: ['words'], bits: 13 } },
  });
  const { featurizer } = buildModel(config);
  const vector = featurizer.vector();
  const words = [
    ...Array.from({ length: 1500 }, (_, at) => `w${at}`),
    ...Array<string>(100_000).fill('w1499'),
  ];
  featurizer.featurize({ words }, vector);
  const { references } = vector;
  t.equal(references.count, 1 + 1500, 'the clock, and each id once');
  t.equal(references.values[1500], 100_001);
  featurizer.featurize({ words: ['w1499'] }, vector);
  t.strictSame([references.count, references.values[1]], [2, 1], 'nothing is left of the event before');
});

t.test('exact ids - are explained by name', async (t) => {
  const config = modelSchema.parse({
    optimizer: { name: 'adagrad' },
    features: { bits: 8, exactIds: { of: ['user', 'words'], bits: 10 } },
  });
  const model = new SequentialModel(config);
  const features = { user: 'a', words: ['x', 'y', 'x'], age: 2 };
  for (let i = 0; i < 20; i++) model.step({ features, label: 1 });
  const insight = new Insight(buildModel(config), { contributionsMax: 10 });
  const { contributions, rawScore, rest } = insight.explanation({ features }, model.table);
  t.strictSame(contributions.map(({ name, value }) => [name, value]).sort(), [
    ['(intercept)', 1],
    ['age', 2],
    ['user=a', 1],
    ['words=x', 2],
    ['words=y', 1],
  ]);
  const told = contributions.reduce((sum, { contribution }) => sum + contribution, 0);
  t.ok(Math.abs(told - rawScore) < 1e-6 && Math.abs(rest.contribution) < 1e-6, 'they add up to the score');
  const unknown = insight.explanation({ features: { user: 'nobody' } }, model.table);
  t.strictSame(
    unknown.contributions.map(({ name }) => name),
    ['(intercept)'],
    'an id that is not there adds nothing',
  );
  t.ok(
    insight.uncertainty({ features }, model.table) >
      insight.uncertainty({ features: { user: 'a' } }, model.table),
  );
});

t.test('exact ids - several learners are refused by name', async (t) => {
  const models = { m: { features: { exactIds: { of: ['user'] } }, actors: { learners: 2 } } };
  t.throws(() => parseConfig(JSON.stringify({ models }), 'c.json'), {
    message: /models\.m\.actors\.learners: expected 1 with features\.exactIds/,
  });
});

t.test('exact ids - what is counted of several classes is what a predictor would have said', async (t) => {
  const random = randomFrom(5);
  const model = new TableModel({
    task: 'multiclass',
    family: { name: 'network', hidden: [4] },
    features: { bits: 8, exactIds: { of: ['user'], bits: 6, admitAfter: 2 } },
  });
  const told = () => [...model.built.model.classes!.probabilities];
  const labels = ['a', 'b', 'c'];
  let different = 0;
  for (let n = 0; n < 400; n++) {
    const features = { user: `u${Math.floor(60 * random())}`, x: random() };
    const raw = model.predict({ features, label: 'a' });
    const before = told();
    const learned = model.learn({ features, label: labels[Math.floor(3 * random())]! });
    // The first labels bring classes that a prediction did not know.
    if (n > 20 && (learned !== raw || told().some((share, c) => share !== before[c]))) different++;
  }
  t.equal(different, 0);
});

t.test('exact ids - those that stand in combinations only have no row', async (t) => {
  const [silent, other] = [['user'], undefined].map((ignoreLinear) =>
    modelOf({ bits: 8, exactIds: { of: ['user'] }, interactions: [['user', 'day']], ignoreLinear }),
  );
  const event = { features: { user: 'a', day: 'mon' }, label: 1 };
  t.equal(silent!.step(event).features, 3);
  t.equal(other!.step(event).features, 3);
  t.not(silent!.fingerprint, other!.fingerprint);
});

t.test('exact ids - that expire need the times of events', async (t) => {
  const model = modelOf({ bits: 8, exactIds: { of: ['user'], expireAfterMs: 1000 } });
  t.throws(() => model.step({ features: { user: 'a' }, label: 1 }), { message: /^time: missing/ });
});

t.test('exact ids - an id that is admitted begins with nothing of whose place it took', async (t) => {
  const modelWith = (exactIds: object) =>
    modelOf({ bits: 8, intercept: false, exactIds: { of: ['user'], admitAfter: 2, ...exactIds } });
  const [full, roomy] = [modelWith({ bits: 3 }), modelWith({ bits: 10 })];
  const known = Array.from({ length: 8 }, (_, id) => `u${id}`);
  for (const user of [known, known, [...known, 'new']]) full.step({ features: { user }, label: 1 });
  roomy.step({ features: { user: 'new' }, label: 1 });
  for (const model of [full, roomy]) model.step({ features: { user: 'new' }, label: 1 });
  t.equal(full.score({ user: 'new' }), roomy.score({ user: 'new' }));
});
