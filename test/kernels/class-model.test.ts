import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { lossFunction } from '../../src/model/losses.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../../src/model/optimizers/optimizer.ts';
import { observe, scaled } from '../../src/model/standardizer.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { checkModel, TableModel } from '../checks/online-model.ts';
import { madeEvent, randomOf } from '../support/data.ts';

const features = { bits: 8 };
const random = randomOf(5);
const events: LearnEvent[] = Array.from({ length: 250 }, () => madeEvent(random, 'multiclass'));
const classes = ['low', 'Łódź', true, 1, -7, 'high'];

const optimizers: readonly CoordinateOptimizerConfig[] = [
  { name: 'sgd', learningRate: 0.05, interceptLearningRate: 0.01 },
  { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8 },
  { name: 'ftrl', alpha: 0.1, beta: 1, l1: 0.05, l2: 0.01 },
];

for (const optimizer of [...optimizers, { name: 'nag', learningRate: 0.5 } as const]) {
  checkModel(t, `classes, ${optimizer.name}`, { task: 'multiclass', optimizer, features }, events);
}
checkModel(
  t,
  'classes, listed and standardised, one against all',
  {
    task: 'multiclass',
    classes,
    loss: 'logistic',
    optimizer: optimizers[1]!,
    features: { ...features, standardize: true },
  },
  events,
);

/** Softmax by the plain parts, without kernels, on rows as the table has them; the scores from before. */
function plainStep(
  optimizer: CoordinateOptimizerConfig,
  standardize: boolean,
  model: TableModel,
  table: Float32Array,
  event: LearnEvent,
): number[] {
  const rule = optimizerOf(optimizer);
  const slots = rule.slots.length;
  const { width } = model.built.model.layout;
  const { rows, values, numeric, to } = model.view(event);
  const statistics = (i: number) => rows[i]! * width + width - 3;
  const number = (i: number) =>
    standardize && numeric[i] === 1 ? Math.fround(scaled(table, statistics(i), values[i]!)) : values[i]!;
  const scores = () =>
    classes.map((_, c) => {
      let sum = 0;
      for (let i = 0; i < to; i++) sum += rule.weight(table, rows[i]! * width + c * slots) * number(i);
      return Math.fround(sum);
    });
  const before = scores();
  for (let i = 0; i < to; i++) {
    if (standardize && numeric[i] === 1) observe(table, statistics(i), values[i]!);
  }
  const raw = scores();
  const most = Math.max(...raw);
  const exponentials = raw.map((score) => Math.exp(score - most));
  const total = exponentials.reduce((sum, e) => sum + e, 0);
  for (const [c, e] of exponentials.entries()) {
    const isIt = String(classes[c]) === String(event.label);
    const gradient = Math.fround((event.weight ?? 1) * (e / total - (isIt ? 1 : 0)));
    for (let i = 0; i < to; i++) {
      rule.step(table, rows[i]! * width + c * slots, gradient * number(i), i === 0);
    }
  }
  return before;
}

for (const optimizer of optimizers) {
  for (const standardize of [false, true]) {
    const how = `${optimizer.name}${standardize ? ', standardised' : ''}`;
    t.test(`softmax - ${how}: on cpu the plain loop, to the bit`, async (t) => {
      const input: ModelInput = {
        task: 'multiclass',
        classes,
        optimizer,
        features: { bits: 8, standardize },
      };
      const model = new TableModel({ ...input, kernel: 'cpu' });
      const plain = new Float32Array(model.table.length);
      let different = 0;
      for (const event of events) {
        const expected = plainStep(optimizer, standardize, model, plain, event);
        model.learn(event);
        const got = [...model.built.model.classes!.raw.subarray(0, classes.length)];
        if (got.some((score, c) => score !== expected[c])) different++;
      }
      t.equal(different, 0);
      t.equal(model.bits, Buffer.from(plain.buffer).toString('base64'));
    });
  }
}

t.test('one against all - each class learns as a model of its own would', async (t) => {
  for (const optimizer of [optimizers[1]!, { name: 'nag', learningRate: 0.5 } as const]) {
    const model = new TableModel({ task: 'multiclass', classes, loss: 'logistic', optimizer, features });
    const alone = classes.map(() => new TableModel({ task: 'binary', optimizer, features }));
    for (const event of events) {
      model.learn(event);
      const scores = classes.map((name, c) =>
        alone[c]!.learn({ ...event, label: String(name) === String(event.label) ? 1 : 0 }),
      );
      t.same([...model.built.model.classes!.raw], scores);
    }
    const own = events.map(({ label }) => classes.findIndex((name) => String(name) === String(label)));
    const scores = model.built.model.classes!;
    const expected = scores.raw.reduce(
      (sum, raw, c) => sum + lossFunction('logistic').value(raw, c === own.at(-1) ? 1 : 0),
      0,
    );
    t.equal(scores.loss, expected);
  }
});

t.test(
  'classes - come with the labels, and one too many is refused by name and leaves every bit',
  async (t) => {
    const model = new TableModel({ task: 'multiclass', classesMax: 3, features });
    const learn = (label: string | number) => model.learn({ features: { a: 1 }, label });
    for (const label of ['b', 2, 'a', '2']) learn(label);
    const before = model.bits;
    t.throws(() => learn('one more'), {
      kind: 'badInput',
      message: 'label: "one more" would be class 4; at most 3 (classesMax)',
    });
    t.equal(model.bits, before);
    model.predict({ features: { a: 1 }, label: 0 });
    t.same(model.built.model.classes!.labels, ['b', 2, 'a'], 'the form in which each was seen first');
  },
);

t.test('classes - a label that is not listed is refused by name', async (t) => {
  const model = new TableModel({ task: 'multiclass', classes: ['a', 'b'], features });
  t.throws(() => model.learn({ features: { a: 1 }, label: 'c' }), {
    kind: 'badInput',
    message: 'label: expected one of the model\'s classes, got "c"',
  });
});
