import fc from 'fast-check';
import t from 'tap';
import {
  addToSums,
  areaUnderCurve,
  bucketOf,
  buckets,
  metricsView,
  sumCount,
  totalsLength,
} from '../../src/model/metrics.ts';

const binary = { task: 'binary', loss: 'logistic' } as const;

interface Scored {
  readonly raw: number;
  readonly label: 0 | 1;
}

function totalsOf(predictions: readonly Scored[], weight = 1): Float64Array {
  const totals = new Float64Array(totalsLength);
  for (const { raw, label } of predictions) {
    addToSums(totals, binary, raw, label, weight);
    totals[bucketOf(raw, label)]! += 1;
  }
  return totals;
}

/** Of all pairs of a positive and a negative the share in which the positive scores above, ties one half. */
function exactArea(predictions: readonly Scored[]) {
  let won = 0;
  let pairs = 0;
  let unclear = 0;
  for (const positive of predictions) {
    for (const negative of predictions) {
      if (positive.label !== 1 || negative.label !== 0) continue;
      pairs++;
      won += positive.raw > negative.raw ? 1 : positive.raw === negative.raw ? 0.5 : 0;
      if (bucketOf(positive.raw, 0) === bucketOf(negative.raw, 0)) unclear++;
    }
  }
  return { area: won / pairs, pairs, error: unclear / 2 / pairs };
}

const anyPredictions = fc.array(
  fc.record({
    raw: fc.oneof(
      fc.double({ min: -12, max: 12, noNaN: true }),
      fc.integer({ min: -3, max: 3 }),
      fc.double({ min: -0.05, max: 0.05, noNaN: true }),
    ),
    label: fc.constantFrom<0 | 1>(0, 1),
  }),
  { maxLength: 60 },
);

t.test(
  'metrics - the AUC of the histogram is the exact one but for half of the pairs in one bucket',
  async () => {
    const property = fc.property(anyPredictions, (predictions) => {
      const { area, pairs, error } = exactArea(predictions);
      const got = areaUnderCurve(totalsOf(predictions));
      return pairs === 0 ? got === null : Math.abs(got! - area) <= error + 1e-12;
    });
    fc.assert(property, { numRuns: 400 });
  },
);

t.test('metrics - AUC at its ends', async (t) => {
  const one = (raw: number, label: 0 | 1) => ({ raw, label });
  t.equal(areaUnderCurve(totalsOf([one(-1, 0), one(1, 1)])), 1);
  t.equal(areaUnderCurve(totalsOf([one(1, 0), one(-1, 1)])), 0);
  t.equal(areaUnderCurve(totalsOf([one(0.001, 0), one(0.002, 1)])), 0.5, 'one bucket is a tie');
  t.equal(areaUnderCurve(totalsOf([one(1, 1), one(2, 1)])), null, 'one class alone');
  t.equal(areaUnderCurve(totalsOf([])), null);
});

t.test('metrics - every score has its bucket, the ends are open', async (t) => {
  t.equal(bucketOf(0, 0), sumCount + buckets / 2);
  t.equal(bucketOf(0, 1), sumCount + buckets + buckets / 2);
  t.equal(bucketOf(-1e-9, 0), sumCount + buckets / 2 - 1);
  for (const raw of [-8, -9, -3.4e38]) t.equal(bucketOf(raw, 0), sumCount);
  for (const raw of [7.999, 8, 3.4e38]) t.equal(bucketOf(raw, 1), totalsLength - 1);
  t.ok(totalsLength <= 2 ** 16, 'an index fits the 16 bits in which it travels');
});

t.test('metrics - log loss, accuracy and base rate are the weighted means', async () => {
  const property = fc.property(anyPredictions, fc.constantFrom(0.25, 1, 3), (predictions, weight) => {
    fc.pre(predictions.length > 0);
    const view = metricsView(totalsOf(predictions, weight), binary);
    const mean = (of: (prediction: Scored) => number) =>
      predictions.reduce((sum, prediction) => sum + of(prediction), 0) / predictions.length;
    const near = (got: number | null, expected: number) => Math.abs(got! - expected) < 1e-9;
    const logLoss = mean(({ raw, label }) => Math.log1p(Math.exp(label === 1 ? -raw : raw)));
    return (
      view.events === predictions.length &&
      near(view.logLoss, logLoss) &&
      view.averageLoss === view.logLoss &&
      near(
        view.accuracy,
        mean(({ raw, label }) => (raw > 0 === (label === 1) ? 1 : 0)),
      ) &&
      near(
        view.meanLabel,
        mean(({ label }) => label),
      ) &&
      view.mae === null &&
      view.rmse === null
    );
  });
  fc.assert(property);
});

t.test('metrics - a weight counts an event so many times, and 0 not at all', async (t) => {
  const totals = totalsOf([{ raw: 2, label: 1 }], 3);
  addToSums(totals, binary, -5, 1, 0);
  const view = metricsView(totals, binary);
  t.equal(view.events, 2);
  t.equal(view.accuracy, 1);
  t.equal(view.meanLabel, 1);
});

t.test('metrics - a regression has errors instead of classes', async (t) => {
  const regression = { task: 'regression', loss: 'squared' } as const;
  const totals = new Float64Array(totalsLength);
  addToSums(totals, regression, 3, 1, 1);
  addToSums(totals, regression, -1, 0, 3);
  t.same(metricsView(totals, regression), {
    events: 2,
    averageLoss: 7 / 4,
    logLoss: null,
    normalizedEntropy: null,
    accuracy: null,
    auc: null,
    mae: 5 / 4,
    rmse: Math.sqrt(7 / 4),
    meanLabel: 1 / 4,
  });
});

t.test('metrics - squared loss decides a binary label at one half and has no log loss', async (t) => {
  const squared = { task: 'binary', loss: 'squared' } as const;
  const totals = new Float64Array(totalsLength);
  addToSums(totals, squared, 0.6, 1, 1);
  addToSums(totals, squared, 0.5, 1, 1);
  const view = metricsView(totals, squared);
  t.equal(view.accuracy, 0.5);
  t.equal(view.logLoss, null);
});

t.test('metrics - nothing seen is null, not NaN', async (t) => {
  const view = metricsView(new Float64Array(totalsLength), binary);
  const { events, ...rest } = view;
  t.equal(events, 0);
  for (const [name, value] of Object.entries(rest)) t.equal(value, null, name);
});

t.test('metrics - a window is the difference of two totals', async () => {
  const property = fc.property(anyPredictions, anyPredictions, (before, after) => {
    fc.pre(after.length > 0);
    const start = totalsOf(before);
    const window = totalsOf([...before, ...after]).map((sum, at) => sum - start[at]!);
    const [got, expected] = [metricsView(window, binary), metricsView(totalsOf(after), binary)];
    return (
      got.events === expected.events &&
      got.auc === expected.auc &&
      Math.abs(got.logLoss! - expected.logLoss!) < 1e-9 &&
      Math.abs(got.accuracy! - expected.accuracy!) < 1e-12
    );
  });
  fc.assert(property);
});
