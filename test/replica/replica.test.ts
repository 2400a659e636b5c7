/**
 * Goal: whatever the transport does, `seq` never claims what is not in the rows, and the replica ends equal to the
 * shards. Method: real shards and their delta feeds on one side, a replica on the other, and between them steps in
 * any order: batches, deltas lost or doubled, snapshots answered piece by piece or failing, lives of a shard that
 * end. Every state of every shard is remembered, so that each claim can be held against them.
 */
import { mock } from 'node:test';
import fc from 'fast-check';
import t from 'tap';
import { bytesOf } from '../../src/base/bytes.ts';
import type { Delta, SnapshotReply } from '../../src/protocol/internal.ts';
import { Replica } from '../../src/replica/replica.ts';
import { DeltaFeed } from '../../src/shard/delta-feed.ts';
import { createShardBuffers, openShardMemory } from '../../src/shard/memory.ts';
import { Shard } from '../../src/shard/shard.ts';
import { partOf, shapeOf, tallyOf } from '../shard/fixture.ts';

const keyCount = 10;
const who = { learner: 0, life: 1 };

type Step =
  | {
      readonly kind: 'learn';
      readonly shard: number;
      readonly keys: readonly number[];
      readonly zero: boolean;
    }
  | { readonly kind: 'publish'; readonly shard: number; readonly fate: 'arrives' | 'lost' | 'twice' }
  | { readonly kind: 'again' | 'restart' | 'fail'; readonly shard: number }
  | { readonly kind: 'answer'; readonly shard: number; readonly rowsMax: number; readonly yields: boolean }
  | { readonly kind: 'retry'; readonly shard: number };

const shardNumber = fc.nat(1);
const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('learn' as const),
      shard: shardNumber,
      keys: fc.uniqueArray(fc.nat(4), { maxLength: 5 }),
      zero: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      shard: shardNumber,
      fate: fc.constantFrom('arrives' as const, 'arrives' as const, 'lost' as const, 'twice' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      shard: shardNumber,
      rowsMax: fc.integer({ min: 1, max: 3 }),
      yields: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('again' as const, 'restart' as const, 'fail' as const, 'retry' as const),
      shard: shardNumber,
    }),
  },
);

interface Side {
  shard: Shard;
  feed: DeltaFeed;
  readonly buffers: ReturnType<typeof createShardBuffers>;
  readonly states: Float32Array[];
  readonly asked: { from: number; resolve(reply: SnapshotReply): void; reject(error: Error): void }[];
  last: Delta | undefined;
  lives: number;
}

class World {
  readonly shapes = [0, 1].map((shard) => shapeOf({ shard, shards: 2, keyCount, width: 1, partitions: 1 }));
  readonly sides: Side[] = this.shapes.map((shape) => {
    const buffers = createShardBuffers(shape);
    const shard = new Shard(openShardMemory(shape, buffers));
    shard.hello(who);
    const states = [shard.memory.rows.slice()];
    return { shard, feed: new DeltaFeed('life 0'), buffers, states, asked: [], last: undefined, lives: 0 };
  });
  readonly replica = new Replica(
    { shards: 2, keyCount, rowWidth: 1 },
    {
      fetch: (shard, from) =>
        new Promise((resolve, reject) => this.sides[shard]!.asked.push({ from, resolve, reject })),
      advanced: () => undefined,
      failed: () => undefined,
    },
  );

  async take(step: Step): Promise<void> {
    const side = this.sides[step.shard]!;
    if (step.kind === 'learn') this.learn(step.shard, step.keys, step.zero);
    else if (step.kind === 'publish') this.publish(step.shard, step.fate);
    else if (step.kind === 'again' && side.last !== undefined) this.replica.delta(step.shard, side.last);
    else if (step.kind === 'fail') side.asked.shift()?.reject(new Error('no answer'));
    else if (step.kind === 'restart') this.restart(step.shard);
    else if (step.kind === 'retry') mock.timers.tick(50);
    else if (step.kind === 'answer') this.answer(step.shard, step.rowsMax);
    if (step.kind !== 'answer' || step.yields) await settled();
  }

  learn(number: number, keys: readonly number[], zero: boolean): void {
    const { shard, states } = this.sides[number]!;
    const toSeq = states.length;
    const own = keys.map((key) => key + number * 5);
    shard.push(
      who,
      partOf(
        toSeq,
        own,
        keys.map(() => (zero ? 0 : toSeq)),
        { tally: tallyOf(1) },
      ),
    );
    shard.commit(who, toSeq);
    states.push(shard.memory.rows.slice());
  }

  publish(number: number, fate: 'arrives' | 'lost' | 'twice'): void {
    const side = this.sides[number]!;
    const collected = side.feed.collect(side.shard);
    const deltas = collected.length > 0 ? collected : [side.feed.heartbeat(side.shard)];
    for (const delta of deltas) {
      side.last = delta;
      for (let copies = { arrives: 1, lost: 0, twice: 2 }[fate]; copies > 0; copies--)
        this.replica.delta(number, delta);
    }
  }

  restart(number: number): void {
    const side = this.sides[number]!;
    side.lives++;
    side.shard = new Shard(openShardMemory(this.shapes[number]!, side.buffers));
    side.feed = new DeltaFeed(`life ${side.lives}`);
  }

  /** A piece of at most so many rows: the real pieces are too large for a small table to need two. */
  answer(number: number, rowsMax: number): void {
    const { shard, feed, asked } = this.sides[number]!;
    const request = asked.shift();
    if (request === undefined) return;
    const { keys, rows, next } = shard.snapshot(request.from);
    const goesOn = keys.length > rowsMax ? keys[rowsMax] : next;
    request.resolve({
      source: feed.source,
      number: feed.number,
      seq: shard.seq,
      keys: bytesOf(keys.slice(0, rowsMax)),
      rows: bytesOf(rows.slice(0, rowsMax)),
      ...(goesOn === undefined ? {} : { next: goesOn }),
    });
  }

  /** Every row is as it was in some state of its shard at or after the sequence that is claimed. */
  check(): void {
    const { seq, table } = this.replica;
    for (let key = 0; key < keyCount; key++) {
      const { states } = this.sides[Math.floor(key / 5)]!;
      const at = states.findIndex((state, place) => place >= seq && state[key % 5] === table[key]);
      // A shard's own end may be below another's: then its latest state is what a claim could mean at most.
      if (at < 0) throw new Error(`key ${key} holds ${table[key]}, which no state from ${seq} on has`);
    }
  }

  get isEqual(): boolean {
    const rows = this.sides.flatMap(({ shard }) => Array.from(shard.memory.rows));
    const seq = Math.min(...this.sides.map(({ shard }) => shard.seq));
    return this.replica.seq === seq && rows.every((value, key) => value === this.replica.table[key]);
  }
}

const settled = async () => {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
};

t.test('a replica - never claims more than it holds, and ends equal to the shards', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const property = fc.asyncProperty(fc.array(stepOf, { maxLength: 60 }), async (steps) => {
    const world = new World();
    world.replica.start();
    for (const step of steps) {
      await world.take(step);
      world.check();
    }
    for (let round = 0; round < 40 && !(world.isEqual && world.replica.whole); round++) {
      for (const shard of [0, 1]) {
        await world.take({ kind: 'answer', shard, rowsMax: 9, yields: true });
        await world.take({ kind: 'publish', shard, fate: 'arrives' });
      }
      await world.take({ kind: 'retry', shard: 0 });
      world.check();
    }
    world.replica.close();
    return world.isEqual && world.replica.whole;
  });
  await t.resolves(fc.assert(property, { numRuns: 500 }));
});

t.test('a lost delta - is noticed by the heartbeat that repeats its number', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const world = new World();
  world.replica.start();
  for (const shard of [0, 1]) await world.take({ kind: 'answer', shard, rowsMax: 9, yields: true });
  t.ok(world.replica.whole);
  for (const shard of [0, 1]) await world.take({ kind: 'learn', shard, keys: [1], zero: false });
  world.publish(0, 'lost');
  world.publish(0, 'arrives');
  world.publish(1, 'arrives');
  t.equal(world.replica.seq, 0, 'what was lost is not claimed');
  t.equal(world.sides[0]!.asked.length, 1, 'a snapshot is asked for');
  await world.take({ kind: 'answer', shard: 0, rowsMax: 9, yields: true });
  t.ok(world.isEqual);
});

t.test('a row that went back to zero - is zero after a snapshot too', async (t) => {
  const world = new World();
  world.replica.start();
  world.learn(0, [1, 2], false);
  for (const shard of [0, 1]) await world.take({ kind: 'answer', shard, rowsMax: 1, yields: true });
  await world.take({ kind: 'answer', shard: 0, rowsMax: 9, yields: true });
  t.equal(world.replica.table[1], 1);
  world.learn(0, [1], true);
  world.publish(0, 'lost');
  world.publish(0, 'arrives');
  await world.take({ kind: 'answer', shard: 0, rowsMax: 9, yields: true });
  t.strictSame(Array.from(world.replica.table), [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
});
