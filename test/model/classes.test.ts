import fc from 'fast-check';
import t from 'tap';
import { ClassNames, namesLength } from '../../src/model/class-names.ts';
import { ClassScores } from '../../src/model/class-scores.ts';
import { addPrediction, metricsView, totalsLength } from '../../src/model/metrics.ts';

const label = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
  fc.maxSafeInteger(),
  fc.boolean(),
);

t.test('class names - are read back from the table by anybody, in order of appearance', async () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(label, { maxLength: 8, selector: String }),
      fc.integer({ min: 0, max: 9 }),
      (labels, at) => {
        const table = new Float32Array(at + namesLength(8)).fill(7, 0, at);
        const [writer, reader] = [new ClassNames(undefined, 8), new ClassNames(undefined, 8)];
        for (const [number, name] of labels.entries()) {
          writer.refresh(table, at);
          if (writer.numberOf(name) !== number) return false;
          writer.write(table, at, number, name);
          writer.write(table, at, number, name);
        }
        reader.refresh(table, at);
        const same = labels.every((name, number) => reader.numberOf(String(name)) === number);
        return same && JSON.stringify(reader.labels) === JSON.stringify(labels);
      },
    ),
  );
});

t.test('class names - an entry of which a part is missing is not known yet', async (t) => {
  const whole = new Float32Array(namesLength(3));
  const writer = new ClassNames(undefined, 3);
  for (const [number, name] of ['first', 'second'].entries()) writer.write(whole, 0, number, name);
  for (let missing = namesLength(1); missing < namesLength(2); missing++) {
    if (whole[missing] === 0) continue;
    const torn = whole.slice();
    torn[missing] = 0;
    const reader = new ClassNames(undefined, 3);
    reader.refresh(torn, 0);
    t.same(reader.labels, ['first']);
    reader.refresh(whole, 0);
    t.same(reader.labels, ['first', 'second'], 'and is, once it is there');
    reader.refresh(new Float32Array(namesLength(3)), 0);
    t.same(reader.labels, [], 'a rollback takes names away');
  }
});

const raw = fc.double({ min: -30, max: 30, noNaN: true });

t.test('class scores - the gradient of softmax is that of its loss', async () => {
  fc.assert(
    fc.property(fc.array(raw, { minLength: 2, maxLength: 6 }), fc.nat(5), (scores, at) => {
      const number = at % scores.length;
      const lossAt = (moved: number, by: number): number => {
        const one = new ClassScores(scores.length, 'softmax');
        one.raw.set(scores.map((score, c) => (c === moved ? score + by : score)));
        one.settle(scores.map(String), scores.length);
        one.label = number;
        return one.loss;
      };
      const one = new ClassScores(scores.length, 'softmax');
      one.raw.set(scores);
      one.settle(scores.map(String), scores.length);
      return scores.every((_, c) => {
        const slope = (lossAt(c, 1e-4) - lossAt(c, -1e-4)) / 2e-4;
        return Math.abs(slope - (one.probabilities[c]! - (c === number ? 1 : 0))) < 1e-5;
      });
    }),
  );
});

t.test('class scores - probabilities sum to 1, and are finite at any score', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e38, max: 1e38, noNaN: true }), { minLength: 2, maxLength: 6 }),
      fc.constantFrom('softmax' as const, 'logistic' as const, 'squared' as const),
      (scores, loss) => {
        const one = new ClassScores(scores.length, loss);
        one.raw.set(scores);
        one.settle(scores.map(String), scores.length);
        const sum = one.probabilities.reduce((total, share) => total + share, 0);
        return Math.abs(sum - 1) < 1e-9 && (one.logLoss ?? 0) >= 0 && Number.isFinite(one.logLoss ?? 0);
      },
    ),
  );
});

t.test('metrics - of several classes: accuracy, log loss and macro F1', async (t) => {
  const definition = { task: 'multiclass', loss: 'softmax', classesMax: 3 } as const;
  const totals = new Float64Array(totalsLength);
  const scores = new ClassScores(3, 'softmax');
  // (label, chosen): a is met twice and found once, b found and once chosen in vain, c missed.
  for (const [number, chosen] of [
    [0, 0],
    [0, 1],
    [1, 1],
    [2, 1],
  ] as const) {
    scores.raw.fill(0);
    scores.raw[chosen] = Math.log(2);
    scores.settle(['a', 'b', 'c'], 3);
    scores.label = number;
    addPrediction(totals, definition, 0, 'a', 1, scores);
  }
  const { events, accuracy, logLoss, macroF1, meanLabel, auc, rmse } = metricsView(totals, definition);
  t.same(
    { events, accuracy, meanLabel, auc, rmse },
    { events: 4, accuracy: 0.5, meanLabel: null, auc: null, rmse: null },
  );
  t.ok(Math.abs(logLoss! - (2 * Math.log(2) + 2 * Math.log(4)) / 4) < 1e-12);
  t.ok(Math.abs(macroF1! - (2 / 3 + 1 / 2 + 0) / 3) < 1e-12);
  t.equal(metricsView(totals, { ...definition, classesMax: 46 }).macroF1, null, 'no matrix for so many');
});

t.test('class scores - a label is of the class with its text', async (t) => {
  const scores = new ClassScores(2, 'softmax');
  for (const label of [2, '2']) {
    scores.raw.set([-1, 0]);
    scores.settle(['1', '2'], 2);
    scores.judge(label);
    t.same([scores.label, scores.isCorrect], [1, true]);
  }
  t.throws(() => scores.judge(3), { message: /none of the 2 classes/ });
});

t.test('class scores - a class that was new cannot have been chosen', async (t) => {
  const scores = new ClassScores(3, 'softmax');
  scores.raw.set([-1, 0]);
  scores.settle(['a'], 2);
  scores.label = 1;
  t.same([scores.best, scores.isCorrect], [0, false]);
  const definition = { task: 'multiclass', loss: 'softmax', classesMax: 3 } as const;
  const totals = new Float64Array(totalsLength);
  scores.settle([], 1);
  scores.label = 0;
  addPrediction(totals, definition, 0, 'a', 1, scores);
  t.match(metricsView(totals, definition), { events: 1, accuracy: 0, macroF1: null }, 'nor the very first');
});
