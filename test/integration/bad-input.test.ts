/**
 * An attacker at the public subjects. Goal: whatever is sent, it is refused by name or kept in the rejected
 * stream, its neighbours are learned, no parameter stops being a number, and no actor restarts.
 */
import t, { type Test } from 'tap';
import { encode } from '../../src/protocol/codec.ts';
import type { RejectedEvent } from '../../src/protocol/messages.ts';
import { bytes } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import { type Door, fillStream, type Running, refused, startRunning } from '../support/running-server.ts';
import { readState } from '../support/system.ts';

t.setTimeout(120_000);

interface Attack {
  readonly name: string;
  readonly body: Uint8Array;
  readonly contentType?: string;
  readonly code: number;
  /** What the refusal of a prediction, or of an event, must name. */
  readonly says: RegExp;
}

const packedType = 'application/msgpack';
const packed = (value: unknown): Uint8Array => encode(value, 'msgpack');
const json = (value: unknown): Uint8Array => encode(value, 'json');
const fixed = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
/** {"label": 1, "features": <what follows>} in MessagePack. */
const packedFeatures = (...value: (string | number[])[]): Uint8Array =>
  fixed([0x82, 0xa5], 'label', [0x01, 0xa8], 'features', ...value);

const brackets = '['.repeat(100_000);
const closed = ']'.repeat(100_000);
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const manyFeatures = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [at.toString(36), 1]));
const textless = { toString: 1, valueOf: 2 };

const features = (value: unknown) => json({ label: 1, features: value });
const bad = (name: string, body: Uint8Array, says: RegExp, code = 400): Attack => ({
  name,
  body,
  code,
  says,
});
const badPacked = (name: string, body: Uint8Array, says: RegExp, code = 400): Attack => ({
  ...bad(name, body, says, code),
  contentType: packedType,
});

/** Wrong for a prediction and for an event alike. */
const attacks: readonly Attack[] = [
  bad('nothing', bytes(''), /empty/),
  bad('no JSON', bytes('{"features": {"a": }'), /not valid JSON/),
  bad('no UTF-8', fixed([0x22, 0xff, 0xfe, 0x22]), /not valid JSON/),
  bad('an unfinished text', bytes('{"features": "'), /not valid JSON/),
  bad('NaN in JSON', bytes('{"label":1,"features":{"a":NaN}}'), /not valid JSON/),
  bad(
    'a number beyond float64',
    bytes('{"label":1,"features":{"a":1e999}}'),
    /features\.a.*finite.*Infinity/,
  ),
  bad('a number beyond float32', features({ a: -1e39 }), /features\.a.*within float32/),
  bad('a bare number', bytes('7'), /object/),
  bad('a bare text', bytes('"features"'), /object/),
  bad('null', bytes('null'), /object/),
  bad('no features', json({ label: 1 }), /features: missing/),
  bad('features in a list', features([1, 2]), /features: expected an object, got an array/),
  bad('features as text', features('a=1'), /features: expected an object/),
  bad('a mixed array', features({ a: [1, 'x'] }), /features\.a: expected an array of one kind/),
  bad('an array of objects', features({ a: [{}] }), /features\.a: expected an array of strings or numbers/),
  bad('an array of nulls', features({ a: [null] }), /features\.a/),
  bad('the prototype', bytes('{"label":1,"features":{"__proto__":{"a":1}}}'), /__proto__.*not allowed/),
  bad(
    'the prototype, deep',
    bytes('{"label":1,"features":{"x":{"__proto__":1}}}'),
    /x\.__proto__.*not allowed/,
  ),
  bad('100,000 features', features(manyFeatures), /more than 2048/, 413),
  bad(
    '100,000 words',
    features({ words: Array.from({ length: 100_000 }, (_, at) => at.toString(36)) }),
    /more than 2048/,
    413,
  ),
  bad('nested deeper than allowed', bytes(`{"label":1,"features":${nested(50)}}`), /deeper than 8/),
  bad('nested 20,000 deep', bytes(`{"label":1,"features":${nested(20_000)}}`), /deeper than 8/),
  bad('100,000 brackets for features', bytes(`{"label":1,"features":${brackets}${closed}}`), /an object/),
  bad(
    '100,000 brackets for a feature',
    bytes(`{"label":1,"features":{"a":${brackets}${closed}}}`),
    /features\.a/,
  ),
  bad('100,000 brackets that stay open', bytes(brackets), /not valid JSON/),
  { ...bad('a format that nobody knows', bytes('a,b'), /Content-Type text\/csv/), contentType: 'text/csv' },
  badPacked('no MessagePack', bytes('{"features": {}}'), /not valid MessagePack/),
  badPacked(
    'cut MessagePack',
    packed({ label: 1, features: { abc: 'abc' } }).subarray(0, -2),
    /not valid MessagePack/,
  ),
  badPacked('two messages in one', fixed([0x01, 0x01]), /not valid MessagePack|object/),
  badPacked('packed NaN', packed({ label: 1, features: { a: Number.NaN } }), /features\.a.*finite.*NaN/),
  badPacked(
    'packed infinity',
    packed({ label: 1, features: { a: -1 / 0 } }),
    /features\.a.*finite.*-Infinity/,
  ),
  badPacked('packed bytes', packed({ label: 1, features: { a: Buffer.from('xyz') } }), /features\.a/),
  badPacked('a packed date', packed({ label: 1, features: { a: new Date(0) } }), /features\.a/),
  badPacked('a big integer', packedFeatures([0x81, 0xa1], 'a', [0xd7, 0x42, 0, 0, 0, 0, 0, 0, 0, 9]), /./),
  badPacked('a thing in itself', packedFeatures([0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1]), /./),
  badPacked('a regular expression', packedFeatures([0xc7, 0, 0x78, 0x92, 0xa1], '(', [0xa1], 'g'), /./),
  badPacked('a list said to be endless', fixed([0xdd, 0xff, 0xff, 0xff, 0xff]), /not valid MessagePack/),
  badPacked(
    '100,000 packed brackets',
    fixed(Array<number>(100_000).fill(0x91), [0x01]),
    /not valid MessagePack|object/,
  ),
  badPacked(
    'the packed prototype',
    packed({ label: 1, features: JSON.parse('{"__proto__":1}') }),
    /__proto_.*not allowed/,
  ),
];

/** Wrong for an event only. */
const badEvents: readonly Attack[] = [
  bad('no label', json({ features: { a: 1 } }), /label: missing/),
  bad('a null label', json({ features: { a: 1 }, label: null }), /label: missing/),
  bad('a class of its own', json({ features: { a: 1 }, label: 2 }), /label: expected 0, 1.*got 2/),
  bad('a label in words', json({ features: { a: 1 }, label: 'yes' }), /label: expected 0, 1.*got "yes"/),
  bad('a label of parts', json({ features: { a: 1 }, label: [1] }), /label: expected 0, 1/),
  bad(
    'a negative weight',
    json({ features: { a: 1 }, label: 1, weight: -1 }),
    /weight.*at least 0 within float32, got -1/,
  ),
  bad('an endless weight', bytes('{"features":{"a":1},"label":1,"weight":1e999}'), /weight.*Infinity/),
  bad('a weight in words', json({ features: { a: 1 }, label: 1, weight: '2' }), /weight.*got "2"/),
  bad(
    'a weight without words',
    json({ features: { a: 1 }, label: 1, weight: textless }),
    /weight.*an object/,
  ),
  bad('a time in words', json({ features: { a: 1 }, label: 1, time: 'now' }), /time.*"now"/),
  bad('a time without words', json({ features: { a: 1 }, label: 1, time: textless }), /time.*an object/),
  bad('a step beyond float32', json({ features: { a: 3e38 }, label: 1 }), /not finite/),
  bad('a weight beyond float32', json({ features: { a: 1 }, label: 1, weight: 3e38 }), /not finite/),
  bad(
    'too many events',
    json(Array.from({ length: 9_000 }, () => 0)),
    /9000 events in one message; at most 8192/,
    413,
  ),
];

const badRequests: readonly Attack[] = [
  bad('an array', bytes('[]'), /an object with features/),
  bad('instances that are none', json({ instances: 'x' }), /instances: expected an array/),
  bad('an empty id', json({ id: '', features: {} }), /id: expected/),
  bad('an endless id', json({ id: 'x'.repeat(257), features: {} }), /id: expected/),
  bad('a negative minSeq', json({ minSeq: -1, features: {} }), /minSeq.*got -1/),
  bad('a broken minSeq', json({ minSeq: 1.5, features: {} }), /minSeq.*got 1.5/),
  bad('a minSeq in words', json({ minSeq: '1', features: {} }), /minSeq.*got "1"/),
  bad('a minSeq without words', json({ minSeq: textless, features: {} }), /minSeq.*an object/),
  bad('an endless minSeq', bytes('{"minSeq":1e999,"features":{}}'), /minSeq.*Infinity/),
  bad('a negative age', json({ maxAgeMs: -0.1, features: {} }), /maxAgeMs/),
  bad('an age without words', json({ maxAgeMs: textless, features: {} }), /maxAgeMs.*an object/),
];

const headersOf = ({ contentType }: Attack): Record<string, string> =>
  contentType === undefined ? {} : { 'Content-Type': contentType };

t.test('bad input', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const running = await startRunning(t, {
    m: { features: { bits: 12 } },
    full: { limits: { streamBytesMax: 2 ** 20 } },
  });
  await t.test('bad input - a prediction is refused by name', (t) => requests(t, running));
  await t.test('bad input - an event is kept with its reason, alone', (t) => events(t, running));
  await t.test('bad input - noise on inner subjects ends nothing', (t) => noise(t, running));
  await t.test('bad input - parameters stay numbers and no actor restarts', (t) => unharmed(t, running));
  await t.test('bad input - a full stream refuses publishers, who are told', (t) => fullStream(t, running));
});

async function requests(t: Test, { ask }: Door): Promise<void> {
  for (const attack of [...attacks, ...badRequests]) {
    const answer = await refused(ask('millrace.v1.predict.m', attack.body, headersOf(attack)));
    t.match(answer, { code: attack.code, message: attack.says }, attack.name);
  }
}

async function events(t: Test, { append, caughtUp, rejected }: Running): Promise<void> {
  const good = (from: string) => ({ features: { good: 1, from }, label: 1 });
  const learn = 'millrace.v1.learn.m';
  const sent: { attack: Attack; seq: number }[] = [];
  for (const attack of [...attacks, ...badEvents]) {
    sent.push({ attack, seq: await append(learn, attack.body, headersOf(attack)) });
    await append(learn, good('between'));
  }
  const mixed = [good('first'), { features: {}, label: 'x' }, good('second'), 7, good('third')];
  const mixedSeq = await append(learn, mixed);
  const labelSeq = await append('millrace.v1.label.m', { id: 'x', label: 1 });

  const status = await caughtUp('m');
  t.equal(status.learned, sent.length + 3, 'every good neighbour was learned');
  t.equal(status.rejected, sent.length + 3, 'every bad event was counted');
  const kept = await rejected('m');
  t.equal(kept.length, sent.length + 3, 'and kept');
  for (const { attack, seq } of sent) {
    const found = kept.filter((event) => event.seq === seq);
    const wanted = { model: 'm', index: 0, code: attack.code, reason: attack.says, time: Number };
    t.match(found, [wanted], attack.name);
    checkOriginal(t, attack, found[0]!);
  }
  const [second, fourth] = kept.filter((event) => event.seq === mixedSeq);
  t.match(
    second,
    { index: 1, reason: /label/, original: { features: {}, label: 'x' } },
    'alone in its array',
  );
  t.match(fourth, { index: 3, reason: /object/, original: 7 });
  const label = kept.find((event) => event.seq === labelSeq);
  t.match(label, { code: 409, reason: /labels need a join/ }, 'a label without a join is refused by name');
}

/** What could be decoded stands there as it was; what could not, as the bytes of the message. */
function checkOriginal(t: Test, { name, body, contentType }: Attack, { original }: RejectedEvent): void {
  if (original !== null && typeof original === 'object' && 'omitted' in original) return;
  if (contentType !== undefined) return;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (!Array.isArray(value))
      t.equal(JSON.stringify(original), JSON.stringify(value), `${name}: as it came`);
  } catch {
    t.equal(original, Buffer.from(body).toString('base64'), `${name}: byte for byte`);
  }
}

/** Nothing there is public, yet whoever may publish under the root can reach it. */
async function noise(t: Test, { channel, ask }: Running): Promise<void> {
  for (const subject of ['evt.checkpoint.m', 'evt.checkpoint.nobody', 'evt.restart.m', 'evt.rejected.m']) {
    for (const body of ['', '{', 'null', '{"version":"x","epoch":1}', '[]']) {
      channel.publish(`millrace.v1.${subject}`, bytes(body));
    }
  }
  await channel.flush();
  for (const verb of ['', 'nothing', 'status.m.more', 'rollback', 'remove.m.x', 'restart']) {
    const answer = await refused(ask(`millrace.v1.ctl.${verb || 'x'}`, {}));
    t.ok([400, 404].includes(answer.code), `ctl.${verb}: ${answer.code} ${answer.message}`);
  }
  t.match(await ask('millrace.v1.ctl.models', {}), { models: ['full', 'm'] });
}

async function unharmed(t: Test, { client, config, dataDir }: Running): Promise<void> {
  const { actors } = await client.status();
  t.strictSame([...new Set(actors.map(({ state, restarts }) => `${state} ${restarts}`))], ['running 0']);
  const { version } = await client.checkpoint('m');
  const { table } = await readState(dataDir, 'm', config.models.m!, version);
  t.ok(table.every(Number.isFinite), 'every parameter is a number');
  t.ok(
    table.some((value) => value !== 0),
    'and something was learned',
  );
}

async function fullStream(t: Test, running: Running): Promise<void> {
  const { client, ask, caughtUp, modelStatus } = running;
  const event = { features: { a: 1 }, label: 1 };
  const acked = await fillStream(running, 'full');
  t.ok(acked > 5, `${acked} events were taken`);
  const told = await refused(client.learn('full', event));
  t.match(told, { code: 429, message: /takes no more.*raise models\.full\.limits\.streamBytesMax/ });
  await caughtUp('full');
  t.equal((await modelStatus('full')).learned, acked, 'what was acked was learned');
  t.match(
    await ask('millrace.v1.predict.full', { features: { a: 1 } }),
    { prediction: 1 },
    'predictions go on',
  );
  const version = await client.checkpoint('full');
  t.equal(version.learned, acked, 'versions can be made');
  t.match(await client.rollback('full', 0), { version: 0 }, 'and there is a way back');
  t.match(await modelStatus('full'), { phase: 'running' });
}
