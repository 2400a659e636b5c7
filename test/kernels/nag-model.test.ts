/** The normalised adaptive gradient by kernels against the same written down once more, by name and in doubles. */
import t from 'tap';
import type { KernelMode } from '../../config/schema.ts';
import { modelSchema } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { nagKernels } from '../../src/kernels/nag-model.ts';
import { viewOf as eventView } from '../../src/kernels/online-model.ts';
import { sigmoid } from '../../src/model/losses/logistic.ts';
import { randomFrom } from '../checks/kernels.ts';

type Features = Readonly<Record<string, number>>;
interface Sample {
  readonly features: Features;
  readonly label: number;
  readonly weight: number;
}

/** Vowpal Wabbit's default update, with features by name: no hashing, no kernels, no rows. */
class Reference {
  readonly #rows = new Map<string, { w: number; g: number; n: number }>();
  readonly #isLogistic: boolean;
  #t = 0;
  #s = 0;
  #least = 0;
  #greatest = 0;

  readonly #keep: number;

  constructor(isLogistic: boolean, halfLife = Number.POSITIVE_INFINITY) {
    this.#isLogistic = isLogistic;
    this.#keep = 2 ** (-1 / halfLife);
  }

  learn({ features, label, weight }: Sample): number {
    const entries = Object.entries({ ...features, constant: 1 });
    const sum = entries.reduce((total, [name, x]) => total + (this.#rows.get(name)?.w ?? 0) * x, 0);
    const [low, high] = this.#isLogistic ? [-50, 50] : [this.#least, this.#greatest];
    const p = Math.min(high, Math.max(low, sum));
    this.#least = Math.min(this.#least, label);
    this.#greatest = Math.max(this.#greatest, label);
    const y = this.#isLogistic ? 2 * label - 1 : label;
    const slope = this.#isLogistic ? -y / (1 + Math.exp(y * p)) : 2 * (p - y);
    if (slope === 0 || weight === 0) return p;
    this.#step(entries, { p, y, weight, slope });
    return p;
  }

  #step(
    entries: readonly (readonly [string, number])[],
    { p, y, weight, slope }: { p: number; y: number; weight: number; slope: number },
  ): void {
    let norm = 0;
    let spread = 0;
    for (const [name, x] of entries) {
      if (x === 0) continue;
      const row = this.#rows.get(name) ?? { w: 0, g: 0, n: 0 };
      this.#rows.set(name, row);
      row.g = this.#keep * row.g + weight * slope * slope * x * x;
      if (Math.abs(x) > row.n) {
        if (row.n > 0) row.w *= row.n / Math.abs(x);
        row.n = Math.abs(x);
      }
      norm += (x / row.n) ** 2;
      spread += x ** 2 / (Math.sqrt(row.g) * row.n);
    }
    this.#t += weight;
    this.#s += weight * norm;
    const m = Math.sqrt(this.#t / this.#s);
    const s = spread * m;
    const u = this.#isLogistic
      ? solved(p, y, 0.5 * weight, s)
      : ((y - p) * (1 - Math.exp(-2 * 0.5 * weight * s))) / s;
    for (const [name, x] of entries) {
      if (x === 0) continue;
      const row = this.#rows.get(name)!;
      row.w += (u * m * x) / (Math.sqrt(row.g) * row.n);
    }
  }
}

/** The logistic update from its equation, e^(y q) + y q = h s + y p + e^(y p) at the end point q, by bisection. */
function solved(p: number, y: number, h: number, s: number): number {
  const wanted = h * s + y * p + Math.exp(y * p);
  let low = y * p;
  let high = y * p + h * s;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (middle + Math.exp(middle) < wanted) low = middle;
    else high = middle;
  }
  return (y * low - p) / s;
}

/** Numbers on scales far apart, one of which grows on the way, and names that come and go. */
function samplesOf(count: number, isLogistic: boolean): Sample[] {
  const random = randomFrom(7);
  return Array.from({ length: count }, (_, at) => {
    const features = {
      age: Math.fround(20 + 60 * random()),
      income: Math.fround(5000 * random() * (at > count / 2 ? 20 : 1)),
      tiny: Math.fround(random() / 1000),
      [`page${Math.floor(9 * random())}`]: 1,
    };
    const raw = 0.05 * (features.age - 50) + 300 * (features.tiny - 0.0005);
    const label = isLogistic ? Number(random() < 1 / (1 + Math.exp(-raw))) : Math.fround(3 * raw + random());
    return { features, label, weight: at % 5 === 0 ? 2 : at % 17 === 0 ? 0 : 1 };
  });
}

function learner(task: 'binary' | 'regression', kernel: KernelMode, halfLife?: number) {
  const optimizer = { name: 'nag' as const, ...(halfLife !== undefined && { halfLife }) };
  const config = modelSchema.parse({ task, kernel, optimizer, features: { bits: 14 } });
  const { model, featurizer } = buildModel(config);
  const table = new Float32Array(model.layout.keyCount * model.layout.width);
  const vector = featurizer.vector();
  const viewOf = (features: Features) => {
    featurizer.featurize(features, vector);
    return eventView(vector);
  };
  return {
    model,
    table,
    predict: (features: Features) => model.predict(table, viewOf(features)),
    learn: ({ features, label, weight }: Sample) => model.learn(table, viewOf(features), label, weight),
  };
}

const bitsOf = (table: Float32Array) => Buffer.from(table.buffer).toString('base64');

for (const task of ['binary', 'regression'] as const) {
  for (const mode of ['cpu', 'webasm'] as const) {
    t.test(`nag - ${task}, ${mode}: learns as the plain rule does`, async (t) => {
      const reference = new Reference(task === 'binary');
      const { learn, predict, model } = learner(task, mode);
      let farthest = 0;
      for (const sample of samplesOf(1500, task === 'binary')) {
        const predicted = predict(sample.features);
        const got = learn(sample);
        if (predicted !== got) t.fail('what is predicted is what is scored');
        const wanted = reference.learn(sample);
        farthest = Math.max(farthest, Math.abs(got - wanted) / Math.max(1, Math.abs(wanted)));
      }
      t.ok(farthest < 2e-3, `at most ${farthest} apart`);
      t.same(model.report(), { mode, executor: mode });
    });
  }
}

t.test('nag - with a half-life old gradients fade as in the plain rule', async (t) => {
  const reference = new Reference(true, 30);
  const { learn } = learner('binary', 'cpu', 30);
  const fixed = learner('binary', 'cpu');
  let [farthest, moved] = [0, 0];
  for (const sample of samplesOf(800, true)) {
    const got = learn(sample);
    farthest = Math.max(farthest, Math.abs(got - reference.learn(sample)));
    moved = Math.max(moved, Math.abs(got - fixed.learn(sample)));
  }
  t.ok(farthest < 5e-3, `at most ${farthest} apart`);
  t.ok(moved > 0.5, 'it makes a difference');
});

t.test('nag - numbers may be centred too', async (t) => {
  const config = modelSchema.parse({ optimizer: { name: 'nag' }, features: { bits: 8, standardize: true } });
  const [plain, shifted] = [new SequentialModel(config), new SequentialModel(config)];
  let farthest = 0;
  for (const { features, label } of samplesOf(600, true)) {
    const { age = 0 } = features;
    const own = plain.step({ features: { age }, label });
    const before = shifted.score({ age: age + 1000 });
    const other = shifted.step({ features: { age: age + 1000 }, label });
    if (sigmoid(other.raw) !== before) t.fail('what is predicted is what is counted');
    farthest = Math.max(farthest, Math.abs(own.raw - other.raw));
  }
  t.ok(farthest < 0.02, `where numbers lie does not matter: ${farthest}`);
});

t.test('nag - the scale of a number does not matter', async (t) => {
  const [plain, scaled] = [learner('binary', 'cpu'), learner('binary', 'cpu')];
  let farthest = 0;
  for (const sample of samplesOf(600, true)) {
    const { age, income, ...others } = sample.features;
    const features = { ...others, age: Math.fround(age! * 4096), income: Math.fround(income! / 1024) };
    farthest = Math.max(farthest, Math.abs(plain.learn(sample) - scaled.learn({ ...sample, features })));
  }
  t.ok(farthest < 1e-3, `${farthest}`);
});

t.test('nag - a regression never answers outside the labels so far', async (t) => {
  const { learn, predict } = learner('regression', 'cpu');
  t.equal(predict({ a: 1 }), 0);
  for (const label of [2, 5, 3, 5, 5]) learn({ features: { a: 1 }, label, weight: 1 });
  t.ok(predict({ a: 1e6 }) <= 5);
  t.ok(predict({ a: -1e6 }) >= 0);
});

t.test('nag - what is not finite is refused and changes nothing', async (t) => {
  const { learn, table } = learner('regression', 'cpu');
  learn({ features: { a: 1, b: 2 }, label: 1, weight: 1 });
  const before = Float32Array.from(table);
  for (const sample of [
    { features: { a: 1 }, label: 3e38, weight: 1 },
    { features: { a: 3e38 }, label: 1, weight: 1 },
    { features: { a: 1 }, label: 1, weight: 3e38 },
  ]) {
    try {
      learn(sample);
    } catch (error) {
      t.match(error, { kind: 'badInput', message: /not finite/ });
      t.equal(bitsOf(table), bitsOf(before));
    }
    t.ok(table.every(Number.isFinite));
    table.set(before);
  }
  t.throws(() => learn({ features: { a: 1 }, label: 3e38, weight: 1 }), /not finite/);
});

t.test('nag - the size class of an event does not show', async (t) => {
  const kernels = nagKernels('cpu', {});
  const results = [3, 30, 200].map((count) => {
    const sized = kernels.sized(count);
    const { size, rows, values } = sized;
    rows.fill(0);
    values.fill(0);
    values.set([1, -3, 0.5]);
    for (const [slot, plane] of [
      [0.1, -0.2, 0.3],
      [1, 2, 0],
      [1, 2, 0],
    ].entries())
      rows.set(plane, slot * size);
    const { sensitivity, norm } = sized.spread(0.25);
    const stepped = sized.step(0.125);
    return [
      sized.score(),
      sensitivity,
      norm,
      ...[0, 1, 2].flatMap((slot) => [...stepped.subarray(slot * size, slot * size + 3)]),
    ];
  });
  t.same(results[1], results[0]);
  t.same(results[2], results[0]);
});
