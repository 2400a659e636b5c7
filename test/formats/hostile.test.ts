/**
 * Files that somebody wrote to do harm. Whatever is in them, a reader ends, within its memory, in rows, in problems by
 * line, or in one error that is ours; and no object of the process is changed.
 */
import { randomBytes } from 'node:crypto';
import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { MillraceError, SetupError } from '../../src/base/errors.ts';
import type { Mapping } from '../../src/formats/mapping.ts';
import { eventsOf, type RecordFormat, readRecords, recordFormats } from '../../src/formats/records.ts';
import { openSource } from '../../src/formats/source.ts';
import { encode } from '../../src/protocol/codec.ts';

t.setTimeout(120_000);

const mib = 2 ** 20;

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

interface Read {
  readonly rows: number;
  readonly problems: readonly string[];
  readonly events: readonly object[];
  readonly error?: unknown;
}

/** The way of `millrace learn`: unpacked, read, made events, and written as messages. */
async function readAll(
  chunks: AsyncIterable<Uint8Array>,
  format: RecordFormat | undefined,
  mapping: Mapping = { label: 'y' },
): Promise<Read> {
  const read = { rows: 0, problems: [] as string[], events: [] as object[] };
  try {
    const source = await openSource('-', chunks);
    const { rows } = await readRecords(source, format === undefined ? {} : { format });
    for await (const row of eventsOf(rows, mapping)) {
      read.rows += 1;
      if (row.kind === 'problem') {
        read.problems.push(row.problem);
        continue;
      }
      encode(row.value.event, 'msgpack');
      read.events.push(row.value.event);
    }
    return read;
  } catch (error) {
    return { ...read, error };
  }
}

const isOurs = (error: unknown): boolean =>
  error === undefined || error instanceof MillraceError || error instanceof SetupError;

/** Bytes that look like the formats without being of any of them. */
const pieces = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc
    .constantFrom(
      'a,b,y\n',
      '1,2,1\n',
      '"',
      '""',
      ',',
      '\n',
      '\r\n',
      '{',
      '}',
      '[',
      ']',
      ':',
      '|',
      "'",
      '#',
      ' ',
      '\t',
      'y',
      '1:1 ',
      '{"features":{"a":1},"label":1}\n',
      '{"y":1,"__proto__":{"x":1}}\n',
      '-1 2:3\n',
      '1 |f a:2 b\n',
      '|',
      'qid:1',
      '\ufeff',
      '\u0000',
      '\ud800',
      '\u2028',
      '1e999',
      '-',
      '__proto__',
      'constructor',
    )
    .map((text) => Buffer.from(text)),
);
const bytes = fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.concat(parts));

t.test('files - any bytes end in rows, problems or one error of ours', async (t) => {
  const property = fc.asyncProperty(
    bytes,
    fc.constantFrom(undefined, ...recordFormats),
    fc.constantFrom<Mapping>(
      {},
      { label: 'y' },
      { label: 'y', id: 'a', time: 'b', weight: 'a', positive: '1' },
    ),
    fc.integer({ min: 1, max: 64 }),
    async (data, format, mapping, size) => {
      const { rows, error } = await readAll(inChunks(data, size), format, mapping);
      const lines = data.filter((byte) => byte === 10 || byte === 13).length + 2;
      return isOurs(error) && rows <= lines;
    },
  );
  await fc.assert(property, { numRuns: 300 });
  t.equal(({} as { x?: unknown }).x, undefined, 'no prototype was touched');
});

t.test('files - gzip that is damaged anywhere ends in one error of ours, or in what was whole', async () => {
  const whole = gzipSync(Buffer.from(`a,y\n${'1,1\n'.repeat(500)}`));
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: whole.length - 1 }),
    fc.integer({ min: 0, max: 255 }),
    fc.boolean(),
    async (at, byte, isCut) => {
      const data = Buffer.from(whole);
      data[at] = byte;
      return isOurs((await readAll(inChunks(isCut ? data.subarray(0, at) : data, 100), undefined)).error);
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

/** A small file that unpacks to `total` bytes of one character. */
async function bomb(total: number, head: string, character: string): Promise<Buffer> {
  const gzip = createGzip({ level: 9 });
  const packed: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => packed.push(chunk));
  const ended = new Promise((resolve) => gzip.once('end', resolve));
  gzip.write(head);
  const block = Buffer.alloc(mib, character);
  for (let written = 0; written < total; written += mib) {
    if (!gzip.write(block)) await new Promise((resolve) => gzip.once('drain', resolve));
  }
  gzip.end();
  await ended;
  return Buffer.concat(packed);
}

t.test('files - a decompression bomb costs no more memory than one record', async (t) => {
  const total = 64 * mib;
  const cases: [string, RecordFormat, string, string][] = [
    ['one line of JSON', 'jsonl', '{"features":{"a":"', 'x'],
    ['deep nesting', 'jsonl', '', '['],
    ['a quote that never closes', 'csv', 'a,y\n"', 'x'],
    ['a header without an end', 'csv', '', 'x'],
    ['one line of vw', 'vw', '1 |', 'x'],
  ];
  for (const [name, format, head, character] of cases) {
    const packed = await bomb(total, head, character);
    t.ok(packed.length < total / 500, `${packed.length} bytes become ${total}`);
    const before = process.memoryUsage.rss();
    const { rows, problems, error } = await readAll(inChunks(packed, 64 * 1024), format);
    const grown = process.memoryUsage.rss() - before;
    t.ok(grown < (total * 3) / 4, `${name}: ${Math.round(grown / mib)} MiB`);
    t.ok(
      isOurs(error) && rows <= 2 && (problems.length > 0 || error !== undefined),
      `${name}: ${problems} ${error}`,
    );
  }
});

t.test('files - nesting that would overflow a stack is a problem of its line', async (t) => {
  const deep = (depth: number) => `{"y":1,"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const text = [deep(400_000), '{"y":1,"b":2}', deep(70), deep(3)].join('\n');
  const { problems, events, error } = await readAll(inChunks(Buffer.from(text), 4_096), 'jsonl');
  t.equal(error, undefined);
  t.same(problems, ['nested deeper than 64', 'nested deeper than 64']);
  t.equal(events.length, 2);
});

t.test('files - a header of very many columns is read in no time', async (t) => {
  const names = Array.from({ length: 100_000 }, (_, index) => index.toString(36));
  const text = `${names.join(',')}\n`;
  const started = process.cpuUsage();
  const { error } = await readAll(inChunks(Buffer.from(text), 64 * 1024), 'csv');
  t.equal(error, undefined);
  const twice = await readAll(inChunks(Buffer.from(`${names.join(',')},0\n`), 64 * 1024), 'csv');
  t.match(twice.error, { message: 'the header names column 0 twice' });
  // Compared each with each, that many names took minutes.
  t.ok(process.cpuUsage(started).user < 4_000_000);
});

t.test('files - names that every object inherits are data, or refused by name', async (t) => {
  const table = await readAll(inChunks(Buffer.from('__proto__,y\n1,1\n'), 99), 'csv');
  t.match(table.error, { kind: 'badInput', message: /__proto__/ });
  const lines = '{"y":1,"__proto__":{"polluted":1}}\n{"y":1,"constructor":{"prototype":{"polluted":1}}}\n';
  const { problems, events } = await readAll(inChunks(Buffer.from(lines), 99), 'jsonl');
  t.match(problems, [/__proto__/]);
  t.same(events, [{ features: { constructor: { prototype: { polluted: 1 } } }, label: 1 }]);
  t.equal(({} as { polluted?: number }).polluted, undefined);
  const inherited = await readAll(inChunks(Buffer.from('{"a":1}\n'), 99), 'jsonl', { label: 'constructor' });
  t.match(inherited.problems, [/there is no column "constructor"/]);
});

t.test('files - what is no UTF-8 is replaced, and the rows beside it are read', async (t) => {
  const noise = Buffer.concat([
    Buffer.from('a,y\n'),
    randomBytes(64).map((byte) => byte | 0x80),
    Buffer.from(',1\n2,0\n'),
  ]);
  const { events, error } = await readAll(inChunks(noise, 7), 'csv');
  t.equal(error, undefined);
  t.match(events.at(-1), { features: { a: 2 }, label: 0 });
});
