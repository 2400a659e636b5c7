import fc from 'fast-check';
import t from 'tap';
import { keyRangeOf } from '../../src/base/key-range.ts';
import type { ShardImage } from '../../src/checkpoint/store.ts';
import { totalsLength } from '../../src/model/metrics.ts';
import { loadParameters } from '../../src/server/parameters.ts';
import { openShardMemory } from '../../src/shard/memory.ts';
import { Shard } from '../../src/shard/shard.ts';
import { shapeOf } from '../shard/fixture.ts';

const shapesOf = (shards: number, keyCount: number, width: number) =>
  Array.from({ length: shards }, (_, shard) => shapeOf({ shard, shards, keyCount, width, partitions: 3 }));

/** A table as the images of so many shards: rows that are not all zero. */
function imagesOf(table: Float32Array, shards: number, keyCount: number, width: number): ShardImage[] {
  return Array.from({ length: shards }, (_, shard) => {
    const { start, end } = keyRangeOf(shard, shards, keyCount);
    const row = (key: number) => table.subarray(key * width, (key + 1) * width);
    const keys = Uint32Array.from(
      Array.from({ length: end - start }, (_, at) => start + at).filter((key) =>
        row(key).some((slot) => !Object.is(slot, 0)),
      ),
    );
    const rows = Float32Array.from(Array.from(keys, (key) => Array.from(row(key))).flat());
    return { start, end, rowWidth: width, keys, rows };
  });
}

t.test('parameters - come from any number of shards into any number, bit for bit', async (t) => {
  const value = fc.constantFrom(0, 0, -0, 1, -2.5, Number.NaN);
  const property = fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 3 }),
    fc.array(value, { minLength: 60, maxLength: 60 }),
    (from, to, width, values) => {
      const keyCount = 20;
      const table = Float32Array.from(values.slice(0, keyCount * width));
      const shapes = shapesOf(to, keyCount, width);
      const images = imagesOf(table, from, keyCount, width);
      const marks = Float64Array.of(4, 5, 6);
      const buffers = loadParameters(shapes, { version: 0, images, marks, totals: [7, 8, 9, 10] });
      const loaded = shapes.flatMap((shape, at) => Array.from(openShardMemory(shape, buffers[at]!).rows));
      return (
        loaded.length === table.length &&
        loaded.every((slot, at) => Object.is(slot, table[at])) &&
        shapes.every((shape, at) => new Shard(openShardMemory(shape, buffers[at]!)).seq === 4)
      );
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
});

t.test(
  "the ledger - starts from the version's marks and totals, with nothing committed or staged",
  async (t) => {
    const shapes = shapesOf(2, 20, 1);
    const totals = Array.from({ length: totalsLength }, (_, at) => at / 2);
    for (const buffers of loadParameters(shapes, {
      version: 3,
      images: [],
      marks: Float64Array.of(4, 5, 6),
      totals: [7, 8, ...totals, 99, 3],
    })) {
      const shard = new Shard(openShardMemory(shapes[0]!, buffers));
      const { ledger } = shard.memory;
      t.strictSame(Array.from(ledger.marks), [4, 5, 6]);
      t.strictSame(Array.from(ledger.counts), [7, 8, 99, 3, 0]);
      t.strictSame(Array.from(ledger.totals), totals);
      t.equal(shard.countedFrom, 3);
      t.strictSame(shard.hello({ learner: 0, life: 1 }), { committedTo: 0, stagedTo: 0 });
    }
  },
);

t.test('an empty model - is all zero', async (t) => {
  const shapes = shapesOf(1, 20, 2);
  const [buffers] = loadParameters(shapes, {
    version: 0,
    images: [],
    marks: new Float64Array(3),
    totals: [],
  });
  const { rows, ledger } = openShardMemory(shapes[0]!, buffers!);
  t.ok([...rows, ...ledger.counts, ...ledger.totals, ...ledger.marks].every((value) => value === 0));
});
