import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { cellOf } from '../../src/formats/cell.ts';
import { readCsv } from '../../src/formats/csv.ts';
import { readJsonLines, readLines } from '../../src/formats/jsonl.ts';
import { readRecords } from '../../src/formats/records.ts';
import { type Row, recordBytesMax } from '../../src/formats/row.ts';
import { openSource } from '../../src/formats/source.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

const textChunks = (text: string, size = 64 * 1024) => chunksOf(Buffer.from(text), size);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const values = <T>(rows: readonly Row<T>[]): T[] =>
  rows.flatMap((row) => (row.kind === 'record' ? [row.value] : []));
const problems = (rows: readonly Row<unknown>[]): string[] =>
  rows.flatMap((row) => (row.kind === 'problem' ? [`${row.line}: ${row.problem}`] : []));

t.test('lines - the same wherever the chunks end', async (t) => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n\ufeff]/g, ''));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      async (lines, size, crlf) => {
        const text = lines.map((one) => one + (crlf ? '\r\n' : '\n')).join('');
        const rows = await all(readLines(textChunks(text, size), recordBytesMax));
        t.same(values(rows), lines);
      },
    ),
    { numRuns: 50 },
  );
});

t.test('lines - a byte-order mark goes, a last line needs no end', async (t) => {
  t.same(values(await all(readLines(textChunks('\ufeffone\ntwo'), 100))), ['one', 'two']);
});

t.test('lines - one that is too long is named and the next ones are read', async (t) => {
  const rows = await all(readLines(textChunks(`a\n${'x'.repeat(50)}\nb\n${'y'.repeat(11)}`, 3), 10));
  t.same(values(rows), ['a', 'b']);
  t.same(problems(rows), ['2: longer than 10 bytes', '4: longer than 10 bytes']);
});

t.test('JSON lines - what is no object is named by its line', async (t) => {
  const rows = await all(readJsonLines(textChunks('{"a":1}\n\n[1]\n{"a":\nnull\n{"b":2}\n')));
  t.same(values(rows), [{ a: 1 }, { b: 2 }]);
  const said = problems(rows);
  t.match(said[0], /^3: expected a JSON object, got \[1\]/);
  t.match(said[1], /^4: not valid JSON/);
  t.match(said[2], /^5: expected a JSON object, got null/);
});

t.test('cells - each is typed by itself', async (t) => {
  const cells: [string, unknown][] = [
    ['', null],
    ['NA', null],
    ['-3', -3],
    ['+.5', 0.5],
    ['1e6', 1e6],
    ['007', 7],
    ['true', true],
    ['FALSE', false],
    ['0x10', '0x10'],
    ['Infinity', 'Infinity'],
    ['1e999', '1e999'],
    ['12 km', '12 km'],
    ['1,000', '1,000'],
  ];
  for (const [text, value] of cells) t.equal(cellOf(text), value, JSON.stringify(text));
});

t.test('CSV - quotes, separators and the end of lines', async (t) => {
  const row = { a: 1, b: 'x, "y"\nz', c: null };
  for (const separator of [',', '\t', ';', '|']) {
    const text = `\ufeffa,b,c\r\n1,"x, ""y""\nz",\r\n`.replaceAll(/,(?! )/g, separator);
    for (const size of [1, 5, 1000])
      t.same(values(await all(readCsv(textChunks(text, size)))), [row], `${separator} ${size}`);
  }
});

t.test('CSV - a row with another number of cells is named and passed over', async (t) => {
  const rows = await all(readCsv(textChunks('a,b\n1,2\n3\n\n4,5,6\n7,8\n')));
  t.same(values(rows), [
    { a: 1, b: 2 },
    { a: 7, b: 8 },
  ]);
  t.same(problems(rows), [
    '3: expected 2 cells as in the header, got 1',
    '5: expected 2 cells as in the header, got 3',
  ]);
});

t.test('CSV - a quote that is never closed is named, with what was read before it', async (t) => {
  const rows = await all(readCsv(textChunks('a,b\n1,2\n3,"4\n5,6\n')));
  t.same(values(rows), [{ a: 1, b: 2 }]);
  t.match(problems(rows), [/^3: .*a quote may not be closed; what follows was not read/]);
  const long = await all(readCsv(textChunks(`a,b\n1,2\n3,"${'x,\n'.repeat(recordBytesMax)}`)));
  t.match(problems(long), [/a quote may not be closed/]);
});

t.test('CSV - a header that cannot be used is refused', async (t) => {
  await t.rejects(all(readCsv(textChunks('a,,c\n1,2,3\n'))), {
    kind: 'badInput',
    message: /column 2 of the header/,
  });
  await t.rejects(all(readCsv(textChunks('a,b,a\n1,2,3\n'))), {
    kind: 'badInput',
    message: /names column a twice/,
  });
});

t.test('CSV - declared categories stay text', async (t) => {
  const rows = await all(readCsv(textChunks('zip,n\n02139,1\nNA,2\n'), { categorical: new Set(['zip']) }));
  t.same(values(rows), [
    { zip: '02139', n: 1 },
    { zip: null, n: 2 },
  ]);
});

t.test('sources - gzip is known by its bytes, by file and by stream', async (t) => {
  const folder = t.testdir();
  const text = '{"a":1}\n{"a":2}\n';
  // Two members: what `cat a.gz b.gz` makes.
  const packed = Buffer.concat([gzipSync(text), gzipSync('{"a":3}\n')]);
  const path = join(folder, 'events.data');
  writeFileSync(path, packed);
  const file = await openSource(path, textChunks(''));
  t.equal(file.bytesTotal, packed.length);
  t.same(values(await all((await readRecords(file)).rows)), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  t.equal(file.bytesRead(), packed.length);
  const stream = await openSource('-', chunksOf(packed, 1));
  t.same(values(await all((await readRecords(stream)).rows)), [{ a: 1 }, { a: 2 }, { a: 3 }]);
});

t.test('sources - damaged, missing and impossible ones are named', async (t) => {
  const folder = t.testdir({ 'cut.gz': gzipSync('{"a":1}\n'.repeat(1000)).subarray(0, 40) });
  const cut = await openSource(join(folder, 'cut.gz'), textChunks(''));
  await t.rejects(async () => all((await readRecords(cut)).rows), {
    kind: 'badInput',
    message: /cut\.gz: the gzip data is damaged or cut short/,
  });
  await t.rejects(openSource(join(folder, 'none'), textChunks('')), {
    name: 'SetupError',
    message: /cannot be read/,
  });
  await t.rejects(openSource(folder, textChunks('')), { name: 'SetupError', message: /is a folder/ });
});

t.test('records - the format is told by the first byte', async (t) => {
  const formatOf = async (text: string) =>
    (await readRecords(await openSource('-', textChunks(text)))).format;
  t.equal(await formatOf(' \n{"a":1}'), 'jsonl');
  t.equal(await formatOf('\ufeff{"a":1}'), 'jsonl');
  t.equal(await formatOf('a,b\n1,2'), 'csv');
  t.equal(await formatOf(''), 'jsonl');
  await t.rejects(formatOf('[{"a":1}]'), {
    kind: 'badInput',
    message: /one JSON array; expected one object per line/,
  });
});

t.test('records - a reader that stops early lets go of the file', async (t) => {
  const path = join(t.testdir({ 'many.csv': `a\n${'1\n'.repeat(500_000)}` }), 'many.csv');
  const source = await openSource(path, textChunks(''));
  const { rows } = await readRecords(source);
  for await (const row of rows) {
    t.same(row, { kind: 'record', line: 2, value: { a: 1 } });
    break;
  }
  t.ok(source.bytesRead() < source.bytesTotal!, 'the rest was not read');
});
