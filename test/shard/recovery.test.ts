/**
 * Goal: a shard's thread may die between any two stores of a commit, and the next life makes it good. Method: the
 * commit runs on memory whose arrays count every store and stop at the k-th, for each k there is; then a new life
 * opens the same bytes, finishes what it finds, and is asked for the commit again, as a learner would.
 */
import t from 'tap';
import {
  createShardBuffers,
  openShardMemory,
  type ShardMemory,
  type ShardShape,
} from '../../src/shard/memory.ts';
import { Shard } from '../../src/shard/shard.ts';
import { commit, recover, stage } from '../../src/shard/staging.ts';
import { copyOf, newMemory, partOf, shapeOf, stateOf, tallyOf } from './fixture.ts';

class Death extends Error {
  override readonly message = 'the thread died here';
}
const death = { message: 'the thread died here' };

/** The array with every store reported before it happens. */
function watched<Numbers extends object>(array: Numbers, storing: () => void): Numbers {
  return new Proxy(array, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        if (name === 'set' || name === 'fill') storing();
        return value.apply(target, given);
      };
    },
    set(target, name, value) {
      storing();
      return Reflect.set(target, name, value, target);
    },
  });
}

function watchedMemory(memory: ShardMemory, storing: () => void): ShardMemory {
  const each = <Arrays extends object>(arrays: Arrays): Arrays =>
    Object.fromEntries(
      Object.entries(arrays).map(([name, array]) => [name, watched(array, storing)]),
    ) as Arrays;
  return {
    shape: memory.shape,
    rows: watched(memory.rows, storing),
    touched: watched(memory.touched, storing),
    ledger: each(memory.ledger),
    recentIds: watched(memory.recentIds, storing),
    staging: memory.staging.map(each),
  };
}

/** More in all than the ring of these tests holds. */
const idsOf = (...ids: number[]) => Uint32Array.from(ids.flatMap((id) => [id, ~id]));

/** Two batches went before; the third of learner 0 is staged, and with several learners one of the last learner too. */
function fill(memory: ShardMemory): void {
  const last = memory.shape.learners - 1;
  const none = () => undefined;
  memory.ledger.marks.fill(3);
  stage(
    memory,
    last,
    partOf(5, [1, 2, 9], [1, 2, 3, 4, 5, 6], {
      tally: tallyOf(3, { sums: [3, 7], buckets: [8, 8, 9] }),
      ids: idsOf(11, 12, 13),
    }),
  );
  commit(memory, last, 5, none, none);
  stage(
    memory,
    0,
    partOf(7, [2, 3], [10, 20, -0, 40], { tally: tallyOf(2, { sums: [5, 8], buckets: [9, 9] }) }),
  );
  commit(memory, 0, 7, none, none);
  if (last > 0) stage(memory, last, partOf(8, [2], [1, 1], { tally: tallyOf(1, { buckets: [8] }) }));
  stage(
    memory,
    0,
    partOf(9, [2, 4, 9, 39], [0.5, 0.25, 7, 8, -1, -1, -0, 0], {
      tally: tallyOf(4, { sums: [9, 9.5], buckets: [8, 10, 8, 9] }),
      ids: idsOf(14, 15, 16),
    }),
  );
}

const finish = (memory: ShardMemory) => {
  const shard = new Shard(memory);
  memory.ledger.fences.fill(1);
  shard.commit({ learner: 0, life: 1 }, 9);
  return stateOf(memory);
};

function expected(shape: ShardShape) {
  const memory = newMemory(shape);
  fill(memory);
  return finish(memory);
}

for (const learners of [1, 3]) {
  t.test(
    `a death at any store of a commit - is as if it had never been (${learners} learners)`,
    async (t) => {
      const shape = shapeOf({ learners, recentIdsMax: 4 });
      const wanted = expected(shape);
      let survived = false;
      let deaths = 0;
      for (let fatal = 1; !survived; fatal++) {
        const buffers = createShardBuffers(shape);
        const memory = openShardMemory(shape, buffers);
        fill(memory);
        let stores = 0;
        const dying = watchedMemory(memory, () => {
          if (++stores === fatal) throw new Death();
        });
        try {
          commit(
            dying,
            0,
            9,
            () => undefined,
            () => undefined,
          );
          survived = true;
        } catch (error) {
          if (!(error instanceof Death)) throw error;
          deaths++;
        }
        t.strictSame(finish(copyOf(shape, buffers)), wanted, `death before store ${fatal}`);
      }
      t.ok(deaths > 30, `${deaths} places to die`);
    },
  );

  t.test(`a second death while a new life mends - is mended too (${learners} learners)`, async (t) => {
    const shape = shapeOf({ learners, recentIdsMax: 4 });
    const wanted = expected(shape);
    const buffers = createShardBuffers(shape);
    const memory = openShardMemory(shape, buffers);
    fill(memory);
    let written = 0;
    const dieAt = (count: number) => () => {
      if (++written === count) throw new Death();
    };
    t.throws(() => commit(memory, 0, 9, dieAt(3), () => undefined), death);
    for (let fatal = 1; fatal < 30; fatal += 3) {
      const half = copyOf(shape, buffers);
      let stores = 0;
      const dying = watchedMemory(half, () => {
        if (++stores === fatal) throw new Death();
      });
      try {
        recover(dying);
      } catch (error) {
        if (!(error instanceof Death)) throw error;
      }
      t.strictSame(finish(half), wanted, `second death before store ${fatal}`);
    }
  });
}

t.test(
  'a death before any row, at each row, and after the last - wherever a callback stops it',
  async (t) => {
    const shape = shapeOf({ recentIdsMax: 4 });
    const wanted = expected(shape);
    for (let fatal = 1; fatal <= 5; fatal++) {
      const buffers = createShardBuffers(shape);
      const memory = openShardMemory(shape, buffers);
      fill(memory);
      let calls = 0;
      const die = () => {
        if (++calls === fatal) throw new Death();
      };
      t.throws(() => commit(memory, 0, 9, die, die), death);
      t.strictSame(finish(openShardMemory(shape, buffers)), wanted);
    }
  },
);

t.test('recovery - a staged batch waits for its verdict, one half pushed is forgotten', async (t) => {
  const shape = shapeOf({ learners: 2 });
  const buffers = createShardBuffers(shape);
  const memory = openShardMemory(shape, buffers);
  stage(memory, 0, partOf(4, [1], [1, 1], { tally: tallyOf(1) }));
  stage(memory, 1, partOf(6, [2], [1, 1], { parts: 2 }));
  const shard = new Shard(openShardMemory(shape, buffers));
  t.same(shard.hello({ learner: 0, life: 1 }), { committedTo: 0, stagedTo: 4 });
  t.same(shard.hello({ learner: 1, life: 1 }), { committedTo: 0, stagedTo: 0 });
  t.throws(() => shard.push({ learner: 1, life: 1 }, partOf(6, [3], [1, 1], { part: 1, parts: 2 })), {
    name: 'MillraceError',
    kind: 'conflict',
  });
  t.ok(
    memory.rows.every((value) => value === 0),
    'nothing of either is in the rows',
  );
});
