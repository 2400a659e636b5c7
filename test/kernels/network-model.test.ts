import t from 'tap';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { InitialValues } from '../../src/model/initial-values.ts';
import { lossFunction } from '../../src/model/losses.ts';
import { denseLayers, denseLength, initialWeights } from '../../src/model/network-shape.ts';
import { outputLength, sharedAt } from '../../src/model/row-layout.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { checkModel, farthest, TableModel } from '../checks/online-model.ts';
import { madeEvent, randomOf } from '../support/data.ts';

type Task = 'binary' | 'regression' | 'multiclass';
const family = { name: 'network', hidden: [8, 7, 6], initStd: 0.4, seed: 11 } as const;
const { learningRate: rate, epsilon } = { learningRate: 0.1, epsilon: 0.1 };
const inputOf = (task: Task, more: ModelInput = {}): ModelInput => ({
  task,
  kernel: 'cpu',
  ...more,
  family: { ...family, hidden: [...family.hidden], ...more.family } as ModelInput['family'],
  features: { bits: 8, ...more.features },
});
const eventsOf = (task: Task, seed: number, count = 200): LearnEvent[] => {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => madeEvent(random, task));
};

checkModel(
  t,
  'network, binary',
  inputOf('binary', { features: { intercept: false } }),
  eventsOf('binary', 1),
);
checkModel(
  t,
  'network, regression, standardised',
  inputOf('regression', { features: { standardize: true } }),
  eventsOf('regression', 2),
);
checkModel(
  t,
  'network, several classes, one hidden layer',
  inputOf('multiclass', { family: { name: 'network', hidden: [6] } }),
  eventsOf('multiclass', 3),
);
checkModel(
  t,
  'network, listed classes, one against all',
  inputOf('multiclass', { classes: ['low', 'Łódź', true, 1, -7, 'high'], loss: 'logistic' }),
  eventsOf('multiclass', 4),
);

/** Where in the table the numbers of the dense layers begin. */
function denseAt(model: TableModel, input: ModelInput): number {
  return sharedAt(model.built.model.layout, { keys: undefined }) + outputLength(modelSchema.parse(input));
}

/** A network in double precision that is stepped by AdaGrad, with nothing of the kernels in it. */
class PlainNetwork {
  readonly table: Float32Array;
  readonly #layers = denseLayers(family.hidden, 1);
  readonly #begins = initialWeights(this.#layers, family.seed);
  readonly #initial = new InitialValues(family, family.hidden[0]);
  readonly #width: number;
  readonly #denseAt: number;

  constructor(model: TableModel, denseFrom: number) {
    this.table = model.table.slice();
    this.#width = model.built.model.layout.width;
    this.#denseAt = denseFrom;
  }

  /** Activations of every layer, the score last. */
  activations(entries: readonly (readonly [row: number, x: number])[]): number[][] {
    const first = family.hidden.slice(0, 1).flatMap((units) =>
      Array.from({ length: units }, (_, unit) => {
        const of = (row: number) => this.#initial.of(row, unit) + this.table[row * this.#width + 2 * unit]!;
        return Math.max(
          0,
          entries.reduce((sum, [row, x]) => sum + of(row) * x, 0),
        );
      }),
    );
    const all = [first];
    for (const [number, { inputs, outputs }] of this.#layers.entries()) {
      const given = [...all.at(-1)!, 1];
      const sums = Array.from({ length: outputs }, (_, unit) =>
        given.reduce((sum, a, i) => sum + a * this.#weight(number, i * outputs + unit), 0),
      );
      all.push(number === this.#layers.length - 1 ? sums : sums.map((sum) => Math.max(0, sum)));
      if (given.length !== inputs + 1) throw new Error('a layer takes what the one before it gives');
    }
    return all;
  }

  step(entries: readonly (readonly [row: number, x: number])[], slope: number): void {
    const all = this.activations(entries);
    let slopes = [slope];
    const steps: (() => void)[] = [];
    for (let number = this.#layers.length - 1; number >= 0; number--) {
      const { inputs, outputs, at, weights } = this.#layers[number]!;
      const given = [...all[number]!, 1];
      const own = slopes;
      const back = Array.from({ length: inputs }, (_, i) =>
        given[i]! > 0
          ? own.reduce((sum, s, unit) => sum + s * this.#weight(number, i * outputs + unit), 0)
          : 0,
      );
      for (const [i, a] of given.entries()) {
        for (const [unit, s] of own.entries()) {
          const place = this.#denseAt + at + i * outputs + unit;
          steps.push(() => this.#adagrad(place, place + weights, s * a));
        }
      }
      slopes = back;
    }
    for (const [row, x] of entries) {
      for (const [unit, s] of slopes.entries()) {
        const place = row * this.#width + 2 * unit;
        steps.push(() => this.#adagrad(place, place + 1, s * x));
      }
    }
    for (const step of steps) step();
  }

  #weight(layer: number, place: number): number {
    return this.#begins[layer]![place]! + this.table[this.#denseAt + this.#layers[layer]!.at + place]!;
  }

  #adagrad(at: number, squaresAt: number, g: number): void {
    this.table[squaresAt] = this.table[squaresAt]! + g * g;
    this.table[at] = this.table[at]! - (rate * g) / Math.sqrt(this.table[squaresAt]! + epsilon);
  }
}

const entriesOf = (model: TableModel, event: LearnEvent) => {
  const { rows, values, to } = model.view(event);
  return Array.from({ length: to }, (_, i) => [rows[i]!, values[i]!] as const);
};

t.test('network - scores and steps are those of a plain network, within float32', async (t) => {
  const input = inputOf('binary');
  const model = new TableModel(input);
  const plain = new PlainNetwork(model, denseAt(model, input));
  const { derivative } = lossFunction('logistic');
  let far = 0;
  for (const event of eventsOf('binary', 5)) {
    const entries = entriesOf(model, event);
    const expected = plain.activations(entries).at(-1)![0]!;
    far = Math.max(far, Math.abs(model.learn(event) - expected) / Math.max(1, Math.abs(expected)));
    plain.step(entries, (event.weight ?? 1) * derivative(expected, Number(event.label)));
  }
  t.ok(far < 2e-3, `scores differ by at most ${far}`);
  t.ok(farthest(model.table, plain.table) < 2e-3, `numbers by ${farthest(model.table, plain.table)}`);
});

t.test('network - the gradient of every number is the slope of the loss', async (t) => {
  for (const task of ['binary', 'multiclass'] as const) {
    const input = inputOf(task);
    const model = new TableModel(input);
    for (const event of eventsOf(task, 6, 150)) model.learn(event);
    const one = { ...eventsOf(task, 7, 1)[0]!, weight: 1 };
    const lossNow = (): number => {
      const raw = model.predict(one);
      const { classes } = model.built.model;
      if (classes === undefined) return lossFunction('logistic').value(raw, Number(one.label));
      classes.label = classes.labels.findIndex((name) => String(name) === String(one.label));
      return classes.loss;
    };
    const before = model.table.slice();
    const slopeAt = (at: number): number => {
      const h = 2 ** -9;
      const lossAt = (by: number): number => {
        model.table[at] = before[at]! + by;
        const loss = lossNow();
        model.table[at] = before[at]!;
        return loss;
      };
      return (lossAt(h) - lossAt(-h)) / (2 * h);
    };
    const places: (readonly [at: number, squaresAt: number])[] = [];
    const { width } = model.built.model.layout;
    for (const [row] of entriesOf(model, one)) {
      for (let unit = 0; unit < family.hidden[0]; unit++) {
        places.push([row * width + 2 * unit, row * width + 2 * unit + 1]);
      }
    }
    const from = denseAt(model, input);
    for (const { at, weights } of denseLayers(family.hidden, task === 'binary' ? 1 : 16)) {
      for (let i = 0; i < weights; i++) places.push([from + at + i, from + at + weights + i]);
    }
    const slopes = places.map(([at]) => slopeAt(at));
    model.learn(one);
    let [wrong, some] = [0, 0];
    for (const [i, [at, squaresAt]] of places.entries()) {
      // The step is rate g / sqrt(n + epsilon): from its length and n the gradient again.
      const g = ((before[at]! - model.table[at]!) * Math.sqrt(model.table[squaresAt]! + epsilon)) / rate;
      if (g !== 0) some++;
      if (Math.abs(g - slopes[i]!) > 5e-3 * Math.max(0.2, Math.abs(slopes[i]!))) wrong++;
    }
    t.ok(some > 50, `${some} numbers have a slope`);
    // Where ReLU bends within the difference the slope is none; few numbers lie there.
    t.ok(wrong <= places.length * 0.02, `${wrong} of ${places.length} differ`);
  }
});

t.test('network - seeds decide the beginning, an untaught one scores 0 and holds nothing', async (t) => {
  const [event] = eventsOf('binary', 8, 1);
  const networks = [11, 11, 12].map(
    (seed) => new TableModel(inputOf('binary', { family: { ...family, hidden: [5, 4], seed } })),
  );
  for (const network of networks) t.equal(network.predict(event!), 0);
  t.ok(networks[0]!.table.every((slot) => slot === 0));
  const scores = networks.map((network) => {
    for (let n = 0; n < 3; n++) network.learn(event!);
    return network.predict(event!);
  });
  t.equal(scores[0], scores[1]);
  t.not(scores[0], scores[2]);
});

t.test('network - dense layers stand one behind the other', async (t) => {
  t.same(denseLayers([3, 2], 4), [
    { inputs: 3, outputs: 2, at: 0, weights: 8 },
    { inputs: 2, outputs: 4, at: 16, weights: 12 },
  ]);
  t.equal(denseLength([3, 2], 4), 40);
  const [first, last] = initialWeights(denseLayers([30, 20], 4), 1);
  t.ok(first!.subarray(0, 600).every((number) => number !== 0));
  t.ok(first!.subarray(600).every((number) => number === 0) && last!.every((number) => number === 0));
});
