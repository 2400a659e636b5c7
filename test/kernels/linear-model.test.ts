import t from 'tap';
import { type KernelMode, type ModelInput, modelSchema } from '../../config/schema.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import type { EventView } from '../../src/kernels/online-model.ts';
import { logistic } from '../../src/model/losses/logistic.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../../src/model/optimizers/optimizer.ts';
import { observe, scaled } from '../../src/model/standardizer.ts';
import { randomFrom } from '../checks/kernels.ts';

const rowCount = 33;
const optimizers: readonly CoordinateOptimizerConfig[] = [
  { name: 'sgd', learningRate: 0.05, interceptLearningRate: 0.01 },
  { name: 'adagrad', learningRate: 0.1, epsilon: 1e-8 },
  { name: 'ftrl', alpha: 0.1, beta: 1, l1: 0.05, l2: 0.01 },
];

interface Labelled extends EventView {
  readonly label: number;
  readonly weight: number;
}

/** Events of 1 to 12 distinct rows, the intercept first, in a view that starts somewhere. */
function eventsOf(count: number, seed: number): Labelled[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => {
    const picked = new Set([0]);
    while (random() < 0.85 && picked.size < 12) picked.add(1 + Math.floor(random() * (rowCount - 1)));
    const from = Math.floor(random() * 3);
    const spare = Array.from({ length: from }, () => 7);
    const rows = [...picked];
    const numbers = rows.map((row) => (row === 0 ? 1 : row % 3 === 0 ? 1 : random() * 20 - 4));
    return {
      rows: Uint32Array.from([...spare, ...rows]),
      values: Float32Array.from([...spare, ...numbers]),
      numeric: Uint8Array.from([...spare, ...rows.map((row) => (row !== 0 && row % 3 !== 0 ? 1 : 0))]),
      from,
      to: from + rows.length,
      keys: undefined,
      time: 0,
      references: undefined,
      label: random() < 0.4 ? 1 : 0,
      weight: random() < 0.8 ? 1 : random() * 3,
    };
  });
}

function modelOf(
  optimizer: CoordinateOptimizerConfig,
  standardize: boolean,
  kernel: KernelMode,
  loss?: 'squared',
) {
  const input: ModelInput = { optimizer, features: { standardize, bits: 8 }, kernel, ...(loss && { loss }) };
  const { model } = buildModel(modelSchema.parse(input));
  return { model, table: new Float32Array(model.layout.width * rowCount) };
}

/** One event by the plain parts, without kernels; returns the score from before. */
function plainLearn(
  optimizer: CoordinateOptimizerConfig,
  standardize: boolean,
  table: Float32Array,
  event: Labelled,
): number {
  const rule = optimizerOf(optimizer);
  const slots = rule.slots.length;
  const width = slots + (standardize ? 3 : 0);
  const places = Array.from({ length: event.to - event.from }, (_, i) => event.from + i);
  const offset = (place: number) => event.rows[place]! * width;
  const isScaled = (place: number) => standardize && event.numeric[place] === 1;
  const numberOf = (place: number): number =>
    isScaled(place)
      ? Math.fround(scaled(table, offset(place) + slots, event.values[place]!))
      : event.values[place]!;
  const score = (): number =>
    Math.fround(places.reduce((sum, place) => sum + rule.weight(table, offset(place)) * numberOf(place), 0));
  const before = score();
  for (const place of places)
    if (isScaled(place)) observe(table, offset(place) + slots, event.values[place]!);
  const gradient = Math.fround(event.weight * logistic.derivative(score(), event.label));
  for (const [i, place] of places.entries())
    rule.step(table, offset(place), gradient * numberOf(place), i === 0);
  return before;
}

const bitsOf = (table: Float32Array) => Buffer.from(table.buffer).toString('hex');

for (const optimizer of optimizers) {
  for (const standardize of [false, true]) {
    const name = `${optimizer.name}${standardize ? ', standardised' : ''}`;
    t.test(`linear model - ${name}: on cpu the plain loop, to the bit`, async (t) => {
      const { model, table } = modelOf(optimizer, standardize, 'cpu');
      const plain = new Float32Array(table.length);
      let different = 0;
      for (const event of eventsOf(400, 1)) {
        const predicted = model.predict(table, event);
        const got = model.learn(table, event, event.label, event.weight);
        const expected = plainLearn(optimizer, standardize, plain, event);
        if (got !== expected || predicted !== got || bitsOf(table) !== bitsOf(plain)) different++;
      }
      t.equal(different, 0);
      t.same(model.report(), { mode: 'cpu', executor: 'cpu' });
    });

    t.test(`linear model - ${name}: on webasm the same within float32`, async (t) => {
      const { model, table } = modelOf(optimizer, standardize, 'webasm');
      const plain = new Float32Array(table.length);
      let farthest = 0;
      for (const event of eventsOf(150, 2)) {
        const got = model.learn(table, event, event.label, event.weight);
        farthest = Math.max(farthest, Math.abs(got - plainLearn(optimizer, standardize, plain, event)));
      }
      for (const [i, slot] of table.entries()) {
        farthest = Math.max(farthest, Math.abs(slot - plain[i]!) / Math.max(1, Math.abs(plain[i]!)));
      }
      t.ok(farthest < 1e-3, `differs by at most ${farthest}`);
      t.same(model.report(), { mode: 'webasm', executor: 'webasm' });
    });
  }
}

t.test('linear model - learn is all or nothing', async (t) => {
  const numbers = (values: number[]): EventView => ({
    rows: Uint32Array.from(values, (_, i) => i),
    values: Float32Array.from(values),
    numeric: Uint8Array.from(values, (_, i) => (i === 0 ? 0 : 1)),
    from: 0,
    to: values.length,
    keys: undefined,
    time: 0,
    references: undefined,
  });
  const cases: [string, EventView, number, number, RegExp][] = [
    ['an infinite value', numbers([1, 2, Number.POSITIVE_INFINITY]), 1, 1, /not finite/],
    ['a value that is not a number', numbers([1, Number.NaN, 2]), 1, 1, /not finite/],
    ['a value whose square overflows', numbers([1, 2, 3e38, -3e38]), 1, 1, /not finite/],
    ['a label beyond float32', numbers([1, 2]), 1e300, 1, /the gradient .* is not finite/],
    ['a weight beyond float32', numbers([1, 2]), -3, 1e300, /the gradient .* is not finite/],
    ['a row that is not there', { ...numbers([1, 2]), rows: Uint32Array.of(0, 9999) }, 1, 1, /not finite/],
  ];
  for (const optimizer of optimizers) {
    for (const standardize of [false, true]) {
      const { model, table } = modelOf(optimizer, standardize, 'cpu', 'squared');
      const { model: other, table: copy } = modelOf(optimizer, standardize, 'cpu', 'squared');
      for (const event of eventsOf(30, 3)) {
        model.learn(table, event, event.label, 0.01);
        other.learn(copy, event, event.label, 0.01);
      }
      for (const [name, event, label, weight, message] of cases) {
        const before = bitsOf(table);
        t.throws(() => model.learn(table, event, label, weight), { kind: 'badInput', message }, name);
        t.equal(bitsOf(table), before, `${optimizer.name}: ${name} leaves every bit`);
      }
      for (const event of eventsOf(30, 4)) {
        model.learn(table, event, event.label, 0.01);
        other.learn(copy, event, event.label, 0.01);
      }
      t.equal(bitsOf(table), bitsOf(copy), 'and nothing of them shows later');
    }
  }
});

t.test('linear model - predict changes nothing and refuses a score that is not finite', async (t) => {
  const { model, table } = modelOf(optimizers[0]!, true, 'cpu');
  const events = eventsOf(20, 5);
  for (const event of events) model.learn(table, event, event.label, 1);
  const before = bitsOf(table);
  for (const event of events) model.predict(table, event);
  const broken = { ...events[0]!, values: events[0]!.values.map(() => Number.NaN) };
  t.throws(() => model.predict(table, broken), { kind: 'badInput', message: /the score is not finite/ });
  t.equal(bitsOf(table), before);
});

t.test('linear model - an event without a feature scores 0 and changes nothing', async (t) => {
  const { model, table } = modelOf(optimizers[1]!, false, 'cpu');
  const empty = { ...eventsOf(1, 6)[0]!, from: 0, to: 0 };
  t.equal(model.predict(table, empty), 0);
  t.equal(model.learn(table, empty, 1, 1), 0);
  t.ok(table.every((slot) => slot === 0));
});

t.test('linear model - a weight of 0 changes no optimiser slot', async (t) => {
  for (const optimizer of optimizers) {
    const { model, table } = modelOf(optimizer, false, 'cpu');
    for (const event of eventsOf(20, 7)) model.learn(table, event, event.label, 1);
    const before = bitsOf(table);
    for (const event of eventsOf(20, 8)) model.learn(table, event, event.label, 0);
    t.equal(bitsOf(table), before, optimizer.name);
  }
});
