/**
 * What the log gives again. One model goes through all that a chain of epochs can hold: a rollback that leaves
 * events out, exclusions, another learning rate, another number of shards; then every version is recomputed.
 */
import { join } from 'node:path';
import t from 'tap';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { connectChannel } from '../../src/nats/connection.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { verifyVersion } from '../../src/replay/verify.ts';
import { entryOfEpoch } from '../../src/server/epochs.ts';
import { readVersion } from '../../src/server/starting-state.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import { refused } from '../support/running-server.ts';
import { type System, startSystem, systemMissing, temporaryFolder } from '../support/system.ts';

t.setTimeout(240_000);
const skip = systemMissing();
const eventOf = (n: number) => ({
  id: `e${n}`,
  features: { who: `w${n % 7}`, x: (n % 5) / 4, tag: [`t${n % 3}`, `u${n % 4}`] },
  label: n % 3 === 0 ? 1 : 0,
});
/** The events say no time: what counts is the broker's stamp, which the log keeps. */
const aggregates = [
  { name: 'mean', by: ['who'], how: 'mean' as const, bits: 4 },
  { name: 'lately', of: 'x', by: [], how: 'sum' as const, window: { ms: 400 }, bits: 0 },
];
/** The plain loop knows no stamps, and several learners no windows. */
const timeless = { bits: 10, aggregates: aggregates.slice(0, 1) };
const modelWith = (more: object) => ({
  features: { bits: 10, aggregates },
  checkpoint: { atStop: false },
  optimizer: { name: 'adagrad', learningRate: 0.1 } as const,
  ...more,
});

async function learn({ client, caughtUp }: System, from: number, to: number, bad = false): Promise<number> {
  let last = 0;
  for (let n = from; n < to; n += 5) {
    const events = Array.from({ length: Math.min(5, to - n) }, (_, at) => eventOf(n + at));
    const sent = bad ? [...events, { features: {}, label: 'no label' } as never] : events;
    for (const event of sent) last = (await client.learn('m', event)).seq;
  }
  await caughtUp('m', last);
  return last;
}

t.test('a replay - follows the chain of epochs, and agrees bit for bit', { skip }, async (t) => {
  const dataDir = await temporaryFolder(t);
  const first = await startSystem(t, { models: { m: modelWith({ actors: { shards: 2 } }) }, dataDir });
  await learn(first, 0, 40, true);
  const { version: one } = await first.client.checkpoint('m');
  await learn(first, 40, 60);
  const { version: abandoned } = await first.client.checkpoint('m');
  await first.client.rollback('m', one);
  const seq = await learn(first, 60, 90);
  await first.client.exclude('m', [{ kind: 'id', value: 'e95', untilSeq: seq + 100 }]);
  await learn(first, 90, 100);
  await first.stop();
  const rate = { optimizer: { name: 'adagrad', learningRate: 0.3 } as const, actors: { shards: 3 } };
  const second = await startSystem(t, { models: { m: modelWith(rate) }, dataDir });
  await learn(second, 100, 130);
  const { client } = second;

  const live = await client.replay('m');
  t.match(live, { identical: true, compared: 'bits', from: 0, counts: { stored: { excluded: 1 } } });
  t.ok(live.counts.stored.learned > 100 && live.counts.stored.rejected > 0);
  const again = await client.replay('m', { from: one });
  t.match(again, { identical: true, from: one });
  t.match(await refused(client.replay('m', { from: again.version, to: again.seq })), { code: 400 });
  const { versions } = await client.checkpoints('m');
  for (const { version, seq } of versions)
    t.match(await client.replay('m', { to: seq }), { identical: true, seq }, `version ${version}`);
  t.match(await refused(client.replay('m', { to: 3 })), { code: 404, message: /no version of m stands at/ });
  t.match(await refused(client.replay('m', { from: abandoned })), {
    code: 409,
    message: /is not on the way/,
  });

  // The same as a library; a version that was changed is told apart by the row.
  const channel = await connectChannel({ servers: [second.url], name: 'test' });
  t.teardown(() => channel.close());
  const subjects = subjectsOf('millrace');
  const store = openFileStore({ folder: join(dataDir, 'checkpoints'), now: Date.now });
  let changedKey = -1;
  const source = {
    channel,
    stream: subjects.stream('m'),
    model: 'm',
    pause: async () => undefined,
    readEntry: (epoch: number) => entryOfEpoch(channel, subjects, 'm', epoch),
    readVersion: async (version: number) => {
      const stored = await readVersion(store, 'm', version);
      if (version !== live.version) return stored;
      const [image, ...rest] = [...stored.images].reverse();
      const rows = image!.rows.slice();
      rows[1]! += 1;
      changedKey = image!.keys[0]!;
      return { ...stored, images: [...rest.reverse(), { ...image!, rows }] };
    },
  };
  const changed = await verifyVersion(source, live.version, 0);
  t.match(changed, { identical: false, first: { kind: 'row', rows: 1, key: changedKey, slot: 1 } });
  t.equal(changed.first!.stored, Math.fround(changed.first!.recomputed + 1));
  const entry = await source.readEntry((await second.status('m')).epoch);
  t.match(entry?.changes, [{ path: 'optimizer.learningRate', from: 0.1, to: 0.3 }]);
});

t.test('unlearning - gives what a log without those events gives, and goes on', { skip }, async (t) => {
  const dataDir = await temporaryFolder(t);
  const model = modelWith({ actors: { shards: 2 }, features: timeless });
  const system = await startSystem(t, { models: { m: model }, dataDir });
  const { client } = system;
  await learn(system, 0, 30);
  const { version: before } = await client.checkpoint('m');
  const seq = await learn(system, 30, 60);
  const skipped = [{ kind: 'feature', value: 'who=w3' } as const, { kind: 'id', value: 'e40' } as const];
  t.match(await refused(client.unlearn('m', skipped, { from: before })), {
    code: 409,
    message: /has learned such an event already/,
  });
  t.match(await refused(client.unlearn('m', [{ kind: 'key', value: 'nobody' }])), { code: 404 });
  const made = await client.unlearn('m', skipped);
  t.match(made, { from: 0, seq, excluded: 9 + 1 });
  t.equal((await system.status('m')).excluded, 0, 'not served yet');
  t.match((await client.checkpoints('m')).versions.at(-1), { reason: 'unlearn', current: false });
  const last = await learn(system, 60, 70);
  const plain = new PlainLoop(system.modelConfig('m'));
  for (let n = 0; n < 60; n++) if (n % 7 !== 3 && n !== 40) plain.learn(eventOf(n));

  await client.rollback('m', made.version, { mode: 'relearn' });
  await system.caughtUp('m', last);
  // Behind the sequence up to which they were unlearned such events are learned.
  for (let n = 60; n < 70; n++) plain.learn(eventOf(n));
  const state = await system.stateOf('m');
  t.strictSame(differences(state.table, plain.table), []);
  t.equal(state.learned, plain.learned);
  t.match(await client.replay('m'), { identical: true, counts: { stored: { excluded: 10 } } });
  t.match(await client.replay('m', { from: made.version }), { identical: true });
  await system.stop();

  const next = await startSystem(t, { models: { m: model }, dataDir });
  await learn(next, 70, 80);
  t.match(await next.client.replay('m'), { identical: true }, 'also after a restart');
  const again = await next.client.unlearn('m', [{ kind: 'id', value: 'e75' }], { serve: true });
  t.equal(again.epoch, (await next.status('m')).epoch);
  for (let n = 70; n < 80; n++) if (n !== 75) plain.learn(eventOf(n));
  await next.caughtUp('m', again.seq);
  t.strictSame(differences((await next.stateOf('m')).table, plain.table), []);
  t.match(await next.client.replay('m'), { identical: true }, 'two unlearnings on top of each other');
});

t.test('several learners - bits are not promised, and counts agree', { skip }, async (t) => {
  const model = modelWith({ actors: { shards: 2, learners: 2 }, partitions: 4, features: timeless });
  const system = await startSystem(t, { models: { m: model } });
  await learn(system, 0, 40, true);
  const result = await system.client.replay('m');
  t.match(result, { identical: true, compared: 'counts' });
  t.strictSame(result.counts.recomputed, result.counts.stored);
});
