import fc from 'fast-check';
import t from 'tap';
import { parseConfig } from '../../config/load.ts';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { Insight } from '../../src/replica/insight.ts';

const config = (more: ModelInput = {}) =>
  modelSchema.parse({
    task: 'regression',
    ...more,
    features: { bits: 8, ...more.features, standardizeLabel: true },
  });

const event = fc.record({
  x: fc.integer({ min: -3, max: 3 }),
  label: fc.integer({ min: -50, max: 50 }),
});

t.test('a scaled label - predictions follow labels of any size and place', async (t) => {
  // Powers of two, and sums of few bits: floating point is then exact up to rounding of the same places.
  const property = fc.property(
    fc.array(event, { minLength: 3, maxLength: 40 }),
    fc.constantFrom(2 ** -6, 2, 2 ** 10),
    fc.constantFrom<ModelInput>(
      {},
      { optimizer: { name: 'sgd', learningRate: 0.05 } },
      { family: { name: 'fm' } },
    ),
    (events, scale, model) => {
      const [plain, scaled] = [new SequentialModel(config(model)), new SequentialModel(config(model))];
      for (const { x, label } of events) {
        const features = { x, word: `w${Math.round(x)}` };
        const [own, other] = [
          plain.step({ features, label }),
          scaled.step({ features, label: label * scale }),
        ];
        if (Math.abs(own.raw * scale - other.raw) > 1e-3 * scale * (1 + Math.abs(own.raw))) return false;
      }
      return true;
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 100 }));
});

t.test('a scaled label - a prediction is what learning then counts', async (t) => {
  const model = new SequentialModel(config());
  t.equal(model.score({ x: 1 }), 0);
  for (let i = 0; i < 200; i++) {
    const features = { x: (i % 7) - 3 };
    const before = model.score(features);
    t.equal(model.step({ features, label: 1000 + 10 * features.x }).raw, before);
  }
  const error = Math.abs(model.score({ x: 2 }) - 1020);
  t.ok(error < 2, `two hundred events are enough for labels about 1000: off by ${error}`);
});

t.test('a scaled label - an event that is refused changes nothing', async (t) => {
  const model = new SequentialModel(config({ optimizer: { name: 'sgd', learningRate: 1 } }));
  for (let i = 0; i < 5; i++) model.step({ features: { x: i }, label: i });
  const before = model.fingerprint;
  t.throws(() => model.step({ features: { x: 3e38 }, label: 3, weight: 1e38 }), { message: /not finite/ });
  t.throws(() => model.step({ features: { x: 1 }, label: 3e38 }), { message: /not finite/ });
  t.equal(model.fingerprint, before);
});

t.test('a scaled label - is explained in its own units', async (t) => {
  const settings = config();
  const model = new SequentialModel(settings);
  for (let i = 0; i < 50; i++) model.step({ features: { x: i % 5, y: 'a' }, label: 100 + (i % 5) });
  const insight = new Insight(buildModel(settings), { contributionsMax: 10 });
  const features = { x: 3, y: 'a' };
  const { rawScore, contributions } = insight.explanation({ features }, model.table);
  t.equal(rawScore, model.score(features));
  const sum = contributions.reduce((total, { contribution }) => total + contribution, 0);
  t.ok(Math.abs(sum - rawScore) < 1e-4, `${sum} and ${rawScore}`);
});

t.test('a scaled label - where it cannot be, it is refused by name', async (t) => {
  const refused = (model: ModelInput, message: RegExp) =>
    t.throws(() => parseConfig(JSON.stringify({ models: { m: model } }), 'c.json'), { message });
  const features = { standardizeLabel: true };
  refused({ features }, /models\.m\.features\.standardizeLabel: expected false with task "binary"/);
  refused({ task: 'regression', loss: 'poisson', features }, /expected false with loss "poisson"/);
  refused(
    { task: 'regression', features, actors: { learners: 2 } },
    /models\.m\.actors\.learners: expected 1/,
  );
});
