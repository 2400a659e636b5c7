import t from 'tap';
import { core } from '../../bench/core.ts';

/** What `npm run bench -- core` gives on the machine of docs/benchmarks.md, as a ratio inside one run. */
const usualRatio = 0.6;

t.test('core - the kernels have not become much slower than the plain loop', async (t) => {
  const { ratio, spread } = await core({ pairs: 5, seed: 1, say: () => undefined });
  t.ok(ratio.plain! > (usualRatio * 2) / 3, `${ratio.plain}, ${spread.join(' to ')}; usually ${usualRatio}`);
});
