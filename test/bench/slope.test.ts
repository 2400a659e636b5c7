import t from 'tap';
import { trendOf } from '../../bench/soak/slope.ts';
import { randomOf } from '../support/data.ts';

/** A saw of garbage collection around 200 MiB, one sample a second. */
function saw(count: number, seed: number, extra: (at: number) => number): { atS: number; value: number }[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, at) => {
    return { atS: at, value: 200 + (at % 17) * 2 + random() * 4 + extra(at) };
  });
}

const verdict = (points: { atS: number; value: number }[]) => trendOf(points, 0.05, 10).verdict;

t.test('soak verdict - noise is flat, whatever its seed', async (t) => {
  for (let seed = 1; seed <= 50; seed++) t.equal(verdict(saw(300, seed, () => 0)), 'flat');
});

t.test('soak verdict - a slow leak is growing, a small one below the tolerance is not', async (t) => {
  t.equal(verdict(saw(300, 1, (at) => at / 10)), 'growing', '30 MiB in five minutes');
  t.equal(verdict(saw(300, 1, (at) => at / 60)), 'flat', '5 MiB of 200');
});

t.test('soak verdict - spikes do not make it grow, nor hide a leak', async (t) => {
  const spike = (at: number) => (at > 250 && at % 3 === 0 ? 150 : 0);
  t.equal(verdict(saw(300, 2, spike)), 'flat');
  const dip = (at: number) => at / 10 - (at > 280 ? 60 : 0);
  t.equal(verdict(saw(300, 3, dip)), 'growing', 'the last samples alone would say that it shrank');
});

t.test('soak verdict - the slope of a line is its slope; too few samples are refused', async (t) => {
  const line = Array.from({ length: 40 }, (_, at) => ({ atS: at * 2, value: 5 + at }));
  const { slope, low, high, growth, median } = trendOf(line, 0, 0);
  t.same([slope, low, high, growth, median], [0.5, 0.5, 0.5, 39, 24.5]);
  t.throws(() => trendOf(line.slice(0, 5), 0, 0), /at least 10 samples/);
});
