/** The learner's loop against real shards over a channel in memory. */
import t from 'tap';
import type { FaultPoints } from '../../src/base/fault-points.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { createBoardBuffer, WorkBoard } from '../../src/learner/work-board.ts';
import { until } from '../support/channel-fixture.ts';
import { MemoryChannel } from '../support/memory-channel.ts';
import { entryOf, learnEntry } from './entries.ts';
import {
  configOf,
  eventOf,
  impatientMs,
  nextLife,
  plainTable,
  runLearner,
  runShards,
  tableOf,
} from './harness.ts';

const events = (count: number, from = 0) => Array.from({ length: count }, (_, at) => eventOf(from + at));
const entries = (count: number, from = 1) =>
  Array.from({ length: count }, (_, at) => learnEntry(from + at, eventOf(from + at - 1)));

const actors = (shards: number, learners = 1) => ({ shards, learners, predictors: 1 });

t.test('a batch - is pulled, pushed, and committed by the next pull; the last one alone', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2), batch: { eventsMax: 2 } });
  const shards = runShards(channel, config);
  const learner = await runLearner(channel, config, { queued: entries(5) });
  await until(2_000, 'the last commit', () => shards.every(({ shard }) => shard.seq === 5));
  for (const { heard, broken } of shards) {
    const story = heard.map(({ verb, body }) => [verb, body.commit ?? body.toSeq ?? 0]);
    t.strictSame(story, [
      ['hello', 0],
      ['drop', 0],
      ['pull', 0],
      ['push', 2],
      ['pull', 2],
      ['push', 4],
      ['pull', 4],
      ['push', 5],
      ['commit', 5],
    ]);
    t.strictSame(broken, []);
  }
  await learner.stop();
});

for (const shardCount of [1, 2, 5]) {
  t.test(`the parameters - are those of the plain loop, bit for bit (${shardCount} shards)`, async (t) => {
    for (const optimizer of [{ name: 'ftrl' as const }, { name: 'adagrad' as const }]) {
      const channel = new MemoryChannel();
      const features = { bits: 8, standardize: true };
      const config = configOf({ actors: actors(shardCount), batch: { eventsMax: 7 }, optimizer, features });
      const shards = runShards(channel, config);
      const learner = await runLearner(channel, config, { queued: entries(60) });
      learner.feed([
        learnEntry(61, events(30, 60)),
        entryOf(62, Buffer.from('{')),
        learnEntry(63, eventOf(90)),
      ]);
      await until(2_000, 'the end', () => shards.every(({ shard }) => shard.seq === 63));
      t.strictSame(tableOf(shards), plainTable(config, events(91)));
      t.match(learner.rejected, [{ seq: 62, index: 0 }]);
      for (const { shard } of shards) t.strictSame(Array.from(shard.memory.ledger.counts), [91, 1, 0, 0, 0]);
      t.equal(shards[0]!.shard.memory.ledger.totals[0], 91);
      await learner.stop();
    }
  });
}

/** Their rows change with every event, several of one batch meet in one group, and the order of the log counts. */
t.test('the parameters - are those of the plain loop with aggregates too', async (t) => {
  const channel = new MemoryChannel();
  const aggregates = [
    { name: 'mean', by: ['a'], how: 'mean' as const, bits: 2 },
    { name: 'last', of: 'x', by: ['b', 'a'], how: 'sum' as const, window: { ms: 40 }, bits: 4 },
    { name: 'few', by: [], how: 'count' as const, window: { events: 5, buckets: 2 }, bits: 0 },
  ];
  const features = { bits: 8, aggregates };
  for (const shardCount of [1, 3]) {
    const config = configOf({ actors: actors(shardCount), batch: { eventsMax: 7 }, features });
    const timed = Array.from({ length: 90 }, (_, n) => ({ ...eventOf(n), time: 1000 + ((n * 7) % 90) }));
    const shards = runShards(channel, config);
    const queued = timed.slice(0, 40).map((event, at) => learnEntry(at + 1, event, undefined, 'msgpack'));
    const learner = await runLearner(channel, config, { queued });
    learner.feed([learnEntry(41, timed.slice(40, 65)), learnEntry(42, timed.slice(65))]);
    await until(2_000, 'the end', () => shards.every(({ shard }) => shard.seq === 42));
    t.strictSame(learner.rejected, []);
    t.strictSame(tableOf(shards), plainTable(config, timed));
    await learner.stop();
    for (const shard of shards) shard.stop();
  }
});

t.test('what was refused - is durable before any shard hears of the batch', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2) });
  const shards = runShards(channel, config);
  let keep = () => {};
  const durable = () =>
    new Promise<void>((resolve) => {
      keep = resolve;
    });
  const learner = await runLearner(channel, config, { queued: [entryOf(1, Buffer.from('{'))], durable });
  const pushes = () => shards.flatMap(({ heard }) => heard.filter(({ verb }) => verb === 'push')).length;
  await until(2_000, 'the refusal', () => learner.rejected.length === 1);
  // Requests travel in turns of the loop: a push that does not wait would be here by now.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.equal(pushes(), 0);
  keep();
  await until(2_000, 'the commit', () => shards.every(({ shard }) => shard.seq === 1));
  t.equal(pushes(), 2);
  await learner.stop();
});

t.test('lost requests and answers - cost time and nothing else', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2), batch: { eventsMax: 4 } });
  const shards = runShards(channel, config);
  let sent = 0;
  channel.loses = () => ++sent % 7 === 3;
  const learner = await runLearner(channel, config, { queued: entries(40), timeoutMs: impatientMs });
  await until(5_000, 'the end', () => shards.every(({ shard }) => shard.seq === 40));
  t.strictSame(tableOf(shards), plainTable(config, events(40)));
  for (const { shard } of shards) t.strictSame(Array.from(shard.memory.ledger.counts), [40, 0, 0, 0, 0]);
  channel.loses = () => false;
  await learner.stop();
});

t.test('shards whose lives end again and again - cost time and nothing else', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2), batch: { eventsMax: 2 } });
  const shards = runShards(channel, config);
  const learner = await runLearner(channel, config, { queued: entries(50), timeoutMs: impatientMs });
  for (let life = 0; life < 10; life++) {
    const before = shards[life % 2]!;
    const heard = before.heard.length;
    const moved = () => before.heard.length > heard + (life % 4) || before.shard.seq === 50;
    await until(2_000, 'work', moved);
    shards[life % 2] = nextLife(channel, config, before);
  }
  await until(5_000, 'the end', () => shards.every(({ shard }) => shard.seq === 50));
  t.strictSame(tableOf(shards), plainTable(config, events(50)));
  await learner.stop();
});

t.test('a paused learner - commits what it has, keeps its place, and goes on from there', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2), batch: { eventsMax: 3 } });
  const shards = runShards(channel, config);
  const learner = await runLearner(channel, config, { queued: entries(10), paused: true });
  const seq = () => shards[0]!.shard.seq;
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(seq(), 0);
  learner.loop.setPaused(false);
  await until(2_000, 'a batch', () => seq() > 0);
  learner.loop.setPaused(true);
  let last = -1;
  await until(2_000, 'rest', async () => {
    const before = last;
    last = shards[0]!.heard.length;
    return before === last;
  });
  const at = seq();
  learner.feed(entries(5, 11));
  learner.loop.cut('while paused');
  await until(2_000, 'a marker', () => shards.every(({ heard }) => heard.at(-1)?.verb === 'marker'));
  t.equal(seq(), at);
  t.equal(shards[0]!.shard.memory.ledger.committedTo[0], shards[1]!.shard.memory.ledger.committedTo[0]);
  learner.loop.setPaused(false);
  await until(2_000, 'the end', () => seq() === 15);
  await learner.stop();
  t.strictSame(tableOf(shards), plainTable(config, events(15)));
});

t.test(
  'stop - commits what was pushed, keeps nothing half, and the next life goes on behind it',
  async (t) => {
    const channel = new MemoryChannel();
    const config = configOf({ actors: actors(2), batch: { eventsMax: 3 } });
    const shards = runShards(channel, config);
    const queued = entries(20);
    const learner = await runLearner(channel, config, { queued, paused: true });
    let stopped: Promise<void> | undefined;
    // Asked to stop while its first batch is on the way to the shards.
    channel.loses = (subject) => {
      if (subject.endsWith('.push')) stopped ??= learner.stop();
      return false;
    };
    learner.loop.setPaused(false);
    await until(2_000, 'a push', () => stopped !== undefined);
    await stopped;
    const [one, other] = shards.map(({ shard }) => shard.seq);
    t.equal(one, other);
    t.ok(one! > 0 && one! < 20, `stopped at ${one}`);
    t.strictSame(tableOf(shards), plainTable(config, events(one!)));
    const next = await runLearner(channel, config, { queued, life: 2 });
    t.equal(next.first, one! + 1);
    await until(2_000, 'the end', () => shards[1]!.shard.seq === 20);
    t.strictSame(tableOf(shards), plainTable(config, events(20)));
    await next.stop();
  },
);

t.test('a learner whose next life has begun - is refused and ends', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2) });
  const shards = runShards(channel, config);
  const old = await runLearner(channel, config);
  const next = await runLearner(channel, config, { life: 2 });
  old.feed(entries(3));
  await t.rejects(old.done, { name: 'MillraceError', kind: 'conflict' });
  t.equal(shards[0]!.shard.seq, 0);
  await next.stop();
});

t.test('an event that cannot be learned - is refused alone, and leaves the rows as they were', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({
    actors: actors(2),
    task: 'regression',
    optimizer: { name: 'sgd', learningRate: 1000 },
  });
  const shards = runShards(channel, config);
  const good = [{ features: { a: 1 }, label: 1 }];
  const huge = { features: { a: 3e38 }, label: -3e38 };
  const learner = await runLearner(channel, config, {
    queued: [learnEntry(1, [good[0], huge]), learnEntry(2, [])],
  });
  await until(2_000, 'the end', () => shards[0]!.shard.seq === 2);
  t.match(learner.rejected, [{ seq: 1, index: 1, code: 400, reason: /not finite/, original: huge }]);
  t.strictSame(tableOf(shards), plainTable(config, good));
  t.strictSame(Array.from(shards[1]!.shard.memory.ledger.counts), [1, 1, 0, 0, 0]);
  await learner.stop();
});

t.test('suspects - are learned message by message, and the board says which', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2) });
  const shards = runShards(channel, config);
  const places: unknown[] = [];
  const buffer = createBoardBuffer();
  const faults: FaultPoints = {
    reach: (point, seq, index) => places.push([point.split('.')[1], seq, index]),
    pass: () => undefined,
  };
  const kept: number[] = [];
  const board = new WorkBoard(buffer, { faults, keep: ([seq]) => kept.push(seq!) });
  board.reset(1, 2);
  const queued = [
    learnEntry(1, events(2)),
    learnEntry(2, eventOf(2)),
    learnEntry(3, eventOf(3)),
    learnEntry(4, eventOf(4)),
  ];
  const learner = await runLearner(channel, config, { queued, board });
  await until(2_000, 'the end', () => shards.every(({ shard }) => shard.seq === 4));
  await learner.stop();
  const pushes = shards[0]!.heard.filter(({ verb }) => verb === 'push').map(({ body }) => body.toSeq);
  t.strictSame(pushes, [1, 2, 4], 'one by one up to the last suspect, then together');
  t.strictSame(places.slice(0, 12), [
    ['decoding', 1, -1],
    ['featurizing', 1, 0],
    ['featurizing', 1, 1],
    ['learning', 1, 0],
    ['learning', 1, 1],
    ['decoding', 2, -1],
    ['featurizing', 2, 0],
    // What is done for a batch of one suspect is that message's fault.
    ['learning', 2, -1],
    ['learning', 2, 0],
    ['learning', 2, -1],
    ['learning', 2, -1],
    ['decoding', 3, -1],
  ]);
  t.strictSame(kept, [0, 0, 2, 2, 0, 2, 0, 2, 2, 0, 2, 0, 0, 0], 'of suspects each step, else each batch');
  t.match(new WorkBoard(buffer), { place: undefined, doneTo: 4, takenTo: 4 }, 'at rest in the end');
});

t.test("several learners - lose nothing, count nothing twice, and skip what is another one's", async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2, 3), batch: { eventsMax: 5 } });
  const shards = runShards(channel, config);
  const keyed = Array.from({ length: 90 }, (_, at) =>
    learnEntry(at + 1, eventOf(at), at % 4 === 0 ? undefined : `user-${at % 9}`),
  );
  const learners = await Promise.all(
    [0, 1, 2].map((learner) => runLearner(channel, config, { learner, queued: keyed })),
  );
  await until(3_000, 'the end', () => shards.every(({ shard }) => shard.seq === 90));
  for (const { shard } of shards) t.strictSame(Array.from(shard.memory.ledger.counts), [90, 0, 0, 0, 0]);
  const { totals } = shards[0]!.shard.memory.ledger;
  t.equal(totals[0], 90);
  t.equal(
    totals.slice(8).reduce((sum, count) => sum + count, 0),
    90,
    'in the histogram too',
  );
  const { layout } = buildModel(config).model;
  const intercept = tableOf(shards).slice(-layout.width);
  t.ok(intercept.every(Number.isFinite) && intercept.some((slot) => slot !== 0));
  await Promise.all(learners.map((learner) => learner.stop()));
});
