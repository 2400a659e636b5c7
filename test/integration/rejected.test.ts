/**
 * Refused events in the hands of an operator. The goal: what is shown is what came; a retry is learned exactly once
 * when its reason is gone, comes back when it is not, and is never something else than the original.
 */
import t, { type Test } from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { encode } from '../../src/protocol/codec.ts';
import type {
  DroppedEvents,
  KeptRejection,
  RejectedEvent,
  RejectedList,
  RetriedEvents,
} from '../../src/protocol/messages.ts';
import { inProcess } from '../cli/command-line.ts';
import { bytes } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import { type Running, refused, startRunning, temporaryFolder } from '../support/running-server.ts';

t.setTimeout(120_000);
const skip = availableServers().length === 0 && 'no nats-server';

const learn = (model: string) => `millrace.v1.learn.${model}`;
const packed = (value: unknown) => encode(value, 'msgpack');
const packedType = { 'Content-Type': 'application/msgpack' };
const event = { features: { a: 1 }, label: 1 };
const wide = { features: { a: 1, b: 2, c: 3 }, label: 1 };
/** What has more features is refused until the limit is raised. */
const narrow: ModelInput = { limits: { featuresMax: 2 } };

const rejectedOf =
  ({ ask }: Running) =>
  async <Reply>(model: string, body: object): Promise<Reply> =>
    (await ask(`millrace.v1.ctl.rejected.${model}`, body)) as Reply;

t.test('rejected - listed and shown as they came', { skip }, async (t) => {
  const running = await startRunning(t, { m: narrow, n: narrow });
  const { append, caughtUp, client } = running;
  const rejected = rejectedOf(running);
  t.same(await rejected('m', { op: 'list' }), { events: [] });
  await append(learn('m'), { ...event, id: 'lone', weight: -1 });
  await append(learn('n'), { ...event, weight: -1 });
  const inArray = await append(`${learn('m')}.user7`, packed([event, { ...wide, id: 7 }, event]), packedType);
  const notANumber = packed({ features: { a: Number.NaN }, label: 1 });
  await append(learn('m'), notANumber, packedType);
  const broken = Buffer.from([0x81, 0xc1, 0xff]);
  await append(learn('m'), broken, packedType);
  t.match(await caughtUp('m'), { learned: 2, rejected: 4 });
  await caughtUp('n');

  const { events, ...rest } = await rejected<RejectedList>('m', { op: 'list' });
  t.same(rest, {}, 'there is no more');
  t.match(events, [
    { code: 400, reason: /MessagePack/, index: 0 },
    { code: 400, reason: /features\.a.*NaN/ },
    { code: 413, reason: /more than 2/, seq: inArray, index: 1, id: 7 },
    { code: 400, reason: /weight/, seq: 2, index: 0, id: 'lone', at: /^\d{4}-.*Z$/ },
  ]);
  t.notOk('original' in events[0]!);
  t.ok(events[3]!.entry < events[2]!.entry, 'newest first');
  const shown = await Promise.all(
    events.map(({ entry }) => rejected<KeptRejection>('m', { op: 'show', entry })),
  );
  t.match(shown, [
    { model: 'm', whole: true, original: broken.toString('base64') },
    { inexact: true, original: { features: { a: null }, label: 1 } },
    { key: 'user7', original: { ...wide, id: 7 } },
    { entry: events[3]!.entry, original: { ...event, id: 'lone', weight: -1 } },
  ]);
  t.same(
    shown.map(({ whole = false, inexact = false }) => [whole, inexact]),
    [
      [true, false],
      [false, true],
      [false, false],
      [false, false],
    ],
  );
  t.match(await client.rejectedEvents('m', { reason: 'WEIGHT' }), { events: [{ id: 'lone' }] });
  const [own] = (await client.rejectedEvents('n')).events;
  t.match(await refused(client.rejectedEvent('m', own!.entry)), {
    code: 404,
    message: /no rejected event of m has the number \d+.*millrace rejected list m/,
  });
  await t.test('rejected - what cannot be asked is refused by name', async (t) => {
    const no = async (code: number, message: RegExp, body: object, model = 'm') =>
      t.match(await refused(rejected(model, body)), { code, message });
    await no(404, /no model is named nobody/, { op: 'list' }, 'nobody');
    await no(400, /op/, { op: 'burn' });
    await no(400, /limit: expected at least 1$/, { op: 'list', limit: 0 });
    await no(400, /limit: expected at most 1000$/, { op: 'list', limit: 1001 });
    await no(400, /entry/, { op: 'show' });
    await no(400, /entries/, { op: 'retry', entries: [] });
    await no(400, /entries/, { op: 'drop', entries: Array.from({ length: 101 }, (_, at) => at + 1) });
  });
});

t.test('retry - learned once its reason is gone, and once only', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const limits = { ...narrow.limits, eventsPerMessageMax: 3 };
  const before = await startRunning(t, { m: { limits } }, { folder });
  await before.append(learn('m'), [event, event, event, event]);
  await before.append(learn('m'), wide);
  await before.append(`${learn('m')}.k`, packed([event, { ...wide, id: 'x' }, event]), packedType);
  await before.append(learn('m'), bytes('{'));
  t.match(await before.caughtUp('m'), { learned: 2, rejected: 4 });
  await before.stop();

  const running = await startRunning(t, { m: {} }, { folder });
  const { channel, caughtUp, client } = running;
  const [broken, packedOne, lone, array] = (await client.rejectedEvents('m')).events.map(
    ({ entry }) => entry,
  );
  const { lastSeq } = (await channel.streamState('millrace_m'))!;
  const done = await client.retryRejected('m', [array!, lone!, packedOne!, broken!]);
  t.same(done, {
    retried: [array, lone, packedOne, broken].map((entry, at) => ({
      entry,
      seq: lastSeq + 1 + at,
      duplicate: false,
    })),
    failed: [],
  });
  t.match(await caughtUp('m'), { learned: 8, rejected: 5 }, 'six are learned, one is bad again');
  const kept = await client.rejectedEvents('m');
  t.match(kept.events, [{ seq: lastSeq + 4, code: 400 }], 'it came back with its new place');
  t.equal(kept.events.length, 1);
  const copy = await channel.entryAt('millrace_m', lastSeq + 3);
  t.equal(copy?.subject, `${learn('m')}.k`, 'under its key');
  t.equal(copy?.header('content-type'), packedType['Content-Type'], 'in its format');
  t.same(Buffer.from(copy!.data), Buffer.from(packed({ ...wide, id: 'x' })), 'that one event, as it came');

  t.match(await client.retryRejected('m', [lone!]), {
    retried: [],
    failed: [{ entry: lone, error: { code: 404, message: /no rejected event of m has the number/ } }],
  });
  t.match(await caughtUp('m'), { learned: 8 });
});

t.test('retry - cut off between ack and removal, it is still learned once', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const before = await startRunning(t, { m: narrow }, { folder });
  await before.append(learn('m'), wide);
  await before.append(learn('m'), wide);
  await before.caughtUp('m');
  await before.stop();

  const running = await startRunning(t, { m: {} }, { folder });
  const { channel, caughtUp, client } = running;
  const entries = (await client.rejectedEvents('m')).events.map(({ entry }) => entry);
  const created = Date.parse((await channel.streamState('millrace_rejected'))!.created);
  const copyOf = (entry: number) => {
    const msgId = `retry-${created}-${entry}`;
    return { msgId, data: encode({ ...wide, id: msgId }, 'json') };
  };
  const inWindow = copyOf(entries[0]!);
  const { seq } = await channel.append(learn('m'), inWindow.data, { msgId: inWindow.msgId });
  t.same(await client.retryRejected('m', [entries[0]!]), {
    retried: [{ entry: entries[0], seq, duplicate: true }],
    failed: [],
  });
  // Of the second the stream knows nothing any more, as after its window: the learners' memory of ids does.
  await channel.append(learn('m'), copyOf(entries[1]!).data);
  t.match(await client.retryRejected('m', [entries[1]!]), { retried: [{ duplicate: false }] });
  t.match(await caughtUp('m'), { learned: 2, duplicates: 1 });
  t.same(await client.rejectedEvents('m'), { events: [] });
});

t.test('retry - a number beyond float64 is refused once more, and not left out', { skip }, async (t) => {
  const { append, caughtUp, client } = await startRunning(t, { m: {} });
  await append(learn('m'), bytes('{"features":{"a":1e400,"b":1},"label":1}'));
  t.match(await caughtUp('m'), { rejected: 1 });
  t.match(await client.retryRejected('m', {}), { failed: [] });
  t.match(await caughtUp('m'), { learned: 0, rejected: 2 });
  t.match(await client.rejectedEvents('m'), { events: [{ reason: /features\.a: .* got Infinity/ }] });
});

t.test('retry - without the message in the stream, only what was kept exactly', { skip }, async (t) => {
  const running = await startRunning(t, { m: narrow });
  const { append, caughtUp, channel, client } = running;
  await append(`${learn('m')}.k`, { ...wide, id: 'kept' });
  await append(learn('m'), packed({ features: { a: Number.NaN }, label: 1 }), packedType);
  await append(learn('m'), bytes('{'));
  const last = await append(learn('m'), event);
  await caughtUp('m');
  await channel.purgeStream('millrace_m', last);
  const { retried, failed } = await client.retryRejected('m', {});
  t.equal(retried.length, 1);
  const copy = await channel.entryAt('millrace_m', retried[0]!.seq);
  t.equal(copy?.subject, `${learn('m')}.k`);
  t.same(JSON.parse(Buffer.from(copy!.data).toString()), { ...wide, id: 'kept' });
  t.match(failed, [
    { error: { code: 409, message: /no longer in the event stream.*not exact/ } },
    { error: { code: 409 } },
  ]);
  t.match(await caughtUp('m'), { rejected: 4 });
  t.equal((await client.rejectedEvents('m')).events.length, 3, 'what was not sent again stays');
});

t.test('rejected - thousands among those of another model, page by page', { skip }, async (t) => {
  const running = await startRunning(t, { m: narrow, n: narrow });
  const { append, caughtUp, client } = running;
  const bad = (count: number, from: number) =>
    Array.from({ length: count }, (_, at) => ({
      ...event,
      id: `e${from + at}`,
      ...(at % 2 === 0 ? { weight: -1 } : { label: 5 }),
    }));
  const ids: string[] = [];
  for (const [model, count] of [
    ['m', 40],
    ['n', 1500],
    ['m', 1200],
    ['n', 30],
    ['m', 5],
  ] as const) {
    const events = bad(count, ids.length);
    if (model === 'm') ids.push(...events.map(({ id }) => id));
    await append(learn(model), events);
    await caughtUp(model);
  }
  const seen: unknown[] = [];
  let before: number | undefined;
  do {
    const page = await client.rejectedEvents('m', { limit: 300, ...(before && { before }) });
    seen.push(...page.events.map(({ id }) => id));
    before = page.before;
  } while (before !== undefined);
  t.equal(seen.length, ids.length);
  t.same(new Set(seen), new Set(ids), 'each once');
  t.match(await client.rejectedEvents('m', { limit: 2 }), { events: [{ id: 'e1244' }, { id: 'e1243' }] });
  t.equal((await client.dropRejected('m', { reason: 'weight' })).dropped.length, 20 + 600 + 3);
  const { retried, failed } = await client.retryRejected('m', {});
  t.same([retried.length, failed.length], [20 + 600 + 2, 0]);
  await caughtUp('m');
  const again = await running.rejected('m');
  t.same(
    [again.length, again[0]?.reason.startsWith('label')],
    [622, true],
    'none is retried twice in one go',
  );
  t.same(
    again.map(({ original }) => (original as { id: string }).id),
    ids.filter((_, at) => (at < 40 ? at : at < 1240 ? at - 40 : at - 1240) % 2 === 1),
    'in the order in which they came',
  );
  t.equal((await running.rejected('n')).length, 1530, 'those of others stay');
});

t.test('rejected - at the command line', { skip }, async (t) => {
  const running = await startRunning(t, { m: narrow });
  await commandLine(t, running);
});

async function commandLine(t: Test, running: Running): Promise<void> {
  const { append, caughtUp, server, client } = running;
  const rejected = (...args: string[]) => inProcess(['rejected', ...args, '--server', server.url]);
  const none = await rejected('list', 'm');
  t.match(none, { code: 0, stdout: 'm has no rejected events\n' });
  t.match(await rejected('list', 'm', '--reason', 'x'), { stdout: /no rejected events with "x" in/ });
  await append(learn('m'), [
    { ...event, id: 'good' },
    { ...event, id: 'bad', weight: -1 },
  ]);
  await append(learn('m'), bytes('{"a": \u001b[5m'));
  await caughtUp('m');

  const list = await rejected('list', 'm');
  t.match(list.stdout, /entry\s+when\s+sequence\s+id\s+code\s+reason/);
  t.match(list.stdout, /2\s+\d{4}-\S+Z\s+3\s+-\s+400\s+the message is not valid JSON/);
  t.match(list.stdout, /1\s+\d{4}-\S+Z\s+2\[1\]\s+bad\s+400\s+weight: expected a number/);
  t.match(await rejected('list', 'm', '--limit', '1'), { stdout: /there may be more: add --before 2/ });
  const { events } = JSON.parse((await rejected('list', 'm', '--json')).stdout) as RejectedList;
  t.match(events, [{ entry: 2 }, { entry: 1, seq: 2, index: 1, id: 'bad', code: 400, reason: /weight/ }]);

  const shown = await rejected('show', 'm', '1');
  t.match(shown.stdout, /reason\s+weight: expected.*\(400\)/);
  t.match(shown.stdout, /sequence 2, index 1/);
  t.match(shown.stdout, /"id": "bad"/);
  t.match((await rejected('show', 'm', '2')).stdout, /a whole message of 10 bytes\n\{"a": \\u001b\[5m\n/);
  const original = JSON.parse((await rejected('show', 'm', '1', '--json')).stdout) as RejectedEvent;
  t.same(original.original, { ...event, id: 'bad', weight: -1 });
  t.match(await rejected('show', 'm', '99'), { code: 1, stderr: /no rejected event of m has the number 99/ });
  t.match(await rejected('list', 'nobody'), { code: 1, stderr: /no model is named nobody/ });

  for (const verb of ['retry', 'drop']) {
    t.match(await rejected(verb, 'm'), { code: 2, stderr: /name the entries.*--all/ });
    t.match(await rejected(verb, 'm', '1', '--all'), { code: 2 });
    t.match(await rejected(verb, 'm', '1', '--reason', 'x'), { code: 2, stderr: /goes with --all/ });
  }
  t.match(await rejected('show', 'm', 'x'), { code: 2 });
  t.match(await rejected('drop', 'm', '2'), { code: 2, stderr: /Remove 1 rejected event of m.*--yes/ });
  t.equal((await client.rejectedEvents('m')).events.length, 2, 'nothing was removed unasked');
  t.match(await rejected('retry', 'm', '1', '99'), {
    code: 1,
    stdout: /1 rejected event of m sent again; the last stands at sequence 4/,
    stderr: /entry 99:.*no rejected event/,
  });
  await caughtUp('m');
  const retry = await rejected('retry', 'm', '--all', '--reason', 'weight', '--json');
  t.match(JSON.parse(retry.stdout) as RetriedEvents, { retried: [{ entry: 3, seq: 5 }], failed: [] });
  await caughtUp('m');
  t.match(await rejected('drop', 'm', '2', '--yes'), { code: 0, stdout: '1 rejected event of m removed\n' });
  const drop = await rejected('drop', 'm', '--all', '--yes', '--json');
  t.same(JSON.parse(drop.stdout) as DroppedEvents, { dropped: [4], failed: [] });
  t.match(await rejected('list', 'm'), { code: 0, stdout: 'm has no rejected events\n' });
}
