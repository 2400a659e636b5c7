import fc from 'fast-check';
import t from 'tap';
import { IdIndex } from '../../src/shard/id-index.ts';

/** Few different ids that meet in their homes, so that chains form, break and go round the end. */
const half = fc.integer({ min: 1, max: 40 }).map((n) => Math.imul(n, 0x01000193) >>> 0);
const id = fc.tuple(half, half);

t.test('id index - finds what a map finds, through overwriting, removal and growth', async (t) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 700 }),
    fc.array(id, { maxLength: 3_000 }),
    (places, added) => {
      const ids = new Uint32Array(2 * places);
      const index = new IdIndex(ids);
      const map = new Map<string, number>();
      for (const [n, [high, low]] of added.entries()) {
        if (map.has(`${high} ${low}`)) continue;
        const place = n % places;
        index.remove(place);
        map.delete(`${ids[2 * place]} ${ids[2 * place + 1]}`);
        ids.set([high, low], 2 * place);
        index.add(place);
        map.set(`${high} ${low}`, place);
      }
      return added.every(([high, low]) => index.find(high, low) === (map.get(`${high} ${low}`) ?? -1));
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }));
});

t.test('id index - a hundred thousand ids in a ring of a tenth', async (t) => {
  const places = 10_000;
  const ids = new Uint32Array(2 * places);
  const index = new IdIndex(ids);
  for (let n = 0; n < 100_000; n++) {
    const place = n % places;
    index.remove(place);
    ids.set([Math.imul(n, 0x9e3779b1) >>> 0, n], 2 * place);
    index.add(place);
  }
  const found = (n: number) => index.find(Math.imul(n, 0x9e3779b1) >>> 0, n);
  t.ok(Array.from({ length: places }, (_, n) => 90_000 + n).every((n) => found(n) === n % places));
  t.ok(
    Array.from({ length: 90_000 }, (_, n) => n).every((n) => found(n) === -1),
    'the others are gone',
  );
});
