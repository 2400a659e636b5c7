/** Rows that a version must hold because they changed since the one before: never too few, whatever fails. */
import fc from 'fast-check';
import t from 'tap';
import { Shard } from '../../src/shard/shard.ts';
import { copyOf, newMemory, partOf, shapeOf } from './fixture.ts';

const keyCount = 12;
const who = { learner: 0, life: 1 };

type Step =
  | { readonly kind: 'learn'; readonly keys: readonly number[] }
  | { readonly kind: 'cut'; readonly stored: boolean; readonly during: readonly number[] }
  | { readonly kind: 'death' };

const someKeys = fc.uniqueArray(fc.integer({ min: 0, max: keyCount - 1 }), { minLength: 1, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('learn' as const), keys: someKeys }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('cut' as const), stored: fc.boolean(), during: someKeys }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('death' as const) }) },
);

t.test(
  'what a version laid over another holds - gives the rows of its cut, also after failed cuts',
  async (t) => {
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const shape = shapeOf({ keyCount, width: 1 });
      let memory = newMemory(shape);
      let shard = new Shard(memory);
      shard.hello(who);
      let toSeq = 0;
      /** As a store would restore it: the rows of the last stored version. */
      const restored = new Float32Array(keyCount);
      let version = 0;
      const learn = (keys: readonly number[]) => {
        toSeq++;
        shard.push(
          who,
          partOf(
            toSeq,
            [...keys].sort((a, b) => a - b),
            keys.map((key) => (toSeq + key) % 3),
          ),
        );
        shard.commit(who, toSeq);
      };
      for (const one of steps) {
        if (one.kind === 'learn') learn(one.keys);
        else if (one.kind === 'death') {
          memory = copyOf(shape, {
            rows: memory.rows.buffer as SharedArrayBuffer,
            ledger: memory.ledger.marks.buffer as SharedArrayBuffer,
            recentIds: memory.recentIds.buffer as SharedArrayBuffer,
            staging: memory.staging.map((area) => area.head.buffer as SharedArrayBuffer),
          });
          shard = new Shard(memory);
        } else {
          const atCut = Float32Array.from(memory.rows);
          shard.freeze('cut');
          learn(one.during);
          const laid = version > 0 && shard.countedFrom === version;
          const { keys, rows } = shard.image('cut', 0, laid);
          const table = laid ? Float32Array.from(restored) : new Float32Array(keyCount);
          for (const [at, key] of keys.entries()) table[key] = rows[at]!;
          t.strictSame(table, atCut);
          shard.thaw('cut', one.stored ? version + 1 : undefined);
          if (one.stored) {
            restored.set(atCut);
            version++;
          }
        }
      }
    });
    fc.assert(property, { numRuns: 150 });
  },
);

t.test('a version laid over another - is small when little was touched', async (t) => {
  const shard = new Shard(newMemory(shapeOf({ keyCount: 1000, width: 1, stagedRowsMax: 1000 } as object)));
  shard.hello(who);
  const all = Array.from({ length: 1000 }, (_, key) => key);
  shard.push(
    who,
    partOf(
      1,
      all,
      all.map(() => 1),
    ),
  );
  shard.commit(who, 1);
  shard.freeze('a');
  shard.thaw('a', 1);
  shard.push(who, partOf(2, [7], [0]));
  shard.commit(who, 2);
  shard.freeze('b');
  const { keys, rows } = shard.image('b', 0, true);
  t.strictSame([[...keys], [...rows]], [[7], [0]], 'the one row, which became zero');
});

t.test('more cuts than a byte counts - lead to a full version, and counting goes on', async (t) => {
  const shard = new Shard(newMemory(shapeOf({ keyCount, width: 1 })));
  shard.hello(who);
  let full = 0;
  for (let cut = 1; cut <= 600; cut++) {
    shard.push(who, partOf(cut, [cut % keyCount], [cut]));
    shard.commit(who, cut);
    shard.freeze('cut');
    const laid = cut > 1 && shard.countedFrom === cut - 1;
    if (!laid) full++;
    const { keys } = shard.image('cut', 0, laid);
    t.ok(laid ? keys.length === 1 && keys[0] === cut % keyCount : keys.length === Math.min(cut, keyCount));
    shard.thaw('cut', cut);
  }
  t.equal(full, 3);
});
