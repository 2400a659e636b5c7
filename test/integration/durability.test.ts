/**
 * A model's stream in its bad hours, on a real server: events that come again long after the stream forgot them, a
 * full stream, a purge, and messages that somebody deleted.
 */
import { connect as connectNats } from 'nats';
import t from 'tap';
import { connectChannel } from '../../src/nats/connection.ts';
import { encode } from '../../src/protocol/codec.ts';
import { until } from '../support/channel-fixture.ts';
import { madeEvent, randomOf } from '../support/data.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import { startSystem, systemMissing, temporaryFolder } from '../support/system.ts';

const skip = systemMissing();
t.setTimeout(120_000);

const checkpoint = { everyEvents: 0, everyMs: 0, atStop: false };
const eventsOf = (seed: number, count: number) => {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, n) => ({ ...madeEvent(random, 'binary'), id: `event-${n}` }));
};

t.test('an id that comes again after everybody was restarted - is learned once', { skip }, async (t) => {
  const dataDir = await temporaryFolder(t);
  const models = (shards: number) => ({
    m: { features: { bits: 10 }, actors: { shards }, checkpoint, dedupe: { windowMs: 100, idsMax: 50 } },
  });
  const events = eventsOf(1, 40);
  const first = await startSystem(t, { models: models(2), dataDir });
  const { seq } = await first.client.learn('m', events, { msgId: 'one' });
  await first.caughtUp('m', seq);
  await first.client.checkpoint('m');
  first.server.terminate('m/learner/0');
  first.server.terminate('m/shard/0');
  await until(5_000, 'the window of the stream is over', async () => {
    return !(await first.client.learn('m', events.slice(0, 3), { msgId: 'one' })).duplicate;
  });
  await first.stop();
  const second = await startSystem(t, { models: models(5), dataDir });
  const again = await second.client.learn('m', [...events, { ...events[0]!, id: 'new' }]);
  const status = await second.caughtUp('m', again.seq);
  t.match(status, { learned: 41, rejected: 0, missing: 0 });
  t.ok(status.duplicates >= 43, `${status.duplicates} copies`);
  const loop = new PlainLoop(second.modelConfig('m'));
  for (const event of [...events, { ...events[0]!, id: 'new' }]) loop.learn(event);
  t.same(differences((await second.stateOf('m')).table, loop.table), []);
});

t.test('purge and gaps - refused, carried out, and told', { skip }, async (t) => {
  const models = { m: { features: { bits: 8 }, checkpoint: { ...checkpoint, keep: 2 } } };
  const system = await startSystem(t, { models });
  const { client } = system;
  await t.rejects(client.purgeStream('m'), { kind: 'conflict', message: /no version yet/ });
  const send = async (from: number, to: number) => {
    let seq = 0;
    for (const event of eventsOf(2, to).slice(from)) seq = (await client.learn('m', event)).seq;
    return system.caughtUp('m', seq);
  };
  await send(0, 10);
  const version = await client.checkpoint('m');
  await send(10, 20);
  await t.rejects(client.purgeStream('m', { below: version.seq + 1 }), {
    kind: 'conflict',
    message: new RegExp(`version ${version.version} of m needs the stream from sequence ${version.seq} on`),
  });
  const purged = await client.purgeStream('m');
  t.match(purged, { below: version.seq, firstSeq: version.seq });
  t.equal((await client.purgeStream('m')).removed, 0, 'a second one finds nothing');
  await client.rollback('m', version.version, { mode: 'relearn' });
  const back = await system.caughtUp('m', (await system.status('m')).streamSeq);
  t.match(back, { learned: 20, missing: 0 }, 'what lies behind the version is there to be learned again');

  await client.pause('m');
  const channel = await connectChannel({ servers: [system.url], name: t.name });
  t.teardown(() => channel.close());
  const told: unknown[] = [];
  channel.subscribe('millrace.v1.evt.gap.m', ({ data }) =>
    told.push(JSON.parse(Buffer.from(data).toString())),
  );
  await channel.flush();
  const seqs: number[] = [];
  for (const { id: _id, ...event } of eventsOf(3, 6)) seqs.push((await client.learn('m', event)).seq);
  const nats = await connectNats({ servers: system.url });
  t.teardown(() => nats.close());
  const manager = await nats.jetstreamManager();
  for (const seq of seqs.slice(1, 3)) await manager.streams.deleteMessage('millrace_m', seq);
  // What the present life has read ahead still holds them.
  const restarts = async () => (await client.status()).actors.find(({ name }) => name === 'm/learner/0')!;
  const before = (await restarts()).restarts;
  system.server.terminate('m/learner/0');
  await until(10_000, 'the next life', async () => {
    const { restarts: now, state } = await restarts();
    return now > before && state === 'running';
  });
  await client.resume('m');
  const after = await system.caughtUp('m', seqs.at(-1)!);
  t.match(after, { learned: 24, missing: 2, gaps: [[seqs[1], seqs[2]]] });
  await until(3_000, 'the advisory', () => told.length > 0);
  t.match(told[0], { model: 'm', first: seqs[1], last: seqs[2] });
});

t.test('a full stream - is told before, and refused by name to every publisher', { skip }, async (t) => {
  const limits = { streamBytesMax: 1024 * 1024 };
  const system = await startSystem(t, { models: { m: { features: { bits: 8 }, checkpoint, limits } } });
  const channel = await connectChannel({ servers: [system.url], name: t.name });
  t.teardown(() => channel.close());
  const shares: number[] = [];
  channel.subscribe('millrace.v1.evt.stream.m', ({ data }) =>
    shares.push((JSON.parse(Buffer.from(data).toString()) as { share: number }).share),
  );
  await channel.flush();
  const event = { features: { text: 'x'.repeat(60_000) }, label: 1 };
  const fill = async (share: number) => {
    for (let { stream } = await system.status('m'); stream.bytes < share * stream.bytesMax; ) {
      await system.client.learn('m', event);
      ({ stream } = await system.status('m'));
    }
  };
  await fill(0.82);
  await until(5_000, 'the first advisory', () => shares.length > 0);
  const fillUp = async () => {
    for (;;) await system.client.learn('m', event);
  };
  await t.rejects(fillUp(), {
    kind: 'overloaded',
    message: /takes no more.*raise models\.m\.limits\.streamBytesMax.*millrace stream purge m/,
  });
  await t.rejects(channel.append('millrace.v1.learn.m', encode(event, 'json')), {
    name: 'MillraceError',
    kind: 'overloaded',
  });
  await until(5_000, 'the second advisory', () => shares.length > 1);
  t.same(shares, [0.8, 0.95]);
});
