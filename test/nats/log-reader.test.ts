import t from 'tap';
import type { Channel, LogEntry } from '../../src/nats/channel.ts';
import {
  bytes,
  eventStream,
  fixture,
  onEachServer,
  refusal,
  take,
  text,
  until,
  within,
} from '../support/channel-fixture.ts';

const appendMany = async (channel: Channel, from: number, to: number, size = 0): Promise<void> => {
  const padding = 'x'.repeat(size);
  for (let start = from; start <= to; start += 500) {
    const numbers = Array.from({ length: Math.min(500, to - start + 1) }, (_, i) => start + i);
    await Promise.all(numbers.map((n) => channel.append(`events.${n % 7}`, bytes(`${n}${padding}`))));
  }
};

const isRun = (entries: readonly LogEntry[], first: number): boolean =>
  entries.every((entry, i) => entry.seq === first + i);

await onEachServer(t, 'reader - every entry once and in order, from any position', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  await channel.ensureStream(eventStream());
  await t.rejects(channel.readFrom('absent', 1), refusal('notFound'));
  await appendMany(channel, 1, 3_000);

  const reader = await channel.readFrom('events', 1);
  const all = await within(10_000, 'all entries', take(reader, 3_000));
  t.ok(isRun(all, 1));
  t.equal(all[0]!.pending, 2_999);
  t.equal(all[2_999]!.pending, 0, 'the end is known');
  const looked = await channel.entryAt('events', 17);
  t.equal(all[16]!.timeMs, looked!.timeMs, 'the same time, to the last bit, by both ways');
  t.equal(text(all[16]!.data), text(looked!.data));

  await channel.append('events.live', bytes('live'), { headers: { 'X-A': 'b' } });
  const [live] = await within(2_000, 'a live entry', take(reader, 1));
  t.match(live, { seq: 3_001, subject: 'events.live', pending: 0 });
  t.equal(live!.header('x-a'), 'b');
  await reader.close();

  const late = await channel.readFrom('events', 2_990);
  t.ok(isRun(await take(late, 5), 2_990));
  await late.close();
  const next = await channel.readFrom('events', 3_002);
  await channel.append('events.a', bytes(''));
  t.equal((await take(next, 1))[0]!.seq, 3_002, 'the position behind the end waits');
  await next.close();
  await t.rejects(channel.readFrom('events', 4_000), { kind: 'conflict', message: /ends at 3002/ });

  await channel.purgeStream('events', 2_000);
  const gap = await channel.readFrom('events', 5);
  t.equal((await take(gap, 1))[0]!.seq, 2_000, 'begins where the stream begins');
  await gap.close();
});

await onEachServer(
  t,
  'reader - ends when it or the channel is closed, also when idle',
  async (t, { binary }) => {
    const { channel, connect } = await fixture(t, { binary });
    await channel.ensureStream(eventStream());
    const reader = await channel.readFrom('events', 1);
    const idle = take(reader, 1);
    await reader.close();
    t.same(await within(500, 'the end of an idle reader', idle), []);
    t.same(await take(reader, 1), [], 'and stays ended');

    await channel.append('events.a', bytes(''));
    const broken = await channel.readFrom('events', 1);
    for await (const entry of broken) {
      t.equal(entry.seq, 1);
      break;
    }
    t.same(await take(broken, 1), [], 'leaving the loop closes it');

    const other = await connect();
    const abandoned = take(await other.readFrom('events', 2), 1);
    await other.close();
    t.same(await within(500, 'the end with the channel', abandoned), []);
  },
);

interface ConsumerState {
  readonly delivered: { readonly stream_seq: number };
}

const consumersOf = async (channel: Channel): Promise<string[]> => {
  const names = await channel.request('$JS.API.CONSUMER.NAMES.events', bytes('{}'), { timeoutMs: 2_000 });
  return (JSON.parse(text(names.data)) as { consumers: string[] }).consumers;
};

// Goal: a backlog far above what a reader may hold stays at the server while nobody asks for it.
// Method: the server says how much it has handed out, once that has stopped growing.
await onEachServer(t, 'reader - a slow one does not take the backlog into memory', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  await channel.ensureStream(eventStream({ bytesMax: 256 * 1024 * 1024 }));
  await appendMany(channel, 1, 4_000, 20_000);
  const reader = await channel.readFrom('events', 1);
  await take(reader, 1);
  const [consumer] = await consumersOf(channel);
  const handedOut = async (): Promise<number> => {
    const subject = `$JS.API.CONSUMER.INFO.events.${consumer}`;
    const info = await channel.request(subject, bytes(''), { timeoutMs: 2_000 });
    return (JSON.parse(text(info.data)) as ConsumerState).delivered.stream_seq;
  };
  let looks = 0;
  let last = 0;
  await until(5_000, 'the deliveries to rest', async () => {
    const now = await handedOut();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks === 10;
  });
  t.ok(last < 1_000, `4,000 entries of 20 kB wait, ${last} were handed out`);
  const rest = await within(10_000, 'the rest', take(reader, 3_999));
  t.ok(isRun(rest, 2));
  t.equal(rest.length, 3_999);
  await reader.close();
});

await onEachServer(
  t,
  'reader - survives a killed server without loss or repetition',
  async (t, { binary }) => {
    const { channel, server } = await fixture(t, { binary });
    const events: string[] = [];
    channel.onEvent((event) => events.push(event));
    await channel.ensureStream(eventStream());
    await appendMany(channel, 1, 2_000);
    const reader = await channel.readFrom('events', 1);
    const seen = await within(5_000, 'the first part', take(reader, 700));
    for (let kills = 1; kills <= 2; kills++) {
      await server.kill();
      await server.restart();
      await until(
        10_000,
        'a reconnect',
        () => events.filter((event) => event === 'reconnect').length === kills,
      );
      const first = 2_000 + (kills - 1) * 300 + 1;
      await appendMany(channel, first, first + 299);
      seen.push(...(await within(10_000, `reading after kill ${kills}`, take(reader, 900))));
    }
    seen.push(...(await within(10_000, 'the rest', take(reader, 2_600 - seen.length))));
    t.equal(seen.length, 2_600);
    t.ok(isRun(seen, 1), 'in order, each once');
    const idle = take(reader, 1);
    await channel.append('events.a', bytes('after'));
    t.equal((await within(3_000, 'a live entry', idle))[0]?.seq, 2_601);
    await reader.close();
  },
);

await onEachServer(t, 'reader - a consumer that vanishes is made again', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  await channel.ensureStream(eventStream());
  await appendMany(channel, 1, 10);
  const reader = await channel.readFrom('events', 1);
  await take(reader, 10);
  const consumers = await consumersOf(channel);
  t.equal(consumers.length, 1);
  await channel.request(`$JS.API.CONSUMER.DELETE.events.${consumers[0]}`, bytes(''), { timeoutMs: 2_000 });
  const idle = take(reader, 1);
  await channel.append('events.a', bytes(''));
  t.equal((await within(10_000, 'an entry by the new consumer', idle))[0]?.seq, 11);
  await reader.close();
});

await onEachServer(t, 'reader - a stream that is not the same any more is refused', async (t, { binary }) => {
  const { channel, server } = await fixture(t, { binary });
  await channel.ensureStream(eventStream());
  await appendMany(channel, 1, 10);
  const reader = await channel.readFrom('events', 1);
  await take(reader, 10);
  const idle = take(reader, 1);
  idle.catch(() => {});
  await channel.deleteStream('events');
  await channel.ensureStream(eventStream());
  await appendMany(channel, 1, 20);
  await server.restart();
  await t.rejects(within(15_000, 'the refusal', idle), { kind: 'conflict', message: /made anew/ });
});
