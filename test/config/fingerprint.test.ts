import fc from 'fast-check';
import t from 'tap';
import { compareDefinitions } from '../../config/change.ts';
import { type Definition, definitionOf, fingerprintOf, lossOf } from '../../config/fingerprint.ts';
import { validateModel } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';

const defined = (input: ModelInput): Definition => definitionOf(validateModel('m', input));
const prints = (input: ModelInput): string => fingerprintOf(defined(input));

t.test('loss - the one that belongs to the task when absent', async (t) => {
  t.equal(lossOf({ task: 'binary' }), 'logistic');
  t.equal(lossOf({ task: 'regression' }), 'squared');
  t.equal(lossOf({ task: 'binary', loss: 'squared' }), 'squared');
});

t.test('fingerprint - 16 hex digits, fixed for ever for one definition', async (t) => {
  // A changed value here makes every stored version unreadable without --relearn: change it knowingly.
  t.equal(prints({ optimizer: { name: 'ftrl' } }), '04e48eb7e1fccb54');
  t.equal(prints({}), '5b892631ee2dbdb3');
  t.match(prints({}), /^[0-9a-f]{16}$/);
});

t.test('fingerprint - spelled-out defaults and the order of keys do not matter', async (t) => {
  t.equal(prints({ task: 'binary', loss: 'logistic', partitions: 64 }), prints({}));
  t.equal(
    prints({ optimizer: { l2: 0, alpha: 0.1, name: 'ftrl' } }),
    prints({ optimizer: { name: 'ftrl', alpha: 0.1, l2: 0 } }),
  );
});

t.test('fingerprint - actor counts, intervals and limits are not in it', async (t) => {
  const free: ModelInput = {
    actors: { shards: 5, learners: 3, predictors: 2 },
    batch: { eventsMax: 7 },
    snapshot: { intervalMs: 9 },
    checkpoint: { keep: 3 },
    limits: { featuresMax: 10 },
  };
  t.equal(prints(free), prints({}));
  t.same(compareDefinitions(defined({}), defined(free)), []);
});

t.test('fingerprint - equal exactly when no change is found', async () => {
  const models: fc.Arbitrary<ModelInput> = fc.record({
    task: fc.constantFrom('binary', 'regression'),
    optimizer: fc.oneof(
      fc.record({ name: fc.constant('sgd' as const), learningRate: fc.constantFrom(0.1, 0.2) }),
      fc.record({ name: fc.constant('ftrl' as const), alpha: fc.constantFrom(0.1, 0.2) }),
    ),
    features: fc.record({
      bits: fc.constantFrom(8, 9),
      interactions: fc.constantFrom([], [['a', 'b']], [['b', 'a']]),
    }),
    partitions: fc.constantFrom(1, 64),
  });
  fc.assert(
    fc.property(models, models, (left, right) => {
      const same = prints(left) === prints(right);
      return same === (compareDefinitions(defined(left), defined(right)).length === 0);
    }),
    { seed: 7, numRuns: 300 },
  );
});

t.test('change - what each setting needs', async (t) => {
  const needs = (from: ModelInput, to: ModelInput) =>
    Object.fromEntries(
      compareDefinitions(defined(from), defined(to)).map(({ path, needs }) => [path, needs]),
    );
  t.same(needs({}, {}), {});
  const ftrl = { name: 'ftrl' } as const;
  t.same(needs({ optimizer: ftrl }, { optimizer: { ...ftrl, alpha: 0.2, l1: 1 } }), {
    'optimizer.alpha': 'epoch',
    'optimizer.l1': 'epoch',
  });
  t.same(
    needs({}, { optimizer: { name: 'sgd' } }),
    { 'optimizer.name': 'relearn' },
    'the name alone is named',
  );
  t.same(needs({}, { task: 'regression' }), { loss: 'relearn', task: 'relearn' });
  t.same(needs({}, { loss: 'squared' }), { loss: 'relearn' });
  t.same(needs({}, { predictionMin: 0 }), { predictionMin: 'epoch' });
  t.same(needs({}, { classWeights: { 1: 3 } }), { 'classWeights.1': 'epoch' });
  const sgd = { name: 'sgd' } as const;
  t.same(needs({ optimizer: sgd }, { optimizer: { ...sgd, power: 0.5 } }), { 'optimizer.power': 'relearn' });
  t.same(needs({ optimizer: { ...sgd, power: 0.5 } }, { optimizer: { ...sgd, power: 0.4 } }), {
    'optimizer.power': 'epoch',
  });
  const adam = { name: 'adam' } as const;
  t.same(needs({ optimizer: adam }, { optimizer: { ...adam, variant: 'nadam' } }), {
    'optimizer.variant': 'relearn',
  });
  t.same(needs({}, { features: { bits: 20 } }), { 'features.bits': 'relearn' });
  t.same(needs({}, { features: { interactions: [['a', 'b']] } }), { 'features.interactions': 'relearn' });
  t.same(needs({ optimizer: ftrl }, { optimizer: ftrl, features: { standardize: true } }), {
    'features.standardize': 'relearn',
  });
  t.same(needs({}, { partitions: 8 }), { partitions: 'relearn' });
  t.same(needs({}, { kernel: 'cpu' }), { kernel: 'relearn' });
});

t.test('change - says from and to, and knows a setting that only one side has', async (t) => {
  const slow = defined({ optimizer: { name: 'sgd', learningRate: 0.1 } });
  const own = defined({ optimizer: { name: 'sgd', learningRate: 0.2, interceptLearningRate: 0.5 } });
  t.same(compareDefinitions(slow, own), [
    { path: 'optimizer.interceptLearningRate', from: undefined, to: 0.5, needs: 'epoch' },
    { path: 'optimizer.learningRate', from: 0.1, to: 0.2, needs: 'epoch' },
  ]);
});

t.test('change - a definition from a manifest compares like a fresh one', async (t) => {
  const definition = defined({ features: { interactions: [['a', 'b']] } });
  t.same(compareDefinitions(JSON.parse(JSON.stringify(definition)), definition), []);
});

t.test('change - whole models compare too: what is outside the definition needs nothing', async (t) => {
  const before = validateModel('m', {});
  const after = validateModel('m', { actors: { learners: 2 }, limits: { waitMs: 1 } });
  t.same(
    compareDefinitions(before, after).map(({ path, needs }) => [path, needs]),
    [
      ['actors.learners', 'nothing'],
      ['limits.waitMs', 'nothing'],
    ],
  );
});
