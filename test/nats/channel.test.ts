import t from 'tap';
import { SetupError } from '../../src/base/errors.ts';
import type { Message } from '../../src/nats/channel.ts';
import { connectChannel, NoServerError } from '../../src/nats/connection.ts';
import {
  bytes,
  eventStream,
  fixture,
  onEachServer,
  refusal,
  text,
  until,
  within,
} from '../support/channel-fixture.ts';
import { startTestServer } from '../support/nats-server.ts';

await onEachServer(
  t,
  'messages - publish, request and errors as the interface says',
  async (t, { binary, version }) => {
    const { channel } = await fixture(t, { binary });
    t.equal(channel.serverVersion, version);
    t.equal(channel.maxPayload, 1024 * 1024);

    const heard: Message[] = [];
    const subscription = channel.subscribe('news.*', (message) => heard.push(message));
    channel.publish('news.one', bytes('1'), { 'X-Kind': 'first' });
    channel.publish('news.two', bytes('2'));
    await channel.flush();
    await until(2_000, 'both messages', () => heard.length === 2);
    t.same(
      heard.map((message) => [
        message.subject,
        text(message.data),
        message.header('x-kind'),
        message.wantsReply,
      ]),
      [
        ['news.one', '1', 'first', false],
        ['news.two', '2', undefined, false],
      ],
    );
    heard[0]!.respond(bytes('nobody asked'));
    subscription.unsubscribe();
    channel.publish('news.three', bytes('3'));
    await channel.flush();
    t.equal(heard.length, 2, 'nothing after unsubscribe');

    const echo = channel.subscribe('echo', (message) =>
      message.respond(message.data, { 'Content-Type': 'a/b' }),
    );
    const reply = await channel.request('echo', bytes('hello'), { timeoutMs: 2_000 });
    t.equal(text(reply.data), 'hello');
    t.equal(reply.header('content-type'), 'a/b');
    await echo.drain();

    await t.rejects(channel.request('echo', bytes(''), { timeoutMs: 2_000 }), {
      kind: 'notReady',
      message: /echo/,
    });
    channel.subscribe('silent', () => {});
    await t.rejects(channel.request('silent', bytes(''), { timeoutMs: 50 }), { kind: 'deadline', code: 504 });
    channel.subscribe('refusing', (message) =>
      message.respond(bytes(''), { 'nats-service-error-code': '429', 'Nats-Service-Error': 'too\r\nmany' }),
    );
    await t.rejects(channel.request('refusing', bytes(''), { timeoutMs: 2_000 }), {
      kind: 'overloaded',
      message: 'too many',
    });
  },
);

await onEachServer(t, 'messages - too large ones are refused before they are sent', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary, config: 'max_payload: 1000' });
  t.equal(channel.maxPayload, 1_000);
  const big = new Uint8Array(1_001);
  t.throws(() => channel.publish('a', big), { kind: 'tooLarge', code: 413 });
  t.throws(() => channel.publish('a', new Uint8Array(990), { name: 'value' }), refusal('tooLarge'));
  await t.rejects(channel.request('a', big, { timeoutMs: 1_000 }), refusal('tooLarge'));
  await t.rejects(channel.append('a', big), refusal('tooLarge'));

  let thrown: unknown;
  channel.subscribe('wide', (message) => {
    try {
      message.respond(big);
    } catch (error) {
      thrown = error;
      message.respond(bytes('short'));
    }
  });
  const reply = await channel.request('wide', bytes(''), { timeoutMs: 2_000 });
  t.equal(text(reply.data), 'short', 'the connection lives on');
  t.match(thrown, refusal('tooLarge'));
});

await onEachServer(t, 'streams - made, kept, limited, looked into and removed', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  t.equal(await channel.streamState('events'), undefined);
  await t.rejects(channel.append('events.a', bytes('x')), { kind: 'notReady', message: /no stream/ });

  const made = await channel.ensureStream(eventStream());
  t.match(made, { lastSeq: 0, messages: 0 });
  t.equal((await channel.ensureStream(eventStream())).created, made.created, 'the same stream');
  await t.rejects(channel.ensureStream(eventStream({ subjects: ['other.>'] })), refusal('conflict'));
  await t.rejects(
    channel.ensureStream(eventStream({ name: 'twin' })),
    refusal('conflict'),
    'overlapping subjects',
  );
  await t.rejects(
    channel.ensureStream(eventStream({ name: 'vast', subjects: ['vast'], bytesMax: 2 ** 40 })),
    {
      kind: 'overloaded',
      message: /streamBytesMax/,
    },
  );

  t.same(await channel.append('events.a', bytes('1'), { msgId: 'm1', headers: { 'X-A': 'b' } }), {
    seq: 1,
    duplicate: false,
  });
  t.same(await channel.append('events.a', bytes('1'), { msgId: 'm1' }), { seq: 1, duplicate: true });
  t.equal((await channel.append('events.b', bytes('2'), { expectLastSeq: 1 })).seq, 2);
  await t.rejects(channel.append('events.b', bytes('3'), { expectLastSeq: 1 }), refusal('conflict'));
  await t.rejects(channel.append('events.a', bytes('3'), { expectLastSubjectSeq: 2 }), refusal('conflict'));
  t.equal((await channel.append('events.a', bytes('3'), { expectLastSubjectSeq: 1 })).seq, 3);

  const first = await channel.entryAt('events', 1);
  t.match(first, { seq: 1, subject: 'events.a', pending: 2 });
  t.equal(first?.header('x-a'), 'b');
  t.equal(first?.header('x-none'), undefined);
  t.ok(Math.abs(first!.timeMs - Date.now()) < 60_000, 'stamped with the time');
  t.equal(await channel.entryAt('events', 99), undefined);
  t.equal((await channel.lastEntry('events', 'events.b'))?.seq, 2);
  t.equal((await channel.lastEntry('events', 'events.*'))?.seq, 3);
  t.equal(await channel.lastEntry('events', 'events.none'), undefined);
  t.equal(await channel.lastEntry('absent', 'events.a'), undefined);

  t.equal((await channel.nextEntry('events', 'events.a', 0))?.seq, 1);
  t.equal((await channel.nextEntry('events', 'events.a', 2))?.seq, 3, 'what others wrote is passed over');
  t.equal(await channel.nextEntry('events', 'events.a', 4), undefined);
  t.equal(await channel.nextEntry('absent', 'events.a', 1), undefined);
  t.equal((await channel.append('events.c', bytes('4'))).seq, 4);
  t.equal(await channel.removeEntry('events', 4), true);
  t.equal(await channel.removeEntry('events', 4), false, 'it is gone');
  t.equal(await channel.removeEntry('events', 99), false);
  t.equal(await channel.removeEntry('absent', 1), false);

  await channel.purgeStream('events', 0);
  t.equal((await channel.streamState('events'))?.messages, 3, 'a purge below the start removes nothing');
  await channel.purgeStream('events', 3);
  t.match(await channel.streamState('events'), { firstSeq: 3, lastSeq: 4, messages: 1 });
  t.equal(await channel.entryAt('events', 2), undefined);
  await channel.deleteStream('events');
  await channel.deleteStream('events');
  t.equal(await channel.streamState('events'), undefined);
});

await onEachServer(
  t,
  'streams - a full one refuses, and takes again when it may grow',
  async (t, { binary }) => {
    const { channel } = await fixture(t, { binary });
    const small = eventStream({ bytesMax: 4_000 });
    await channel.ensureStream(small);
    const kilobyte = new Uint8Array(1_000);
    for (let i = 0; i < 3; i++) await channel.append('events.a', kilobyte);
    await t.rejects(channel.append('events.a', kilobyte), { kind: 'overloaded', code: 429 });
    await channel.ensureStream({ ...small, bytesMax: 40_000 });
    t.equal((await channel.append('events.a', kilobyte)).seq, 4);
    await channel.ensureStream({ ...small, name: 'ring', subjects: ['ring'], discard: 'old' });
    for (let i = 0; i < 5; i++) await channel.append('ring', kilobyte);
    const ring = await channel.streamState('ring');
    t.equal(ring?.lastSeq, 5);
    t.ok(ring!.firstSeq > 1, 'the oldest went');
  },
);

await onEachServer(t, 'connection - events, errors at connect, and the end', async (t, { binary }) => {
  const { channel, server } = await fixture(t, { binary });
  const events: string[] = [];
  channel.onEvent((event) => events.push(event));
  const heard: string[] = [];
  channel.subscribe('after', (message) => heard.push(text(message.data)));
  await server.restart();
  await until(10_000, 'a reconnect', () => events.includes('reconnect'));
  t.same(events, ['disconnect', 'reconnect']);
  t.equal(channel.maxPayload, 1024 * 1024);
  channel.publish('after', bytes('still there'));
  await until(2_000, 'a message after the restart', () => heard.length === 1);

  await server.stop();
  await until(2_000, 'a disconnect', () => events.length === 3);
  t.equal(channel.maxPayload, 1024 * 1024, 'known also while away');
  await within(2_000, 'a close without a server', channel.close());
  await until(2_000, 'the end', () => events.includes('closed'));
  t.throws(() => channel.publish('after', bytes('')), refusal('notReady'));
  await t.rejects(channel.request('after', bytes(''), { timeoutMs: 100 }), refusal('notReady'));
  await t.rejects(channel.append('after', bytes('')), refusal('notReady'));

  const refused = connectChannel({ servers: [server.url], name: 'late' });
  t.ok((await refused.catch((error: unknown) => error)) instanceof NoServerError);
  await t.rejects(refused, { message: /start nats-server/ });
});

await onEachServer(t, 'connection - credentials', async (t, { binary }) => {
  const config = 'authorization { user: miller, password: "gr ist" }';
  const server = await startTestServer(t, { binary, config });
  const wrong = connectChannel({ servers: [server.url], name: 'x', user: 'miller', password: 'no' });
  await t.rejects(wrong, SetupError);
  await t.rejects(wrong, { message: /credentials.*nats\.user/ });
  const byOptions = await connectChannel({
    servers: [server.url],
    name: 'x',
    user: 'miller',
    password: 'gr ist',
  });
  await byOptions.flush();
  await byOptions.close();
  const url = server.url.replace('//', '//miller:gr%20ist@');
  const byUrl = await connectChannel({ servers: [url], name: 'x' });
  await byUrl.flush();
  await byUrl.close();
  await byUrl.close();
});

await onEachServer(t, 'connection - a refused subscription is told', async (t, { binary }) => {
  const config =
    'authorization { users: [{ user: a, password: b, permissions: { subscribe: "_INBOX.>" } }] }';
  const server = await startTestServer(t, { binary, config });
  const channel = await connectChannel({ servers: [server.url], name: 'x', user: 'a', password: 'b' });
  t.teardown(() => channel.close());
  const details: string[] = [];
  channel.onEvent((event, detail) => event === 'error' && details.push(detail));
  channel.subscribe('secret.news', () => {});
  await until(2_000, 'the refusal', () => details.length > 0);
  t.match(details[0], /secret\.news/);
});

t.test('connection - settings that cannot work are named', async (t) => {
  const connect = (servers: string[], more = {}) => connectChannel({ servers, name: 'x', ...more });
  await t.rejects(connect([]), { name: 'SetupError', message: /nats\.servers/ });
  await t.rejects(connect(['http://127.0.0.1:4222']), { name: 'SetupError', message: /http:.*expected/ });
  await t.rejects(connect(['nats://127.0.0.1:1'], { credentials: '/no/such.creds' }), {
    name: 'SetupError',
    message: /such\.creds/,
  });
});
