import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { sumCount } from '../../src/model/metrics.ts';
import { createShardBuffers, openShardMemory } from '../../src/shard/memory.ts';
import { Shard } from '../../src/shard/shard.ts';
import { newMemory, partOf, shapeOf, stateOf, tallyOf } from './fixture.ts';

const who = (learner = 0, life = 1) => ({ learner, life });
const conflict = { name: 'MillraceError', kind: 'conflict' };

function greeted(shape = shapeOf()): Shard {
  const shard = new Shard(newMemory(shape));
  for (let learner = 0; learner < shape.learners; learner++) shard.hello(who(learner));
  return shard;
}

t.test('staging - changes nothing that can be read until the commit', async (t) => {
  const shard = greeted();
  const before = stateOf(shard.memory);
  shard.push(who(), partOf(5, [3, 7], [1, 2, 3, 4], { tally: tallyOf(2, { buckets: [8] }) }));
  t.strictSame(stateOf(shard.memory), before);
  t.notOk(shard.hasDelta);
  t.equal(shard.commit(who(), 5), true);
  t.strictSame(Array.from(shard.pull(who(), Uint32Array.of(7, 3, 4))), [3, 4, 1, 2, 0, 0]);
  t.equal(shard.seq, 5);
  t.strictSame(Array.from(shard.memory.ledger.counts), [2, 1, 4, 2, 0]);
  t.equal(shard.memory.ledger.totals[8], 1);
});

t.test('a commit that is repeated, or of another batch', async (t) => {
  const shard = greeted();
  t.throws(() => shard.commit(who(), 5), conflict, 'none is staged');
  shard.push(who(), partOf(5, [3], [1, 2], { tally: tallyOf(1) }));
  t.throws(() => shard.commit(who(), 6), conflict, 'another is staged');
  t.equal(shard.commit(who(), 5), true);
  const after = stateOf(shard.memory);
  t.equal(shard.commit(who(), 5), false);
  t.strictSame(stateOf(shard.memory), after);
  shard.push(who(), partOf(5, [3], [9, 9], { tally: tallyOf(1) }));
  t.same(shard.hello(who()), { committedTo: 5, stagedTo: 0 }, 'a push of what is committed stages nothing');
  shard.push(who(), partOf(6, [3], [2, 3], { parts: 2 }));
  t.throws(() => shard.commit(who(), 6), conflict, 'half of it is staged');
});

t.test('a push that is repeated - counts once, whole or part by part', async (t) => {
  const shard = greeted();
  const parts = [0, 1, 2].map((part) =>
    partOf(9, [part, 10 + part], [part, 1, part, 2], {
      part,
      parts: 3,
      ...(part === 2 ? { tally: tallyOf(3) } : {}),
    }),
  );
  for (const part of [0, 0, 1, 1, 0, 1, 2, 2, 1, 2]) shard.push(who(), parts[part]!);
  t.same(shard.hello(who()), { committedTo: 0, stagedTo: 9 });
  shard.commit(who(), 9);
  t.strictSame(
    Array.from(shard.pull(who(), Uint32Array.of(0, 10, 1, 11, 2, 12))),
    [0, 1, 0, 2, 1, 1, 1, 2, 2, 1, 2, 2],
  );
  t.strictSame(Array.from(shard.memory.ledger.counts), [3, 1, 4, 2, 0]);
});

t.test('parts of a push - out of order, or of another batch, are refused', async (t) => {
  const shard = greeted();
  const part = (toSeq: number, part: number) => partOf(toSeq, [part], [1, 1], { part, parts: 3 });
  t.throws(() => shard.push(who(), part(9, 1)), conflict);
  shard.push(who(), part(9, 0));
  t.throws(() => shard.push(who(), part(9, 2)), conflict);
  shard.push(who(), part(9, 1));
  t.throws(() => shard.push(who(), part(8, 1)), conflict, 'not a repetition: that batch is not here');
  shard.drop(who());
  t.throws(() => shard.push(who(), part(9, 2)), conflict);
});

t.test(
  'with several learners - rows, sums, counts and histogram add up, in any order of commits',
  async (t) => {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
    ]) {
      const shard = greeted(shapeOf({ learners: 3 }));
      for (const learner of [0, 1, 2]) {
        const tally = tallyOf(learner + 1, { sums: [1, learner], buckets: [20, 21 + learner, 20] });
        shard.push(who(learner), partOf(10 + learner, [4, 5 + learner], [1, 2, 3, 4], { tally }));
      }
      for (const learner of order) t.ok(shard.commit(who(learner), 10 + learner));
      t.strictSame(Array.from(shard.pull(who(), Uint32Array.of(4, 5, 6, 7))), [3, 6, 3, 4, 3, 4, 3, 4]);
      const { totals, counts, committedTo } = shard.memory.ledger;
      t.strictSame(Array.from(totals.slice(0, 3)), [3, 3, 0]);
      t.strictSame(Array.from(totals.slice(20, 24)), [6, 1, 1, 1]);
      t.strictSame(Array.from(counts), [6, 3, 12, 6, 0]);
      t.strictSame(Array.from(committedTo), [10, 11, 12]);
    }
  },
);

t.test(
  'with several learners - rows that come to more than float32 holds are held there, and counted',
  async (t) => {
    const shard = greeted(shapeOf({ learners: 2 }));
    const huge = Math.fround(3e38);
    const largest = Math.fround(3.4028234663852886e38);
    for (const learner of [0, 1, 0, 1]) {
      const toSeq = 10 + shard.memory.ledger.counts[0]!;
      shard.push(who(learner), partOf(toSeq, [4, 5], [huge, 1, 1, -huge], { tally: tallyOf(1) }));
      t.ok(shard.commit(who(learner), toSeq));
    }
    t.strictSame(Array.from(shard.pull(who(), Uint32Array.of(4, 5))), [largest, 4, 4, -largest]);
    t.equal(shard.memory.ledger.saturated[0], 6, 'two rows, by every batch but the first');
    t.strictSame(Array.from(shard.memory.ledger.totals.slice(0, 3)), [4, 0, 0]);
  },
);

t.test('with one learner - values and sums replace what was there', async (t) => {
  const shard = greeted();
  for (const [toSeq, sum] of [
    [5, 4],
    [6, 9],
  ] as const) {
    shard.push(who(), partOf(toSeq, [1], [sum, -0], { tally: tallyOf(1, { sums: [sum] }) }));
    shard.commit(who(), toSeq);
  }
  t.ok(Object.is(shard.memory.rows[3], -0), 'bit for bit');
  t.equal(shard.memory.rows[2], 9);
  t.strictSame(Array.from(shard.memory.ledger.totals.slice(0, sumCount)), [9, 0, 0, 0, 0, 0, 0, 0]);
  t.strictSame(Array.from(shard.memory.ledger.counts), [2, 2, 8, 4, 0]);
});

t.test('a batch without sums - leaves the sums, one without rows moves the marks', async (t) => {
  for (const learners of [1, 2]) {
    const shard = greeted(shapeOf({ learners }));
    shard.push(who(), partOf(5, [1], [1, 1], { tally: tallyOf(1, { sums: [4, 4] }) }));
    shard.commit(who(), 5);
    shard.push(
      who(),
      partOf(6, [], [], { tally: { learned: 0, rejected: 2, excluded: 0, duplicates: 0, missing: 0 } }),
    );
    shard.commit(who(), 6);
    t.strictSame(Array.from(shard.memory.ledger.totals.slice(0, 3)), [4, 4, 0]);
    t.strictSame(Array.from(shard.memory.ledger.counts), [1, 3, 4, 2, 0]);
    t.equal(shard.memory.ledger.marks[0], 6);
  }
});

for (const learners of [1, 2, 3]) {
  t.test(
    `marks - each learner moves its own partitions, and never back (${learners} learners)`,
    async (t) => {
      const shard = greeted(shapeOf({ learners, partitions: 7 }));
      shard.memory.ledger.marks[2] = 100;
      for (let learner = 0; learner < learners; learner++) {
        t.equal(shard.seq, 0);
        shard.push(who(learner), partOf(50 + learner, [], []));
        shard.commit(who(learner), 50 + learner);
      }
      const wanted = Array.from({ length: 7 }, (_, partition) =>
        partition === 2 ? 100 : 50 + (partition % learners),
      );
      t.strictSame(Array.from(shard.memory.ledger.marks), wanted);
      t.equal(shard.seq, 50);
    },
  );
}

t.test(
  'lives - an earlier one is refused by every verb, and its staged batch stays for the next',
  async (t) => {
    const shard = greeted();
    shard.push(who(0, 1), partOf(5, [1], [1, 1]));
    t.throws(() => shard.push(who(0, 2), partOf(5, [1], [1, 1])), conflict, 'one that did not say hello');
    t.same(shard.hello(who(0, 3)), { committedTo: 0, stagedTo: 5 });
    t.same(shard.hello(who(0, 3)), { committedTo: 0, stagedTo: 5 }, 'hello may be repeated');
    t.throws(() => shard.hello(who(0, 2)), conflict);
    t.throws(() => shard.pull(who(0, 1), Uint32Array.of(1)), conflict);
    t.throws(() => shard.push(who(0, 1), partOf(6, [1], [1, 1])), conflict);
    t.throws(() => shard.commit(who(0, 1), 5), conflict);
    t.throws(() => shard.drop(who(0, 1)), conflict);
    t.ok(shard.commit(who(0, 3), 5));
  },
);

t.test('broken invariants - keys of another shard, too many rows, rows without keys', async (t) => {
  const shard = greeted(shapeOf({ shard: 1, shards: 2, stagedRowsMax: 2 }));
  t.throws(() => shard.push(who(), partOf(5, [1], [1, 1])), InvariantError);
  t.throws(() => shard.push(who(), partOf(5, [20, 21, 22], [1, 1, 1, 1, 1, 1])), InvariantError);
  t.throws(() => shard.push(who(), partOf(5, [20], [1])), InvariantError);
  t.throws(() => shard.pull(who(), Uint32Array.of(3)), InvariantError);
  t.throws(() => shard.hello(who(1)), InvariantError);
});

t.test('memory - two opens of the same buffers see the same ledger, and no two arrays overlap', async (t) => {
  const shape = shapeOf({ learners: 2, partitions: 3, batchEventsMax: 3, stagedRowsMax: 3, width: 3 });
  const buffers = createShardBuffers(shape);
  const [one, other] = [openShardMemory(shape, buffers), openShardMemory(shape, buffers)];
  const arrays = (memory: typeof one) => [
    memory.rows,
    ...Object.values(memory.ledger),
    ...memory.staging.flatMap(({ targets: _, ...area }) => Object.values(area)),
    ...memory.staging.map((area) => area.targets),
  ];
  for (const [at, array] of arrays(one).entries()) array.fill(at + 1);
  for (const [at, array] of arrays(other).entries()) {
    t.ok(
      array.every((value: number) => value === at + 1),
      `array ${at} holds what was put there`,
    );
  }
});
