/**
 * Goal: an event whose id is among the last `idsMax` that were learned is learned once, whatever the batches, the
 * shards and the deaths. Method: logs with many repeated ids and small rings, so that ids are forgotten and come
 * back in the middle of batches; the oracle is a list that is shifted.
 */
import t from 'tap';
import type { LogEntry } from '../../src/nats/channel.ts';
import { recentIdsBlob } from '../../src/shard/recent-ids.ts';
import { until } from '../support/channel-fixture.ts';
import { randomOf } from '../support/data.ts';
import { MemoryChannel } from '../support/memory-channel.ts';
import { learnEntry } from './entries.ts';
import { configOf, eventOf, nextLife, plainTable, runLearner, runShards, tableOf } from './harness.ts';

type Event = ReturnType<typeof eventOf> & { readonly id?: string | number };

/** Every event has an id that may come again soon, late, or never; some have none. */
function repeating(count: number, seed: number): Event[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, n) => {
    const event = eventOf(n);
    const kind = random();
    if (kind < 0.1) return event;
    if (kind < 0.2) return { ...event, id: Math.floor(random() * 30) };
    return { ...event, id: `id${Math.floor(random() * (kind < 0.6 ? 12 : 80))}` };
  });
}

/** The plain loop's answer: a list of the last ids, shifted. */
function withoutDuplicates(events: readonly Event[], idsMax: number): { kept: Event[]; ids: unknown[] } {
  let ids: unknown[] = [];
  const kept = events.filter(({ id }) => {
    if (id === undefined) return true;
    if (ids.includes(id)) return false;
    ids = [...ids, id].slice(-idsMax);
    return true;
  });
  return { kept, ids };
}

const messagesOf = (events: readonly Event[], random: () => number): LogEntry[] => {
  const entries: LogEntry[] = [];
  for (let at = 0; at < events.length; ) {
    const size = Math.floor(random() * 5);
    const body = size === 0 ? events[at] : events.slice(at, at + size);
    entries.push(learnEntry(entries.length + 1, body));
    at += Math.max(1, size);
  }
  return entries;
};

for (const [shards, eventsMax, idsMax] of [
  [1, 1, 7],
  [2, 64, 7],
  [5, 16, 1],
  [2, 256, 40],
  [1, 256, 1000],
] as const) {
  t.test(
    `ids come again - ${shards} shards, batches of ${eventsMax}, ${idsMax} ids remembered: the plain loop's parameters`,
    async (t) => {
      const config = configOf({ actors: { shards }, batch: { eventsMax }, dedupe: { idsMax } });
      const events = repeating(400, shards * 1000 + idsMax);
      const queued = messagesOf(events, randomOf(idsMax));
      const { kept, ids } = withoutDuplicates(events, idsMax);
      const channel = new MemoryChannel();
      let alive = runShards(channel, config);
      // Half of it in one life of everybody, the rest in the next.
      const half = queued.slice(0, queued.length / 2);
      const first = await runLearner(channel, config, { queued: half });
      await until(3_000, 'the first half', () => alive.every(({ shard }) => shard.seq === half.length));
      await first.stop();
      alive = alive.map((shard) => nextLife(channel, config, shard));
      const second = await runLearner(channel, config, { queued, life: 2 });
      await until(3_000, 'the rest', () => alive.every(({ shard }) => shard.seq === queued.length));
      await second.stop();
      t.same(tableOf(alive), plainTable(config, kept), 'every parameter');
      const { ledger } = alive[0]!.shard.memory;
      t.equal(ledger.counts[0], kept.length, 'events that count');
      t.ok(kept.length < events.length - 5, `${events.length - kept.length} came again`);
      const blob = recentIdsBlob(alive[0]!.shard.memory)['recent-ids']!;
      t.equal(blob.byteLength, 8 * ids.length, 'as many ids as the list holds');
    },
  );
}

t.test('ids with a memory of none - mean nothing', async (t) => {
  const config = configOf({ dedupe: { idsMax: 0 } });
  const events = repeating(60, 5);
  const channel = new MemoryChannel();
  const shards = runShards(channel, config);
  const learner = await runLearner(channel, config, { queued: messagesOf(events, randomOf(1)) });
  await until(3_000, 'the end', () => shards[0]!.shard.memory.ledger.counts[0] === events.length);
  await learner.stop();
  t.same(tableOf(shards), plainTable(config, events));
  t.notOk(
    shards[0]!.heard.some(({ verb }) => verb === 'ids'),
    'and nobody asks for them',
  );
});

t.test('an event that was refused - leaves its id for the one that comes after it', async (t) => {
  const config = configOf({});
  const channel = new MemoryChannel();
  const shards = runShards(channel, config);
  const bad = { ...eventOf(1), label: 'yes', id: 'same' };
  const good = { ...eventOf(2), id: 'same' };
  const queued = [learnEntry(1, [bad, good, { ...eventOf(3), id: 'same' }])];
  const learner = await runLearner(channel, config, { queued });
  await until(3_000, 'the end', () => shards.every(({ shard }) => shard.seq === 1));
  await learner.stop();
  t.same(tableOf(shards), plainTable(config, [good]));
  t.equal(learner.rejected.length, 1);
});

t.test('several learners - an id is learned by one of them, also when both have it at once', async (t) => {
  const config = configOf({ actors: { shards: 2, learners: 2 }, batch: { eventsMax: 8 } });
  const channel = new MemoryChannel();
  const shards = runShards(channel, config);
  // Copies stand side by side, so that they fall to different learners, in batches under way together.
  const events = Array.from({ length: 60 }, (_, n) =>
    [eventOf(n), eventOf(n)].map((e) => ({ ...e, id: `e${n}` })),
  );
  const queued = events.flat().map((event, at) => learnEntry(at + 1, event));
  const learners = await Promise.all(
    [0, 1].map((learner) => runLearner(channel, config, { learner, queued })),
  );
  await until(5_000, 'the end', () => shards.every(({ shard }) => shard.seq === queued.length));
  for (const learner of learners) await learner.stop();
  t.equal(shards[0]!.shard.memory.ledger.counts[0], 60, 'each id once');
});
