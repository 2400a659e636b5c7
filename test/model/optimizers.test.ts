import t from 'tap';
import { adagrad } from '../../src/model/optimizers/adagrad.ts';
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
