/** A learner dies between two shards: what its next life finds, and does. */
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { firstSequence, takeOver } from '../../src/learner/take-over.ts';
import { partOf } from '../shard/fixture.ts';
import { until } from '../support/channel-fixture.ts';
import { MemoryChannel } from '../support/memory-channel.ts';
import { learnEntry } from './entries.ts';
import {
  clientOf,
  configOf,
  eventOf,
  nextLife,
  plainTable,
  runLearner,
  runShards,
  tableOf,
} from './harness.ts';

const config = configOf({ actors: { shards: 3, learners: 1, predictors: 1 }, batch: { eventsMax: 4 } });
const events = Array.from({ length: 20 }, (_, at) => eventOf(at));
const queued = events.map((event, at) => learnEntry(at + 1, event));

/**
 * A learner that stops for good in front of the given message: it is never answered again, and neither it nor what
 * it still sends is heard. Its shards stay as that moment left them.
 */
async function dyingBefore(isLast: (verb: string, shard: number, count: number) => boolean) {
  const channel = new MemoryChannel();
  const shards = runShards(channel, config);
  let dead = false;
  let count = 0;
  channel.loses = (subject, reply) => {
    const [shard, verb] = subject.split('.').slice(-2) as [string, string];
    if (!reply && !dead && isLast(verb, Number(shard), ++count)) dead = true;
    return dead;
  };
  runLearner(channel, config, { queued }).catch(() => undefined);
  await until(3_000, 'the death', () => dead || shards.every(({ shard }) => shard.seq === 20));
  // What was on its way arrives.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const state = shards.map(({ shard }) => ({
    committedTo: shard.memory.ledger.committedTo[0],
    staged: shard.memory.staging[0]!.head[0] === 2,
  }));
  channel.request = () => Promise.reject(new MillraceError('conflict', 'this life is over'));
  return { state, revive: () => revive(new MemoryChannel(), shards) };
}

/** The next life talks to the same shards over a channel on which the old one is not. */
async function revive(channel: MemoryChannel, shards: ReturnType<typeof runShards>) {
  const alive = shards.map((shard) => nextLife(channel, config, shard));
  const learner = await runLearner(channel, config, { queued, life: 2 });
  await until(3_000, 'the end', () => alive.every(({ shard }) => shard.seq === 20));
  await learner.stop();
  return alive;
}

t.test('a death in front of any message - leads to the parameters of the plain loop', async (t) => {
  const wanted = plainTable(config, events);
  const seen = new Set<string>();
  for (let last = 1; last <= 40; last++) {
    const { state, revive } = await dyingBefore((_verb, _shard, count) => count === last);
    seen.add(state.map(({ committedTo, staged }) => `${committedTo}${staged ? '+' : ''}`).join(' '));
    const alive = await revive();
    t.strictSame(tableOf(alive), wanted, `death in front of message ${last}`);
    for (const { shard } of alive) t.strictSame(Array.from(shard.memory.ledger.counts), [20, 0, 0, 0, 0]);
  }
  const mixed = [...seen].filter((state) => new Set(state.split(' ')).size > 1);
  t.ok(mixed.length >= 6, `shards were left apart in ${mixed.length} ways: ${mixed.join(', ')}`);
});

t.test('one shard has committed, the others hold the batch - they commit it', async (t) => {
  const channel = new MemoryChannel();
  const shards = runShards(channel, config);
  const first = clientOf(channel, config);
  await first.hello();
  await first.push(first.split(Uint32Array.of(1, 100, 200)), new Float32Array(6).fill(2), 4, {
    learned: 4,
    rejected: 0,
    excluded: 0,
    duplicates: 0,
    missing: 0,
  });
  await first.commitOn(1, 4);
  const next = clientOf(channel, config, { life: 2 });
  const { marks } = await takeOver(next);
  t.ok(marks.every((mark) => mark === 4));
  t.ok(shards.every(({ shard }) => shard.seq === 4));
  await t.rejects(first.commit(4), { name: 'MillraceError', kind: 'conflict' });
});

t.test('some hold a batch and none has committed it - it is dropped', async (t) => {
  const channel = new MemoryChannel();
  const shards = runShards(channel, config);
  const first = clientOf(channel, config);
  await first.hello();
  shards[0]!.shard.push({ learner: 0, life: 1 }, partOf(4, [1], [1, 1]));
  const next = clientOf(channel, config, { life: 2 });
  const { marks, sums } = await takeOver(next);
  t.ok(marks.every((mark) => mark === 0) && sums.every((sum) => sum === 0));
  t.equal(shards[0]!.shard.hello({ learner: 0, life: 2 }).stagedTo, 0);
});

t.test("where to start - behind the lowest mark of the learner's own partitions", async (t) => {
  const marks = Float64Array.of(5, 9, 4, 2, 7);
  t.equal(firstSequence(marks, 0, 1), 3);
  t.equal(firstSequence(marks, 0, 2), 5);
  t.equal(firstSequence(marks, 1, 2), 3);
  t.equal(firstSequence(marks, 4, 5), 8);
  t.equal(firstSequence(marks, 6, 7), 1, 'one without partitions');
});
