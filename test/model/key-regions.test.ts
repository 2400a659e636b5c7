import t from 'tap';
import { keyCountOf, keyRegionsOf, regionNamed } from '../../src/model/key-regions.ts';

t.test('key regions - one begins where the one before it ends', async (t) => {
  const regions = keyRegionsOf([
    { name: 'hashed', rows: 256 },
    { name: 'intercept', rows: 1 },
    { name: 'optimizer', rows: 0 },
    { name: 'more', rows: 12 },
  ]);
  t.same(
    regions.map(({ firstKey }) => firstKey),
    [0, 256, 257, 257],
  );
  t.equal(keyCountOf(regions), 269);
  t.same(regionNamed(regions, 'more'), { name: 'more', firstKey: 257, rows: 12 });
  t.equal(regionNamed(regions, 'another'), undefined);
});

t.test('key regions - of nothing there are no keys', async (t) => {
  t.equal(keyCountOf(keyRegionsOf([])), 0);
});
