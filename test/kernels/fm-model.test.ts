import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { InitialValues } from '../../src/model/initial-values.ts';
import { lossFunction } from '../../src/model/losses.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { checkModel, farthest, TableModel } from '../checks/online-model.ts';
import { madeEvent, randomOf } from '../support/data.ts';

const factors = 3;
const family = { name: 'fm', factors, initStd: 0.2, seed: 7 } as const;
const rates = { rate: 0.2, factorRate: 0.1, epsilon: 0.1 };
const inputOf = (task: 'binary' | 'regression', more: ModelInput = {}): ModelInput => ({
  task,
  family,
  kernel: 'cpu',
  ...more,
  features: { bits: 8, ...more.features },
});
const eventsOf = (task: 'binary' | 'regression', seed: number, count = 200): LearnEvent[] => {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => madeEvent(random, task));
};

checkModel(t, 'fm, binary', inputOf('binary'), eventsOf('binary', 1));
checkModel(
  t,
  'fm, regression, standardised',
  inputOf('regression', { features: { standardize: true } }),
  eventsOf('regression', 2),
);
checkModel(
  t,
  'fm, without intercept, poisson',
  inputOf('regression', { loss: 'poisson', features: { intercept: false } }),
  eventsOf('regression', 3).map((event) => ({ ...event, label: Math.abs(event.label as number) })),
);

interface Entry {
  readonly row: number;
  readonly x: number;
  readonly isPlain: boolean;
}

/** Rendle's formula over pairs, as it is first written: w_i x_i and every <v_i, v_j> x_i x_j. */
function pairwiseScore(
  entries: readonly Entry[],
  weight: (row: number) => number,
  v: (row: number) => number[],
) {
  let sum = 0;
  for (const { row, x } of entries) sum += weight(row) * x;
  const paired = entries.filter(({ isPlain }) => !isPlain);
  for (const [i, one] of paired.entries()) {
    for (const other of paired.slice(i + 1)) {
      const [a, b] = [v(one.row), v(other.row)];
      sum += a.reduce((product, number, f) => product + number * b[f]!, 0) * one.x * other.x;
    }
  }
  return sum;
}

/** A machine in double precision that is stepped by AdaGrad, with nothing of the kernels in it. */
class PlainMachine {
  readonly #width: number;
  readonly #initial = new InitialValues(family, factors);
  readonly table: Float32Array;

  constructor({ table, built }: TableModel) {
    this.#width = built.model.layout.width;
    this.table = new Float32Array(table.length);
  }

  vector(row: number): number[] {
    return Array.from({ length: factors }, (_, f) => {
      return this.#initial.of(row, f) + this.table[row * this.#width + 2 + 2 * f]!;
    });
  }

  score(entries: readonly Entry[]): number {
    return pairwiseScore(
      entries,
      (row) => this.table[row * this.#width]!,
      (row) => this.vector(row),
    );
  }

  step(entries: readonly Entry[], gradient: number): void {
    const paired = entries.filter(({ isPlain }) => !isPlain);
    const totals = Array.from({ length: factors }, (_, f) =>
      paired.reduce((sum, { row, x }) => sum + this.vector(row)[f]! * x, 0),
    );
    const steps = entries.map(({ row, x, isPlain }) => {
      const v = this.vector(row);
      return [
        gradient * x,
        ...v.map((number, f) => (isPlain ? 0 : gradient * x * (totals[f]! - number * x))),
      ];
    });
    for (const [i, gradients] of steps.entries()) {
      for (const [place, g] of gradients.entries()) {
        const at = entries[i]!.row * this.#width + 2 * place;
        this.table[at + 1] = this.table[at + 1]! + g * g;
        const rate = place === 0 ? rates.rate : rates.factorRate;
        this.table[at] = this.table[at]! - (rate * g) / Math.sqrt(this.table[at + 1]! + rates.epsilon);
      }
    }
  }
}

function entriesOf(model: TableModel, event: LearnEvent): Entry[] {
  const { rows, values, to } = model.view(event);
  return Array.from({ length: to }, (_, i) => ({ row: rows[i]!, x: values[i]!, isPlain: i === 0 }));
}

t.test('fm - scores are sums over all pairs, and steps descend them, within float32', async (t) => {
  const model = new TableModel(inputOf('binary'));
  const plain = new PlainMachine(model);
  const { derivative } = lossFunction('logistic');
  let far = 0;
  for (const event of eventsOf('binary', 4)) {
    const entries = entriesOf(model, event);
    const expected = plain.score(entries);
    far = Math.max(far, Math.abs(model.learn(event) - expected) / Math.max(1, Math.abs(expected)));
    plain.step(entries, (event.weight ?? 1) * derivative(expected, Number(event.label)));
  }
  t.ok(far < 1e-3, `scores differ by at most ${far}`);
  t.ok(farthest(model.table, plain.table) < 1e-3, `rows by ${farthest(model.table, plain.table)}`);
});

t.test('fm - the gradient is the slope of the loss', async (t) => {
  const model = new TableModel(inputOf('binary'));
  for (const event of eventsOf('binary', 5, 100)) model.learn(event);
  const { width } = model.built.model.layout;
  const [event] = eventsOf('binary', 6, 1);
  const one = { ...event!, label: 1, weight: 1 };
  const { value } = lossFunction('logistic');
  const before = model.table.slice();
  const slopes = entriesOf(model, one).flatMap(({ row }) =>
    Array.from({ length: 1 + factors }, (_, place) => {
      const at = row * width + 2 * place;
      const h = 2 ** -8;
      const lossAt = (by: number): number => {
        model.table[at] = before[at]! + by;
        const loss = value(model.predict(one), 1);
        model.table[at] = before[at]!;
        return loss;
      };
      return { at, slope: (lossAt(h) - lossAt(-h)) / (2 * h) };
    }),
  );
  model.learn(one);
  for (const { at, slope } of slopes) {
    // The step is rate g / sqrt(n + epsilon): from its length and n the gradient again.
    const rate = at % width === 0 ? rates.rate : rates.factorRate;
    const g = ((before[at]! - model.table[at]!) * Math.sqrt(model.table[at + 1]! + rates.epsilon)) / rate;
    if (Math.abs(g - slope) > 2e-3 * Math.max(1, Math.abs(slope))) t.fail(`${at}: ${g} is not ${slope}`);
  }
  t.ok(slopes.length > 20, `${slopes.length} slopes`);
});

t.test('fm - what vectors begin with follows from the seed, and takes no room', async (t) => {
  const [event] = eventsOf('binary', 8, 1);
  const scores = [7, 7, 8].map((seed) =>
    new TableModel(inputOf('binary', { family: { ...family, seed } })).predict(event!),
  );
  t.equal(scores[0], scores[1]);
  t.not(scores[0], scores[2]);
  const initial = new InitialValues({ initStd: 0.5, seed: 3 }, 2);
  const numbers = Array.from({ length: 20_000 }, (_, key) => initial.of(key, key % 2));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const deviation = Math.sqrt(numbers.reduce((sum, number) => sum + number ** 2, 0) / numbers.length);
  t.ok(Math.abs(mean) < 0.02 && Math.abs(deviation - 0.5) < 0.01, `mean ${mean}, deviation ${deviation}`);
});

t.test('fm - a regression keeps within the labels that it has seen', async (t) => {
  const model = new TableModel(inputOf('regression'));
  const event = (label: number, a: number): LearnEvent => ({ features: { a, b: 'c' }, label });
  t.ok(Math.abs(model.predict(event(0, 1e6))) > 5, 'nothing is held before a label was seen');
  for (let n = 0; n < 50; n++) model.learn(event(2 + (n % 3), n % 5));
  t.equal(model.predict(event(0, 1e6)), 4);
  t.equal(model.predict(event(0, -1e6)), 2);
});

t.test('fm - contributions add up to the score', async (t) => {
  const model = new TableModel(inputOf('binary', { features: { standardize: true } }));
  for (const event of eventsOf('binary', 9)) model.learn(event);
  for (const event of eventsOf('binary', 10, 20)) {
    const view = model.view(event);
    const into = new Float64Array(view.to);
    model.built.reading!.contributions(model.table, view, into);
    const sum = into.reduce((total, part) => total + part, 0);
    t.ok(Math.abs(sum - model.predict(event)) < 1e-4, `${sum}`);
  }
});
