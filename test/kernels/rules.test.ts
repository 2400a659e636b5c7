/**
 * What a model adds to the rules of its coordinates: counts, schedules, followed steps, an intercept of its own, bounds;
 * and coin betting. Goal: the same numbers as the rule written down once more by name, in doubles, with no rows and no
 * kernels. Method: a few hundred events whose features come and go, on both backends.
 */
import t from 'tap';
import { type KernelMode, type ModelInput, modelSchema } from '../../config/schema.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { viewOf } from '../../src/kernels/online-model.ts';
import { lossFunction } from '../../src/model/losses.ts';
import { randomFrom } from '../checks/kernels.ts';

interface Sample {
  readonly features: Readonly<Record<string, number>>;
  readonly label: number;
  readonly weight: number;
}

const intercept = 'intercept';
type Entries = readonly (readonly [name: string, x: number])[];
const entriesOf = ({ features }: Sample): Entries => [[intercept, 1], ...Object.entries(features)];

/** Learns an event; returns the score from before. */
type Reference = (sample: Sample) => number;

function samplesOf(count: number): Sample[] {
  const random = randomFrom(11);
  return Array.from({ length: count }, (_, at) => {
    const features: Record<string, number> & { level: number } = {
      level: Math.fround(2 * random() - 1),
      ...(random() < 0.6 && { rare: Math.fround(random()) }),
      [`page${Math.floor(5 * random())}`]: 1,
    };
    const raw = 2 * features.level + (features.page1 === 1 ? 1 : -0.5);
    return {
      features,
      label: Number(random() < 1 / (1 + Math.exp(-raw))),
      weight: at % 7 === 0 ? 2 : at % 13 === 0 ? 0 : 1,
    };
  });
}

/** A linear score over weights by name. */
class Weights {
  readonly #weights = new Map<string, number>();
  of(name: string): number {
    return this.#weights.get(name) ?? 0;
  }
  set(name: string, weight: number): void {
    this.#weights.set(name, weight);
  }
  score(entries: Entries): number {
    return entries.reduce((sum, [name, x]) => sum + this.of(name) * x, 0);
  }
}

const { derivative, update } = lossFunction('logistic');

function scheduled(rate: number, power: number, offset: number): Reference {
  const weights = new Weights();
  let total = 0;
  return (sample) => {
    const entries = entriesOf(sample);
    const score = weights.score(entries);
    if (sample.weight === 0) return score;
    total += sample.weight;
    const now = rate * (offset / (offset + total - 1)) ** power;
    const gradient = sample.weight * derivative(score, sample.label);
    for (const [name, x] of entries) weights.set(name, weights.of(name) - now * gradient * x);
    return score;
  };
}

function followed(rate: number): Reference {
  const weights = new Weights();
  return (sample) => {
    const entries = entriesOf(sample);
    const score = weights.score(entries);
    const squares = entries.reduce((sum, [, x]) => sum + x * x, 0);
    const u = update(score, sample.label, rate * sample.weight, squares);
    for (const [name, x] of entries) weights.set(name, weights.of(name) + u * x);
    return score;
  };
}

function nesterov(rate: number, rho: number): Reference {
  const weights = new Weights();
  const velocities = new Weights();
  return (sample) => {
    const entries = entriesOf(sample);
    const score = weights.score(entries);
    if (sample.weight === 0) return score;
    const ahead = score - rho * velocities.score(entries);
    const gradient = sample.weight * derivative(ahead, sample.label);
    for (const [name, x] of entries) {
      velocities.set(name, rho * velocities.of(name) + rate * gradient * x);
      weights.set(name, weights.of(name) - velocities.of(name));
    }
    return score;
  };
}

/** Adam as in the first algorithm of its paper, with an intercept of plain steps. */
function adamWithPlainIntercept(rate: number, plainRate: number): Reference {
  const [weights, means, squares] = [new Weights(), new Weights(), new Weights()];
  let steps = 0;
  return (sample) => {
    const entries = entriesOf(sample);
    const score = weights.score(entries);
    if (sample.weight === 0) return score;
    steps += 1;
    const gradient = sample.weight * derivative(score, sample.label);
    for (const [name, x] of entries) {
      if (name === intercept) {
        weights.set(name, weights.of(name) - plainRate * gradient);
        continue;
      }
      means.set(name, 0.9 * means.of(name) + 0.1 * gradient * x);
      squares.set(name, 0.999 * squares.of(name) + 0.001 * (gradient * x) ** 2);
      const [bias1, bias2] = [1 - 0.9 ** steps, 1 - 0.999 ** steps];
      // The epsilon of that algorithm, brought to where the second section has it.
      const divisor = (squares.of(name) / bias2) ** 0.5 + 1e-4 / bias2 ** 0.5;
      weights.set(name, weights.of(name) - (rate * means.of(name)) / bias1 / divisor);
    }
    return score;
  };
}

function coin(alpha: number, beta: number): Reference {
  const rows = new Map<string, { z: number; n: number; won: number; scale: number; bound: number }>();
  let total = 0;
  let norms = 0;
  const rowOf = (name: string) => {
    const row = rows.get(name) ?? { z: 0, n: 0, won: 0, scale: 0, bound: 0 };
    rows.set(name, row);
    return row;
  };
  const bet = ({ z, n, won }: ReturnType<typeof rowOf>, most: number) =>
    most > 0 ? ((alpha + won) * z) / (most * (most + n)) : 0;
  return (sample) => {
    let sum = 0;
    let norm = 0;
    for (const [name, x] of entriesOf(sample)) {
      const row = rowOf(name);
      const scale = Math.max(row.scale, Math.abs(x));
      if (scale === 0) continue;
      sum += bet(row, row.bound * scale) * x;
      norm += (x / scale) ** 2;
    }
    const scoreAt = (weight: number) => sum / ((norms + weight * norm + 1e-6) / (total + weight));
    // A predictor knows no weight.
    const told = scoreAt(1);
    if (sample.weight === 0) return told;
    const score = scoreAt(sample.weight);
    total += sample.weight;
    norms += sample.weight * norm;
    const slope = sample.weight * derivative(score, sample.label);
    for (const [name, x] of entriesOf(sample)) {
      if (x === 0) continue;
      const row = rowOf(name);
      row.scale = Math.max(row.scale, Math.abs(x));
      if (Math.abs(slope) > row.bound) row.bound = Math.max(Math.abs(slope), beta);
      const weight = bet(row, row.bound * row.scale);
      row.z -= slope * x;
      row.n += Math.abs(slope * x);
      row.won -= slope * x * weight;
    }
    return told;
  };
}

/** With what all weights have shrunk to, and been drawn towards 0 by, applied to all of them at once. */
function nagWithPenalties(l1: number, l2: number): Reference {
  const rows = new Map<string, { w: number; g: number; n: number }>();
  let [t, norms, contraction, gravity] = [0, 0, 1, 0];
  const rowOf = (name: string) => {
    const row = rows.get(name) ?? { w: 0, g: 0, n: 0 };
    rows.set(name, row);
    return row;
  };
  const drawn = (weight: number) => Math.sign(weight) * Math.max(0, Math.abs(weight) - gravity);
  return (sample) => {
    const entries = entriesOf(sample).filter(([, x]) => x !== 0);
    const score = contraction * entries.reduce((sum, [name, x]) => sum + drawn(rowOf(name).w) * x, 0);
    const slope = derivative(score, sample.label);
    if (sample.weight === 0) return score;
    let [norm, spread] = [0, 0];
    for (const [name, x] of entries) {
      const row = rowOf(name);
      row.g += sample.weight * slope ** 2 * x ** 2;
      if (Math.abs(x) > row.n) {
        if (row.n > 0) row.w *= row.n / Math.abs(x);
        row.n = Math.abs(x);
      }
      norm += (x / row.n) ** 2;
      spread += x ** 2 / (Math.sqrt(row.g) * row.n);
    }
    t += sample.weight;
    norms += sample.weight * norm;
    const m = Math.sqrt(t / norms);
    const u = update(score, sample.label, 0.5 * sample.weight, spread * m);
    contraction *= 1 - l2 * (-u / slope);
    gravity += l1 * (-u / slope);
    for (const [name, x] of entries) {
      const row = rowOf(name);
      row.w += ((u / contraction) * m * x) / (Math.sqrt(row.g) * row.n);
    }
    return score;
  };
}

const cases: readonly [string, NonNullable<ModelInput['optimizer']>, () => Reference][] = [
  [
    'sgd with a falling rate',
    { name: 'sgd', learningRate: 0.5, power: 0.5, offset: 10 },
    () => scheduled(0.5, 0.5, 10),
  ],
  ['sgd with followed steps', { name: 'sgd', learningRate: 0.5, importanceAware: true }, () => followed(0.5)],
  [
    'Nesterov momentum',
    { name: 'momentum', learningRate: 0.05, rho: 0.9, nesterov: true },
    () => nesterov(0.05, 0.9),
  ],
  [
    'adam with a plain intercept',
    { name: 'adam', learningRate: 0.05, epsilon: 1e-4, plainInterceptRate: 0.1 },
    () => adamWithPlainIntercept(0.05, 0.1),
  ],
  ['nag with l1 and l2', { name: 'nag', l1: 0.002, l2: 0.02 }, () => nagWithPenalties(0.002, 0.02)],
  ['nag with l1', { name: 'nag', l1: 0.01 }, () => nagWithPenalties(0.01, 0)],
  ['coin betting', { name: 'coin', alpha: 2, beta: 0.5 }, () => coin(2, 0.5)],
];

function learner(input: ModelInput) {
  const { model, featurizer, reading } = buildModel(modelSchema.parse({ features: { bits: 14 }, ...input }));
  const table = new Float32Array(model.layout.keyCount * model.layout.width);
  const vector = featurizer.vector();
  const view = ({ features }: Sample) => {
    featurizer.featurize(features, vector);
    return viewOf(vector);
  };
  return {
    model,
    learn: (sample: Sample) => model.learn(table, view(sample), sample.label, sample.weight),
    predict: (sample: Sample) => model.predict(table, view(sample)),
    parts(sample: Sample) {
      const event = view(sample);
      const into = new Float64Array(event.to);
      reading!.contributions(table, event, into);
      return into.reduce((sum, part) => sum + part, 0);
    },
  };
}

for (const [name, optimizer, referenceOf] of cases) {
  for (const kernel of ['cpu', 'webasm'] as const satisfies readonly KernelMode[]) {
    t.test(`rules - ${name} by kernels on ${kernel} is the rule by name`, async (t) => {
      const { model, learn, predict } = learner({ optimizer, kernel });
      const reference = referenceOf();
      let farthest = 0;
      for (const sample of samplesOf(400)) {
        if (sample.weight === 1)
          t.equal(
            predict(sample),
            learnOnly(learn, sample, reference, (off) => {
              farthest = Math.max(farthest, off);
            }),
          );
        else
          learnOnly(learn, sample, reference, (off) => {
            farthest = Math.max(farthest, off);
          });
      }
      t.ok(farthest < 2e-3, `at most ${farthest} away`);
      t.match(model.report(), { mode: kernel, executor: kernel });
    });
  }

  t.test(`rules - ${name}: the parts of a score add up to it`, async (t) => {
    const { learn, predict, parts } = learner({ optimizer });
    for (const sample of samplesOf(60)) {
      const score = predict(sample);
      t.ok(Math.abs(parts(sample) - score) <= 1e-5 * Math.max(1, Math.abs(score)));
      learn(sample);
    }
  });
}

function learnOnly(
  learn: (sample: Sample) => number,
  sample: Sample,
  reference: Reference,
  note: (off: number) => void,
): number {
  const score = learn(sample);
  const wanted = reference(sample);
  note(Math.abs(score - wanted) / Math.max(1, Math.abs(wanted)));
  return score;
}

t.test('rules - l1 of nag keeps weights of what says nothing at 0', async (t) => {
  const random = randomFrom(3);
  const { learn, predict } = learner({ optimizer: { name: 'nag', l1: 0.01 } });
  for (let i = 0; i < 400; i++) {
    const label = Number(random() < 0.5);
    const noise = `noise${Math.floor(random() * 20)}`;
    learn({ features: { clue: 2 * label - 1, [noise]: 1 }, label, weight: 1 });
  }
  const of = (features: Record<string, number>) => predict({ features, label: 0, weight: 1 });
  const nothing = of({});
  const same = Array.from({ length: 20 }, (_, i) => of({ [`noise${i}`]: 1 })).filter(
    (one) => one === nothing,
  );
  t.ok(same.length >= 15, `${same.length} of 20`);
  t.ok(of({ clue: 1 }) - nothing > 1);
});

t.test('rules - scores are held within their bounds, and learned from there', async (t) => {
  const bounds = { predictionMin: 0, predictionMax: 0.25 };
  for (const optimizer of [
    { name: 'nag' },
    { name: 'sgd', learningRate: 0.5 },
    { name: 'ftrl', alpha: 1 },
  ] as const) {
    const { learn, predict } = learner({ task: 'regression', optimizer, ...bounds });
    const sample = { features: { a: 1 }, label: 1, weight: 1 };
    const scores = Array.from({ length: 40 }, () => learn(sample));
    t.ok(scores.every((score) => score >= 0 && score <= 0.25));
    t.equal(scores.at(-1), 0.25, optimizer.name);
    for (let i = 0; i < 300; i++) learn({ ...sample, label: -1 });
    t.equal(predict(sample), 0);
  }
});

t.test('rules - a count goes on beyond the steps of float32', async (t) => {
  const { learn, predict } = learner({ optimizer: { name: 'sgd', learningRate: 1, power: 1 } });
  const event = { features: { a: 1 }, label: 1, weight: 2 ** 25 };
  learn(event);
  learn({ ...event, weight: 1 });
  const before = predict(event);
  learn({ ...event, label: 0, weight: 1 });
  t.ok(Math.abs(predict(event) - before) < 1e-6, 'the rate has fallen');
});
