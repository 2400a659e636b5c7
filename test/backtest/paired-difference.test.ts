import t from 'tap';
import { PairedDifference, studentQuantile } from '../../src/backtest/paired-difference.ts';

/** Mulberry32: seeded, so that a bad draw is always the same one. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

t.test("Student's t - quantile .975 as in printed tables", async (t) => {
  for (const [degrees, value] of [
    [15, 2.1314],
    [31, 2.0395],
    [63, 1.9983],
    [1000, 1.9623],
  ] as const) {
    t.ok(Math.abs(studentQuantile(degrees) - value) < 2e-4, `${degrees}: ${studentQuantile(degrees)}`);
  }
});

t.test('paired difference - the mean is exact, the interval waits for enough events', async (t) => {
  const difference = new PairedDifference();
  t.equal(difference.mean, 0);
  for (let i = 1; i <= 15; i++) difference.add(i);
  t.equal(difference.mean, 8);
  t.equal(difference.interval(), undefined);
  for (let i = 16; i <= 1001; i++) difference.add(i);
  t.equal(difference.mean, 501);
  const { low, high } = difference.interval()!;
  t.ok(low < 501 && high > 501);
});

/**
 * Goal: a 95 % interval holds the truth in about 95 % of all cases, also when neighbours are alike, where the
 * interval of independent events is far too narrow. Method: 400 series of each kind, counted.
 */
t.test('paired difference - covers the truth as often as it says', async (t) => {
  const coverage = (alike: number): number => {
    let covered = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const random = randomFrom(seed);
      const difference = new PairedDifference();
      let state = 0;
      for (let i = 0; i < 5000; i++) {
        state = alike * state + (random() + random() + random() - 1.5);
        difference.add(0.1 + state);
      }
      const { low, high } = difference.interval()!;
      if (low <= 0.1 && 0.1 <= high) covered++;
    }
    return covered / 400;
  };
  for (const alike of [0, 0.9]) {
    const found = coverage(alike);
    t.ok(found > 0.91 && found < 0.98, `neighbours alike by ${alike}: ${found}`);
  }
});
