/** Models that were trained elsewhere: what they predict here, how they learn on, and which are refused. */
import fc from 'fast-check';
import t from 'tap';
import { validateModel } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';
import { FeatureNames } from '../../src/backtest/feature-names.ts';
import { importWeights } from '../../src/backtest/import-weights.ts';
import { readJsonWeights } from '../../src/formats/json-weights.ts';
import { readVwModel } from '../../src/formats/vw-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import type { Features } from '../../src/protocol/messages.ts';

const chunksOf = async function* (text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
};
const vwModel = (text: string) => readVwModel(chunksOf(text));
const jsonModel = (value: unknown) => readJsonWeights(chunksOf(JSON.stringify(value)));
const configOf = (input: ModelInput) => validateModel('m', { kernel: 'cpu', ...input });

const logitOf = (score: number): number => Math.log(score / (1 - score));

/**
 * What `vw --loss_function logistic -q up --invert_hash` of version 9.11.9 wrote after five passes over these lines,
 * and what it predicted for each of them in a sixth, learning as it went.
 */
const lines: readonly { features: Features; label: number; weight?: number }[] = [
  {
    features: { user: { age: 30, 'plan=pro': 1 }, page: { home: 1 }, plain: 2 },
    label: 1,
    weight: 2,
  },
  { features: { user: { age: 20, 'plan=free': 1 }, page: { docs: 1 }, plain: 1 }, label: 0 },
  { features: { user: { age: 25, 'plan=pro': 1 }, page: { docs: 1 } }, label: 1 },
  { features: { user: { age: 50, 'plan=free': 1 }, page: { home: 1 } }, label: 0 },
];
const sixthPass = [1.7716517448425293, -1.0399789810180664, 1.1982977390289307, -1.0058236122131348];
const inverted = `Version 9.11.9
Id 
Min label:-50
Max label:50
bits:18
lda:0
0 ngram:
0 skip:
options: --quadratic up
Checksum: 3397743524
:1
initial_t 0
norm normalizer 142.349
t 25
sum_loss 11.6514
sum_loss_since_last_dump 11.6514
dump_interval 1
min_label -50
max_label 50
weighted_labeled_examples 25
weighted_labels 5
weighted_unlabeled_examples 0
example_number 20
total_features 130
total_weight 25
sd::oec.weighted_labeled_examples 0
current_pass 0
l1_state 0
l2_state 1
user^age:23567:-0.000170159 4380.18 50
user^plan=free*page^docs:51748:-0.479309 0.882399 1
page^docs:68522:-0.0901325 1.56034 1
Constant:116060:0.0802316 3.61821 1
user^age*page^docs:122935:-0.00111393 776.67 25
user^plan=pro*page^home:124289:0.533479 0.963234 1
user^plan=free:125178:-0.744516 1.97704 1
user^plan=pro:128676:0.771571 1.64117 1
user^age*page^home:150064:-0.00074129 3603.51 50
user^plan=pro*page^docs:151430:0.495206 0.677937 1
page^home:172461:0.101208 2.05787 1
user^plan=free*page^home:221219:-0.478418 1.09464 1
plain:256121:0.156253 4.73533 2
`;

const vwConfig = (optimizer: ModelInput['optimizer']) =>
  configOf({ optimizer, features: { interactions: [['page', 'user']] } });

t.test("import - of Vowpal Wabbit's model: predicts, and learns on, as it did", async (t) => {
  const model = importWeights(vwConfig({ name: 'nag' }), await vwModel(inverted));
  for (const [at, line] of lines.entries()) {
    const { raw } = model.step(line);
    // It prints six digits.
    t.ok(Math.abs(raw - sixthPass[at]!) < 5e-6, `${raw}, Vowpal Wabbit ${sixthPass[at]}`);
  }
});

t.test('import - into other optimisers: the same predictions', async (t) => {
  const optimizers: ModelInput['optimizer'][] = [
    { name: 'ftrl', alpha: 0.3, beta: 0.7, l1: 0.4, l2: 0.2 },
    { name: 'adagrad' },
    { name: 'sgd' },
    { name: 'adam' },
    { name: 'momentum' },
    { name: 'rmsprop' },
    { name: 'adadelta' },
  ];
  for (const optimizer of optimizers) {
    const model = importWeights(vwConfig(optimizer), await vwModel(inverted));
    const raw = logitOf(model.score(lines[0]!.features));
    t.ok(Math.abs(raw - sixthPass[0]!) < 5e-6, `${optimizer!.name}: ${raw}`);
    t.doesNotThrow(() => lines.map((line) => model.step(line)));
  }
});

t.test('import - of weights as JSON, by the names of an explanation', async (t) => {
  const config = configOf({
    optimizer: { name: 'ftrl', l1: 0.1 },
    features: {
      interactions: [['country', 'hour']],
      ngrams: [{ of: 'words', n: 2 }],
      aggregates: [{ name: 'visits', by: ['country'], how: 'count' }],
    },
  });
  const weights = {
    'country=DE': 0.3,
    'country=FR': -0.2,
    'user.age': 0.1,
    'vector[2]': 2,
    'hour*country=DE': 0.05,
    'words=a>words=b': 1,
    new: -3,
    visits: 7,
  };
  const model = importWeights(config, await jsonModel({ intercept: 0.5, weights }));
  const raw = (features: Features) => Math.round(logitOf(model.score(features)) * 1e5) / 1e5;
  t.equal(raw({}), 0.5);
  t.equal(raw({ country: 'DE', hour: 4 }), 0.5 + 0.3 + 0.2);
  t.equal(raw({ country: 'FR', user: { age: 20 } }), 0.5 - 0.2 + 2);
  t.equal(raw({ vector: [9, 9, 0.25], new: true }), 0.5 + 0.5 - 3);
  t.equal(raw({ words: ['b', 'a', 'b'] }), 1.5);
  model.step({ features: { country: 'DE' }, label: 1 });
  t.ok(raw({ country: 'DE' }) > 7, 'the weight of an aggregate is by its name');
});

t.test('import - a regression is clipped to the labels of the training, or not at all', async (t) => {
  const config = configOf({ task: 'regression', optimizer: { name: 'nag' } });
  const scoreWith = async (labels: object) => {
    const model = importWeights(config, await jsonModel({ weights: { x: 10 }, ...labels }));
    return [-1, 1].map((x) => model.score({ x }));
  };
  t.same(await scoreWith({}), [-10, 10]);
  t.same(await scoreWith({ labels: [1, 4] }), [0, 4], 'the range always holds 0');
  t.same(await scoreWith({ labels: [-2, -1] }), [-2, 0]);
});

t.test('import - a name has the key that an event with this feature has', async () => {
  const config = configOf({
    features: {
      bits: 24,
      interactions: [
        ['a', 'b'],
        ['c', '*'],
      ],
      ngrams: [{ of: 'd', n: 3, skips: 1 }],
    },
  });
  const { featurizer } = buildModel(config);
  const names = new FeatureNames(featurizer);
  const text = fc.constantFrom('x', 'y y', 'a=b', '', 'é', 'z[1]', 'k.l');
  const value = fc.oneof(
    text,
    fc.integer({ min: 1, max: 9 }),
    fc.boolean(),
    fc.array(text, { maxLength: 3 }),
    fc.array(fc.integer(), { maxLength: 4 }),
  );
  const anyFeatures = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd', 'e.f'),
    fc.oneof(value, fc.dictionary(fc.constantFrom('x', 'y'), fc.integer())),
  );
  const property = fc.property(anyFeatures, (features) => {
    const named = featurizer.featurizeNamed(features, featurizer.vector());
    return named.every(({ name, key }) => names.keyOf(name) === key);
  });
  fc.assert(property, { numRuns: 300 });
});

t.test('import - what cannot be taken over is refused by name', async (t) => {
  const json = (value: unknown) => () => jsonModel(value);
  const named = inverted.split('\n');
  const vw = (text: string) => () => vwModel(text);
  const refused: [() => Promise<Parameters<typeof importWeights>[1]>, ModelInput, RegExp][] = [
    [vw('not a model'), {}, /no model of Vowpal Wabbit as text/],
    [vw(inverted.replace(/^\S+\^\S+?:(\d+)/gm, '$1')), {}, /^line \d+: .* write it with --invert_hash FILE/],
    [vw(inverted.replace('0 ngram:', '1 ngram:2')), {}, /the model has n-grams/],
    [
      vw(inverted.replace('Constant', 'Constant[1]')),
      {},
      /expected one weight for each feature, got several/,
    ],
    [vw(`${inverted}\nplain:256121:0.1\n`), {}, /plain stands twice/],
    [vw(inverted.replace('0.771571', '1e99')), {}, /user\^plan=pro: expected numbers within float32/],
    [vw(inverted), {}, /6 weights are of features that this model does not form, such as user\^plan/],
    [vw(inverted), { loss: 'squared' }, /trained with a loss of logits .* and the loss here is squared/],
    [
      vw(named.map((line) => line.replace(/^(M\S+ label):.*/, '$1:1')).join('\n')),
      {},
      /trained with a loss of labels .* and the loss here is logistic/,
    ],
    [json([]), {}, /the file: expected an object/],
    [json({ weights: { a: 1 }, more: 1 }), {}, /more: expected intercept, weights and labels only/],
    [json({ weights: { a: '1' } }), {}, /weights\["a"\]: expected a number within float32, got "1"/],
    [json({ weights: {}, labels: [3, 1] }), {}, /labels: expected \[least, greatest\]/],
    [json({ weights: {}, intercept: 1 }), { features: { intercept: false } }, /features\.intercept is false/],
    [json({ weights: { 'a*b': 1 } }), {}, /such as a\*b; configure their features\.interactions/],
    [
      json({ weights: Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`f${n}`, 1])) }),
      { features: { bits: 8 } },
      /features fall on the row of another, such as f\d+ and f\d+.*; raise features\.bits/,
    ],
    [json({ weights: {} }), { features: { standardize: true }, optimizer: { name: 'sgd' } }, /standardize/],
    [
      json({ weights: {} }),
      { task: 'regression', features: { standardizeLabel: true } },
      /standardizeLabel: imported weights are for labels as they come/,
    ],
    [
      json({ weights: {} }),
      { optimizer: { name: 'coin' } },
      /optimizer "coin": its weights follow from sums/,
    ],
    [json({ weights: {} }), { task: 'multiclass' }, /models with one score only/],
    [json({ weights: {} }), { family: { name: 'fm' }, optimizer: { name: 'adagrad' } }, /linear models only/],
    [
      json({ weights: {} }),
      { optimizer: { name: 'ftrl', beta: 0, l2: 0 } },
      /no weight follows from no events/,
    ],
    [
      json({ weights: { a: 3e38 } }),
      { optimizer: { name: 'ftrl', alpha: 1e-3 } },
      /beyond what the optimiser can hold/,
    ],
  ];
  for (const [read, input, message] of refused) {
    const importing = async () => importWeights(configOf(input), await read());
    await t.rejects(importing(), { name: 'MillraceError', kind: 'badInput', message });
  }
});
