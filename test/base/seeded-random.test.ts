import t from 'tap';
import { seededRandom } from '../../src/base/seeded-random.ts';

t.test('seeded random - the same text gives the same numbers, another one others', async (t) => {
  const numbers = (seed: string) => Array.from({ length: 5 }, seededRandom(seed));
  t.strictSame(numbers('a'), numbers('a'));
  t.notSame(numbers('a'), numbers('b'));
  t.notSame(numbers(''), numbers('\u0000'));
});

/** Chi-square of counts that should all be the same. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

t.test('seeded random - is uniform along one seed, and over seeds that differ in one digit', async (t) => {
  // 99.9 % of chi-square with 99 degrees of freedom lies below 149.
  const along = new Array<number>(100).fill(0);
  const random = seededRandom('x');
  for (let i = 0; i < 100_000; i++) along[Math.floor(random() * 100)]!++;
  t.ok(chiSquare(along) < 149, `${chiSquare(along)}`);
  for (const draw of [0, 1, 2]) {
    const over = new Array<number>(100).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const next = seededRandom(`m/${i}`);
      for (let skipped = 0; skipped < draw; skipped++) next();
      over[Math.floor(next() * 100)]!++;
    }
    t.ok(chiSquare(over) < 149, `draw ${draw}: ${chiSquare(over)}`);
  }
});
