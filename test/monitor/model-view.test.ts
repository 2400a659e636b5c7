import t from 'tap';
import { bytesOf, doublesOf } from '../../src/base/bytes.ts';
import { LatencyHistogram } from '../../src/base/latency-histogram.ts';
import { sums, totalsLength } from '../../src/model/metrics.ts';
import { ModelView } from '../../src/monitor/model-view.ts';
import type { PredictorReport, ShardReport } from '../../src/protocol/internal.ts';

/** A shard's report after so many events, each with a loss of `lossEach`. */
function shardReport(learned: number, epoch = 1, lossEach = 1): ShardReport {
  const totals = new Float64Array(totalsLength);
  totals[sums.events] = learned;
  totals[sums.loss] = learned * lossEach;
  return {
    kind: 'shard',
    model: 'm',
    epoch,
    seq: learned + 10,
    learned,
    rejected: 2,
    excluded: 3,
    duplicates: 4,
    missing: 5,
    totals: bytesOf(totals),
  };
}

const eventsIn = (totals: Uint8Array | undefined) => totals && doublesOf(totals)[sums.events];

/** Reports every 250 ms from 0 on, `perReport` events in each; returns the time of the last. */
function steady(view: ModelView, reports: number, perReport: number): number {
  for (let i = 0; i < reports; i++) view.take(shardReport((i + 1) * perReport), i * 250);
  return (reports - 1) * 250;
}

t.test('model view - before any report it is empty', async (t) => {
  const data = new ModelView(100).data(5);
  t.match(data, {
    seq: 0,
    learned: 0,
    rejected: 0,
    eventsPerSecond: 0,
    predictions: { count: 0, failed: 0 },
  });
  t.equal(data.totals, undefined);
  t.equal(data.windowTotals, undefined);
  t.equal(data.kernels, undefined);
});

t.test('model view - shows the latest report', async (t) => {
  const view = new ModelView(100);
  view.take(shardReport(5), 0);
  view.take(shardReport(40), 250);
  const data = view.data(250);
  t.match(data, { seq: 50, learned: 40, rejected: 2, excluded: 3, duplicates: 4, missing: 5 });
  t.equal(eventsIn(data.totals), 40);
  t.equal(eventsIn(data.windowTotals), 40, 'a window that is not yet full holds everything');
});

t.test('model view - the window is the last events, or a little more', async (t) => {
  const view = new ModelView(100);
  const now = steady(view, 60, 30);
  t.equal(eventsIn(view.data(now).totals), 1800);
  t.equal(eventsIn(view.data(now).windowTotals), 120, 'the first multiple of 30 that is not below 100');
});

t.test('model view - a long life neither grows the ring nor loses the latest report', async (t) => {
  const view = new ModelView(1000);
  for (let i = 1; i <= 5000; i++) {
    view.take(shardReport(i * 10), i * 250);
    const data = view.data(i * 250);
    if (eventsIn(data.totals) !== i * 10) return t.fail(`report ${i} shows ${eventsIn(data.totals)}`);
    const window = eventsIn(data.windowTotals)!;
    if (i > 200 && (window < 1000 || window > 2000)) return t.fail(`window of ${window} at report ${i}`);
  }
  t.pass();
});

t.test(
  'model view - the rate is that of the last two seconds, and falls to 0 when nothing comes',
  async (t) => {
    const view = new ModelView(100);
    const end = steady(view, 40, 25);
    t.equal(view.data(end).eventsPerSecond, 100);
    for (let now = end + 250; now <= end + 10_000; now += 250) {
      view.take(shardReport(1000), now);
      const rate = view.data(now).eventsPerSecond;
      if (now >= end + 2000) t.equal(rate, 0, `${now - end} ms after the last event`);
      else t.ok(rate > 0 && rate < 100, `${now - end} ms after the last event: ${rate}`);
    }
    t.equal(eventsIn(view.data(end + 10_000).windowTotals), 100, 'the window is still there');
  },
);

t.test('model view - a first report has no rate', async (t) => {
  const view = new ModelView(100);
  view.take(shardReport(1_000_000), 1000);
  t.equal(view.data(1000).eventsPerSecond, 0);
  t.equal(view.data(9000).eventsPerSecond, 0, 'events of before are not of now');
});

t.test('model view - after a rollback neither window nor rate reaches across', async (t) => {
  const view = new ModelView(100);
  const end = steady(view, 40, 100);
  view.take(shardReport(500, 2, 7), end + 250);
  const data = view.data(end + 250);
  t.equal(data.learned, 500);
  t.equal(data.eventsPerSecond, 0);
  const window = doublesOf(data.windowTotals!);
  t.same([window[sums.events], window[sums.loss]], [500, 3500]);
  view.take(shardReport(620, 2, 7), end + 1250);
  t.equal(eventsIn(view.data(end + 1250).windowTotals), 120);
  t.equal(view.data(end + 1250).eventsPerSecond, 120);
});

t.test('model view - a late report of an older epoch changes nothing', async (t) => {
  const view = new ModelView(100);
  view.take(shardReport(500, 2), 0);
  view.take(shardReport(700, 2), 1000);
  const before = view.data(1000);
  for (const learned of [100, 900]) view.take(shardReport(learned, 1), 1000);
  t.same(view.data(1000), before);
});

t.test('model view - predictor reports add up, whoever they come from', async (t) => {
  const view = new ModelView(100);
  const report = (predictor: number, ms: number): PredictorReport => {
    const latency = new LatencyHistogram();
    latency.recordMs(ms);
    const taken = latency.take();
    const counts = { epoch: 1, seq: 1, version: 0, answered: 3, failed: 1, shed: 2 };
    return { kind: 'predictor', model: 'm', predictor, ...counts, latency: taken, freshness: taken };
  };
  view.take(report(0, 1), 0);
  view.take(report(1, 4), 0);
  view.take({ ...report(1, 4), latency: undefined, freshness: undefined }, 0);
  const { predictions, freshness } = view.data(0);
  t.match(predictions, { count: 9, failed: 3, shed: 6, latency: { count: 2 } });
  t.equal(freshness.count, 2);
  t.ok(Math.abs(predictions.latency.maxMs - 4) < 0.05);
});

t.test('model view - shows what kernels the learner runs', async (t) => {
  const view = new ModelView(100);
  const kernels = { mode: 'webasm', executor: 'cpu', fallback: 'no threads' };
  view.take({ kind: 'learner', model: 'm', learner: 0, kernels }, 0);
  view.take({ kind: 'predictors', model: 'm', running: 2 }, 0);
  t.same(view.data(0).kernels, kernels);
});
