import fc from 'fast-check';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import {
  contentHeaders,
  contentTypeHeader,
  decode,
  encode,
  formatOf,
  jsonType,
  msgpackType,
  packInternal,
  unpackInternal,
} from '../../src/protocol/codec.ts';

const bytes = (...items: number[]) => Uint8Array.from(items);
const text = (value: string) => new TextEncoder().encode(value);

/** Values that both formats hold: no -0 and nothing undefined, which JSON has not. */
const anyValue = fc
  .jsonValue({ noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')));

t.test('codec - what is encoded comes back, in either format', async (t) => {
  for (const format of ['json', 'msgpack'] as const) {
    const type = contentHeaders(format)[contentTypeHeader];
    fc.assert(
      fc.property(anyValue, (value) => {
        return JSON.stringify(decode(encode(value, format), type)) === JSON.stringify(value);
      }),
    );
  }
  const wide = { large: 2 ** 53 - 1, small: -(2 ** 53 - 1), tiny: 5e-324, huge: 1.7e308, half: 0.5 };
  t.same(decode(encode(wide, 'msgpack'), msgpackType), wide);
  t.same(decode(encode(wide, 'json'), undefined), wide);
});

t.test('codec - MessagePack is plain: other clients read it, and 64-bit integers are numbers', async (t) => {
  for (const time of ['once', 'again: no records']) {
    t.same([...encode({ a: 1 }, 'msgpack')], [0xde, 0, 1, 0xa1, 0x61, 1], time);
  }
  t.equal(decode(bytes(0xcf, 0, 0, 0, 1, 0, 0, 0, 0), msgpackType), 2 ** 32);
  t.equal(decode(bytes(0xd3, 255, 255, 255, 255, 255, 255, 255, 255), msgpackType), -1);
});

t.test('codec - the content type chooses the format', async (t) => {
  for (const type of [undefined, '', jsonType, 'Application/JSON', 'application/json; charset=utf-8']) {
    t.equal(formatOf(type), 'json', type ?? 'none');
  }
  for (const type of [msgpackType, ' application/msgpack ', 'APPLICATION/MSGPACK;v=1']) {
    t.equal(formatOf(type), 'msgpack', type);
  }
  t.same(contentHeaders('json'), {});
  t.same(contentHeaders('msgpack'), { 'Content-Type': 'application/msgpack' });
  t.throws(() => decode(text('{}'), 'text/csv'), {
    kind: 'badInput',
    message: 'Content-Type text/csv is not known; expected application/json or application/msgpack',
  });
});

t.test('codec - what cannot be decoded is refused by its format', async (t) => {
  const cases: [string, Uint8Array, string | undefined, RegExp][] = [
    ['empty', bytes(), undefined, /^the message is empty$/],
    ['empty MessagePack', bytes(), msgpackType, /^the message is empty$/],
    ['half of JSON', text('{"a":'), undefined, /^the message is not valid JSON: /],
    ['two of JSON', text('{}{}'), undefined, /not valid JSON/],
    ['NaN', text('{"a":NaN}'), undefined, /not valid JSON/],
    ['not UTF-8', bytes(0x22, 0xff, 0x22), undefined, /not valid JSON/],
    ['MessagePack without its header', encode({ a: 1 }, 'msgpack'), undefined, /not valid JSON/],
    ['JSON under the wrong header', text('{"a":1}'), msgpackType, /not valid MessagePack/],
    [
      'cut short',
      encode({ a: 'x'.repeat(99) }, 'msgpack').subarray(0, 50),
      msgpackType,
      /not valid MessagePack/,
    ],
    ['two values', bytes(1, 2), msgpackType, /not valid MessagePack/],
    ['a map for a key', bytes(0x81, 0x80, 1), msgpackType, /not valid MessagePack/],
    ['an unknown extension', bytes(0xd4, 99, 0), msgpackType, /Unknown extension/],
  ];
  for (const [name, data, type, message] of cases) {
    t.throws(() => decode(data, type), { kind: 'badInput', message }, name);
  }
});

t.test('codec - extensions that are not plain data are refused', async (t) => {
  const cases: [string, Uint8Array][] = [
    ['a big integer, which JSON cannot hold', bytes(0xc7, 2, 0x42, 1, 1)],
    ['an array that holds itself', bytes(0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1)],
    ['a set', bytes(0xd4, 0x73, 0, 0x91, 1)],
    ['a regular expression', bytes(0xd4, 0x78, 0, 0x92, 0xa1, 0x61, 0xa0)],
    ['an error', bytes(0xd4, 0x65, 0, 0x93, 0xa1, 0x61, 0xa0, 0xa0)],
    ['a typed array', bytes(0xd7, 0x74, 0, 0, 0, 0, 0, 0, 0, 0)],
  ];
  for (const [name, data] of cases) {
    t.throws(
      () => decode(data, msgpackType),
      { kind: 'badInput', message: /is not plain MessagePack/ },
      name,
    );
  }
});

t.test('codec - one message leaves nothing for the next', async (t) => {
  const record = bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 5);
  t.same(decode(record, msgpackType), { a: 5 });
  t.equal(decode(bytes(0x40), msgpackType), 64, 'a record that was defined is forgotten');
  t.throws(() => decode(new Uint8Array(50).fill(0x91), msgpackType), { kind: 'badInput', message: /./ });
  t.same(decode(encode({ a: [1, 'x'] }, 'msgpack'), msgpackType), { a: [1, 'x'] }, 'after a refusal too');
});

t.test('codec - deep nesting ends in a value or a refusal, never in a crash', async (t) => {
  const depth = 100_000;
  const cases: [Uint8Array, string | undefined][] = [
    [text('['.repeat(depth)), undefined],
    [text('['.repeat(depth) + ']'.repeat(depth)), undefined],
    [text(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`), undefined],
    [new Uint8Array(depth).fill(0x91), msgpackType],
    [Uint8Array.from({ length: depth * 3 }, (_, i) => [0x81, 0xa1, 0x61][i % 3]!), msgpackType],
    [new Uint8Array(depth + 1).fill(0x91).fill(1, depth), msgpackType],
  ];
  for (const [data, type] of cases) {
    let caught: unknown;
    try {
      decode(data, type);
    } catch (error) {
      caught = error;
    }
    t.ok(caught === undefined || caught instanceof MillraceError, String(caught));
    t.notMatch(String(caught), /call stack/, 'says what is wrong with the message');
  }
});

t.test('codec - a declared length that the message does not hold takes no memory', async (t) => {
  const nested = (head: number[], times: number) =>
    Uint8Array.from(Array.from({ length: times }, () => head).flat());
  const cases: [string, Uint8Array][] = [
    ['array', bytes(0xdd, 0xff, 0xff, 0xff, 0xff)],
    ['arrays of 33 million', nested([0xdd, 1, 0xff, 0xff, 0xff], 8)],
    ['arrays of 65,535', nested([0xdc, 0xff, 0xff], 1000)],
    ['map', bytes(0xdf, 0x7f, 0xff, 0xff, 0xff)],
    ['string', bytes(0xdb, 0x7f, 0xff, 0xff, 0xff)],
    ['bytes', bytes(0xc6, 0x7f, 0xff, 0xff, 0xff)],
    ['extension', bytes(0xc9, 0x7f, 0xff, 0xff, 0xff, 1)],
  ];
  const memory = () => process.memoryUsage().rss;
  const before = memory();
  for (const [name, data] of cases) {
    t.throws(() => decode(data, msgpackType), { kind: 'badInput', message: /not valid MessagePack/ }, name);
  }
  t.ok(memory() - before < 64 * 2 ** 20, `${memory() - before} bytes`);
});

t.test('codec - arbitrary bytes give a value or a MillraceError', async () => {
  const property = fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (data, packed) => {
    try {
      decode(data, packed ? msgpackType : undefined);
      return true;
    } catch (error) {
      return error instanceof MillraceError && error.kind === 'badInput';
    }
  });
  fc.assert(property, { numRuns: 3000 });
});

t.test('codec - internal messages carry bytes as bytes', async (t) => {
  const floats = new Float32Array([1, -0, Number.NaN]);
  const message = { commit: 3, rows: new Uint8Array(floats.buffer), tally: undefined };
  const back = unpackInternal<typeof message>(packInternal(message));
  t.equal(back.commit, 3);
  t.equal(Buffer.compare(back.rows, message.rows), 0);
  t.equal(back.tally, undefined);
});
