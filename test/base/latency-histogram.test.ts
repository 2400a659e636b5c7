import t from 'tap';
import { LatencyHistogram } from '../../src/base/latency-histogram.ts';

t.test('latency histogram - quantiles are right to two digits', async (t) => {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= 1000; ms++) histogram.recordMs(ms);
  const { count, p50Ms, p90Ms, p99Ms, maxMs } = histogram.quantiles();
  t.equal(count, 1000);
  for (const [got, expected] of [
    [p50Ms, 500],
    [p90Ms, 900],
    [p99Ms, 990],
    [maxMs, 1000],
  ] as const) {
    t.ok(Math.abs(got - expected) <= expected * 0.01, `${got} for ${expected}`);
  }
});

t.test('latency histogram - empty, it says 0 of everything and has nothing to take', async (t) => {
  const histogram = new LatencyHistogram();
  t.same(histogram.quantiles(), { count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 });
  t.equal(histogram.take(), undefined);
});

t.test('latency histogram - what is taken adds up elsewhere to the same', async (t) => {
  const one = new LatencyHistogram();
  const other = new LatencyHistogram();
  const whole = new LatencyHistogram();
  const merged = new LatencyHistogram();
  for (let i = 0; i < 500; i++) {
    const ms = 0.05 * 1.02 ** i;
    (i % 3 === 0 ? one : other).recordMs(ms);
    whole.recordMs(ms);
  }
  for (const part of [one, other]) merged.merge(part.take()!);
  const [got, expected] = [merged.quantiles(), whole.quantiles()];
  t.same({ ...got, maxMs: 0 }, { ...expected, maxMs: 0 });
  t.ok(Math.abs(got.maxMs - expected.maxMs) <= expected.maxMs * 0.01, `${got.maxMs} for ${expected.maxMs}`);
  t.equal(one.take(), undefined, 'taking empties');
});

t.test('latency histogram - times out of range count at its ends', async (t) => {
  const histogram = new LatencyHistogram();
  for (const ms of [-5, 0, 1e-9]) histogram.recordMs(ms);
  t.equal(histogram.quantiles().maxMs, 0.001, 'clocks that disagree give one microsecond');
  histogram.recordMs(1e12);
  histogram.recordMs(Number.POSITIVE_INFINITY);
  const { count, maxMs } = histogram.quantiles();
  t.equal(count, 5);
  t.ok(Math.abs(maxMs - 600_000) <= 6_000, `${maxMs} ms is ten minutes`);
});
