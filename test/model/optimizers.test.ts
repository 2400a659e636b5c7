import fc from 'fast-check';
import t from 'tap';
import { adagrad } from '../../src/model/optimizers/adagrad.ts';
import type { AdamConfig } from '../../src/model/optimizers/adam.ts';
import { ftrl } from '../../src/model/optimizers/ftrl.ts';
import { sgd } from '../../src/model/optimizers/sgd.ts';
import { checkOptimizer, type OptimizerCase } from '../checks/optimizer.ts';

function sgdCase(learningRate: number, interceptLearningRate?: number): OptimizerCase {
  return {
    config: { name: 'sgd', learningRate, interceptLearningRate },
    step: ([w], g, intercept) => [
      w! - (intercept ? (interceptLearningRate ?? learningRate) : learningRate) * g,
    ],
    weight: ([w]) => w!,
  };
}

function adagradCase(learningRate: number, epsilon: number, interceptLearningRate?: number): OptimizerCase {
  return {
    config: { name: 'adagrad', learningRate, epsilon, interceptLearningRate },
    step: ([w, n], g, intercept) => {
      const rate = intercept ? (interceptLearningRate ?? learningRate) : learningRate;
      const squares = n! + g ** 2;
      return [w! - (rate / (squares + epsilon) ** 0.5) * g, squares];
    },
    weight: ([w]) => w!,
  };
}

function ftrlCase(alpha: number, beta: number, l1: number, l2: number): OptimizerCase {
  const weight = ([z, n]: readonly number[]): number => {
    if (Math.abs(z!) <= l1) return 0;
    const divisor = (beta + n! ** 0.5) / alpha + l2;
    return divisor === 0 ? 0 : (Math.sign(z!) * l1 - z!) / divisor;
  };
  return {
    config: { name: 'ftrl', alpha, beta, l1, l2 },
    step: (row, g) => {
      const [z, n] = row;
      const sigma = ((n! + g ** 2) ** 0.5 - n! ** 0.5) / alpha;
      return [z! + g - sigma * weight(row), n! + g ** 2];
    },
    weight,
  };
}

const sign = Math.sign;
/** Towards 0, and there at the latest. */
const drawnBy = (weight: number, by: number): number => sign(weight) * Math.max(0, Math.abs(weight) - by);

/** Rows of rules that keep running means: any weight, means of gradients, means of squares. */
const meanRows = fc.tuple(anyNumber(-100, 100), anyNumber(-5, 5), anyNumber(0, 25), anyNumber(0, 25));

function anyNumber(min: number, max: number): fc.Arbitrary<number> {
  return fc.float({ min, max, noNaN: true }).map((number) => number + 0);
}

const firstOf = (slots: number): fc.Arbitrary<number[]> => meanRows.map((row) => row.slice(0, slots));
const slotsOf = (...slots: number[]): fc.Arbitrary<number[]> =>
  meanRows.map((row) => slots.map((slot) => row[slot]!));

function momentumCase(penalties: { l1?: number; l2?: number }): OptimizerCase {
  const { l1 = 0, l2 = 0 } = penalties;
  return {
    config: { name: 'momentum', learningRate: 0.05, rho: 0.8, nesterov: false, ...penalties },
    step: ([w, v], gradient, intercept) => {
      const g = gradient + (intercept ? 0 : l2) * w!;
      const next = 0.8 * v! + 0.05 * g;
      return [drawnBy(w! - next, intercept ? 0 : 0.05 * l1), next];
    },
    weight: ([w]) => w!,
    drifts: true,
    rows: firstOf(2),
    near: 0.1,
  };
}

function adamCase(variant: AdamConfig['variant'], penalties: { l1?: number; l2?: number }): OptimizerCase {
  const { l1 = 0, l2 = 0 } = penalties;
  const [rate, beta1, beta2, epsilon] = [0.02, 0.9, 0.99, 1e-8];
  return {
    config: { name: 'adam', learningRate: rate, beta1, beta2, epsilon, variant, ...penalties },
    step: ([w, m, v, largest], gradient, intercept, [first, second]) => {
      const g = gradient + (intercept ? 0 : l2) * w!;
      const mean = beta1 * m! + (1 - beta1) * g;
      const squares = beta2 * v! + (1 - beta2) * g ** 2;
      const unbiased = beta1 * mean + (1 - beta1) * g;
      const rules = {
        adam: { moved: mean, by: squares ** 0.5, slots: [squares] },
        amsgrad: {
          moved: mean,
          by: Math.max(largest ?? 0, squares) ** 0.5,
          slots: [squares, Math.max(largest ?? 0, squares)],
        },
        adamax: {
          moved: mean,
          by: Math.max(beta2 * v!, Math.abs(g)),
          slots: [Math.max(beta2 * v!, Math.abs(g))],
        },
        nadam: { moved: unbiased, by: (squares * second) ** 0.5, slots: [squares] },
      };
      const { moved, by, slots } = rules[variant];
      const step = (rate * first) / (by + epsilon);
      return [drawnBy(w! - step * moved, intercept ? 0 : step * l1), mean, ...slots];
    },
    weight: ([w]) => w!,
    drifts: true,
    rows: firstOf(variant === 'amsgrad' ? 4 : 3),
    near: 0.12,
  };
}

function adaboundCase(penalties: { l1?: number; l2?: number }): OptimizerCase {
  const { l1 = 0, l2 = 0 } = penalties;
  return {
    config: {
      name: 'adabound',
      learningRate: 0.02,
      finalLearningRate: 0.05,
      gamma: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-6,
      ...penalties,
    },
    step: ([w, m, v], gradient, intercept, [bias, steps]) => {
      const g = gradient + (intercept ? 0 : l2) * w!;
      const mean = 0.9 * m! + (1 - 0.9) * g;
      const squares = 0.99 * v! + (1 - 0.99) * g ** 2;
      const [least, most] = [0.05 - 0.05 / (0.01 * steps + 1), 0.05 + 0.05 / (0.01 * steps)];
      const step = Math.max(least, Math.min(most, (0.02 * bias) / (squares ** 0.5 + 1e-6)));
      return [drawnBy(w! - step * mean, intercept ? 0 : step * l1), mean, squares];
    },
    weight: ([w]) => w!,
    drifts: true,
    rows: firstOf(3),
    near: 0.12,
  };
}

function rmspropCase(penalties: { l1?: number; l2?: number }): OptimizerCase {
  const { l1 = 0, l2 = 0 } = penalties;
  return {
    config: { name: 'rmsprop', learningRate: 0.02, rho: 0.9, epsilon: 1e-6, ...penalties },
    step: ([w, s], gradient, intercept) => {
      const g = gradient + (intercept ? 0 : l2) * w!;
      const squares = 0.9 * s! + (1 - 0.9) * g ** 2;
      const step = 0.02 / (squares + 1e-6) ** 0.5;
      return [drawnBy(w! - step * g, intercept ? 0 : step * l1), squares];
    },
    weight: ([w]) => w!,
    drifts: true,
    rows: slotsOf(0, 2),
    near: 0.12,
  };
}

function adadeltaCase(penalties: { l1?: number; l2?: number }): OptimizerCase {
  const { l1 = 0, l2 = 0 } = penalties;
  return {
    config: { name: 'adadelta', rho: 0.9, epsilon: 1e-4, ...penalties },
    step: ([w, s, m], gradient, intercept) => {
      const g = gradient + (intercept ? 0 : l2) * w!;
      const squares = 0.9 * s! + (1 - 0.9) * g ** 2;
      const step = (m! + 1e-4) ** 0.5 / (squares + 1e-4) ** 0.5;
      const next = 0.9 * m! + (1 - 0.9) * (step * g) ** 2;
      return [drawnBy(w! - step * g, intercept ? 0 : step * l1), squares, next];
    },
    weight: ([w]) => w!,
    drifts: true,
    rows: slotsOf(0, 2, 3),
    near: 0.12,
  };
}

const pistolCase: OptimizerCase = {
  config: { name: 'pistol', alpha: 1, beta: 0.5 },
  step: ([z, n, scale], g) => [z! - g, n! + Math.abs(g), Math.max(scale!, 1)],
  weight: ([z, n, before]) => {
    const scale = Math.max(before!, 1);
    const c = 1 / (scale * (n! + scale));
    return (n! ** 0.5 / 2) * z! * Math.E ** (z! ** 2 * c * 0.5) * c;
  },
  // z is a sum of what n is the sum of the absolute values of.
  rows: fc
    .tuple(anyNumber(0, 50), fc.float({ min: -1, max: 1, noNaN: true }), anyNumber(0, 3))
    .map(([n, part, scale]) => [n * part * 0.5 + 0, n, scale]),
  drifts: true,
  near: 0.08,
};

const penalties = { l1: 0.05, l2: 0.02 };
checkOptimizer(t, 'momentum', momentumCase({}));
checkOptimizer(t, 'momentum with penalties', { ...momentumCase(penalties), near: 0.2 });
for (const variant of ['adam', 'amsgrad', 'adamax', 'nadam'] as const) {
  checkOptimizer(t, variant, adamCase(variant, {}));
  checkOptimizer(t, `${variant} with penalties`, { ...adamCase(variant, penalties), near: 0.25 });
}
checkOptimizer(t, 'adabound', adaboundCase({}));
checkOptimizer(t, 'adabound with penalties', { ...adaboundCase(penalties), near: 0.25 });
checkOptimizer(t, 'rmsprop', rmspropCase({}));
checkOptimizer(t, 'rmsprop with penalties', { ...rmspropCase(penalties), near: 0.25 });
checkOptimizer(t, 'adadelta', adadeltaCase({}));
checkOptimizer(t, 'adadelta with penalties', { ...adadeltaCase(penalties), near: 0.25 });
checkOptimizer(t, 'pistol', pistolCase);

checkOptimizer(t, 'sgd', sgdCase(0.05));
checkOptimizer(t, 'sgd with an intercept rate', sgdCase(0.05, 0.01));
checkOptimizer(t, 'adagrad', adagradCase(0.1, 1e-8));
checkOptimizer(t, 'adagrad with an intercept rate', adagradCase(0.3, 0.5, 0.02));
checkOptimizer(t, 'ftrl', ftrlCase(0.1, 1, 0, 0));
checkOptimizer(t, 'ftrl with l1 and l2', ftrlCase(0.5, 1, 0.4, 0.1));

t.test('ftrl - weights of features seen little stay exactly 0 under l1', async (t) => {
  const rule = ftrl({ name: 'ftrl', alpha: 0.1, beta: 1, l1: 2, l2: 0 });
  const row = new Float32Array(2);
  let steps = 0;
  while (rule.weight(row, 0) === 0 && steps < 100) {
    rule.step(row, 0, 0.5, false);
    steps++;
  }
  t.equal(steps, 5, 'five gradients of one half pass 2, four do not');
  t.ok(rule.weight(row, 0) < 0);
  t.equal(rule.weight(new Float32Array([2, 9]), 0), 0, 'at the bound itself it is 0');
  t.equal(rule.weight(new Float32Array([-2, 9]), 0), 0);
});

t.test('ftrl - without beta a gradient whose square is lost gives no infinite weight', async (t) => {
  const rule = ftrl({ name: 'ftrl', alpha: 0.1, beta: 0, l1: 0, l2: 0 });
  const row = new Float32Array(2);
  rule.step(row, 0, 1e-30, false);
  t.same([...row], [Math.fround(1e-30), 0]);
  t.equal(rule.weight(row, 0), 0);
  rule.step(row, 0, 0.5, false);
  t.ok(Number.isFinite(rule.weight(row, 0)), 'and it learns on');
});

t.test(
  'optimisers - the intercept rate is for the intercept alone, and by default that of the rest',
  async (t) => {
    const moved = (rule: ReturnType<typeof sgd>, intercept: boolean) => {
      const row = new Float32Array(rule.slots.length);
      rule.step(row, 0, 1, intercept);
      return rule.weight(row, 0);
    };
    const slow = { learningRate: 0.5, interceptLearningRate: 0.25 } as const;
    t.equal(moved(sgd({ name: 'sgd', ...slow }), true), -0.25);
    t.equal(moved(sgd({ name: 'sgd', ...slow }), false), -0.5);
    t.equal(moved(sgd({ name: 'sgd', learningRate: 0.5 }), true), -0.5);
    const damped = { name: 'adagrad', epsilon: 3 / 1, learningRate: 0.5 } as const;
    t.equal(moved(adagrad({ ...damped, interceptLearningRate: 0.25 }), true), -0.125);
    t.equal(moved(adagrad(damped), true), -0.25);
  },
);

t.test('adagrad - the first step is the rate, whatever the gradient', async (t) => {
  const rule = adagrad({ name: 'adagrad', learningRate: 0.1, epsilon: 1e-20 });
  for (const gradient of [1e-3, 1, -1e3]) {
    const row = new Float32Array(2);
    rule.step(row, 0, gradient, false);
    t.equal(row[0], Math.fround(-0.1 * Math.sign(gradient)));
  }
});

t.test('sgd - the rate falls with the weight of events, and is whole for the first', async (t) => {
  const { factors } = sgd({ name: 'sgd', learningRate: 1, power: 0.5, offset: 4 });
  t.equal(factors?.of, 'weight');
  t.same(
    [1, 5, 13].map((total) => factors?.at(total)[0]),
    [1, 0.5 ** 0.5, 0.5],
  );
  t.equal(factors?.at(0.25)[0], 1, 'never above');
});

t.test('sgd - penalties draw weights towards 0 and leave the intercept alone', async (t) => {
  const rule = sgd({ name: 'sgd', learningRate: 0.5, l1: 0.25, l2: 0.5 });
  const stepped = (weight: number, intercept: boolean) => {
    const row = Float32Array.of(weight);
    rule.step(row, 0, 0, intercept);
    return row[0];
  };
  t.equal(stepped(2, false), 1.375);
  t.equal(stepped(-2, false), -1.375);
  t.equal(stepped(0.125, false), 0, 'and stop there');
  t.equal(stepped(2, true), 2);
});
