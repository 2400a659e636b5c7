import t from 'tap';
import { modelSchema } from '../../config/schema.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { randomFrom } from '../checks/kernels.ts';

interface Sample {
  readonly features: Readonly<Record<string, number>>;
  readonly label: 0 | 1;
}

const trueWeights: Readonly<Record<string, number>> = { age: 0.08, income: -0.0004, visits: 1.1 };

/** Three numbers on very different scales, and a label by a logistic model with some noise. */
function samplesOf(count: number): Sample[] {
  const random = randomFrom(20);
  return Array.from({ length: count }, () => {
    const features = {
      age: Math.fround(20 + 60 * random()),
      income: Math.fround(1000 + 9000 * random()),
      visits: Math.fround(Math.floor(4 * random())),
    };
    const raw = Object.entries(features).reduce((sum, [name, x]) => sum + trueWeights[name]! * x, -3.5);
    return { features, label: random() < 1 / (1 + Math.exp(-raw)) ? 1 : 0 };
  });
}

/**
 * Standard scaler and logistic regression by SGD as River has them, in double precision and by name: predict
 * with the statistics as they stand, then let them see the event, then one step on the event as now scaled.
 */
class Reference {
  readonly weights = new Map<string, number>();
  readonly #statistics = new Map<string, { count: number; mean: number; variance: number }>();
  intercept = 0;

  score(features: Sample['features']): number {
    return Object.entries(features).reduce(
      (sum, [name, x]) => sum + (this.weights.get(name) ?? 0) * this.#scaled(name, x),
      this.intercept,
    );
  }

  learn({ features, label }: Sample): void {
    for (const [name, x] of Object.entries(features)) {
      const { count, mean, variance } = this.#statistics.get(name) ?? { count: 0, mean: 0, variance: 0 };
      const next = mean + (x - mean) / (count + 1);
      const squares = variance * count + (x - mean) * (x - next);
      this.#statistics.set(name, { count: count + 1, mean: next, variance: squares / (count + 1) });
    }
    const gradient = 1 / (1 + Math.exp(-this.score(features))) - label;
    for (const [name, x] of Object.entries(features)) {
      this.weights.set(name, (this.weights.get(name) ?? 0) - 0.05 * gradient * this.#scaled(name, x));
    }
    this.intercept -= 0.01 * gradient;
  }

  #scaled(name: string, x: number): number {
    const known = this.#statistics.get(name);
    return known === undefined || known.variance === 0 ? 0 : (x - known.mean) / Math.sqrt(known.variance);
  }
}

t.test(
  'linear model - over a whole stream it is the double-precision reference within float32',
  async (t) => {
    const { featurizer, model } = buildModel(
      modelSchema.parse({
        optimizer: { name: 'sgd', learningRate: 0.05, interceptLearningRate: 0.01 },
        features: { bits: 10, standardize: true },
      }),
    );
    const reference = new Reference();
    const table = new Float32Array(model.layout.keyCount * model.layout.width);
    const vector = new SparseVector(8);
    const right = { ours: 0, theirs: 0 };
    let farthest = 0;
    const samples = samplesOf(4000);
    for (const sample of samples) {
      featurizer.featurize(sample.features, vector);
      const event = {
        rows: vector.keys,
        values: vector.values,
        numeric: vector.numeric,
        from: 0,
        to: vector.count,
        keys: undefined,
        time: 0,
        references: undefined,
      };
      const expected = reference.score(sample.features);
      const got = model.learn(table, event, sample.label, 1);
      reference.learn(sample);
      farthest = Math.max(farthest, Math.abs(got - expected));
      if (got > 0 === (sample.label === 1)) right.ours++;
      if (expected > 0 === (sample.label === 1)) right.theirs++;
    }
    t.ok(farthest < 1e-3, `scores differ by at most ${farthest}`);
    t.ok(Math.abs(right.ours - right.theirs) <= 2, `${right.ours} and ${right.theirs} right`);
    t.ok(right.ours / samples.length > 0.75, 'and it has learned');

    for (const [name, weight] of reference.weights) {
      featurizer.featurize({ [name]: 1 }, vector);
      const row = vector.keys[1]! * model.layout.width;
      t.ok(Math.abs(table[row]! - weight) < 1e-4, `${name}: ${table[row]} and ${weight}`);
    }
    const intercept = table[featurizer.interceptKey * model.layout.width]!;
    t.ok(Math.abs(intercept - reference.intercept) < 1e-4, `intercept: ${intercept}`);
  },
);
