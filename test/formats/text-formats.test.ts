/** LIBSVM's and Vowpal Wabbit's text, line by line. */
import fc from 'fast-check';
import t from 'tap';
import { readLibsvm } from '../../src/formats/libsvm.ts';
import { holdsEvents, readRecords } from '../../src/formats/records.ts';
import type { FileRecord, Row } from '../../src/formats/row.ts';
import { readVw } from '../../src/formats/vw.ts';

type Reader = (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Row<FileRecord>>;

async function rowsOf(reader: Reader, text: string): Promise<Row<FileRecord>[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  const rows: Row<FileRecord>[] = [];
  for await (const row of reader(chunks())) rows.push(row);
  return rows;
}

const only = async (reader: Reader, line: string) => {
  const [row] = await rowsOf(reader, line);
  return row!.kind === 'record' ? row!.value : row!.problem;
};

t.test('libsvm - an index is a name, comments and qid go', async (t) => {
  const rows = await rowsOf(readLibsvm, '+1 3:1 11:0.5 # seen\n\n# nothing\n-1 qid:7 2:-1e3\n2.5\n');
  t.same(rows, [
    { kind: 'record', line: 1, value: { features: { 3: 1, 11: 0.5 }, label: 1 } },
    { kind: 'record', line: 4, value: { features: { 2: -1000 }, label: -1 } },
    { kind: 'record', line: 5, value: { features: {}, label: 2.5 } },
  ]);
});

t.test('libsvm - what is no number or stands twice is named', async (t) => {
  for (const [line, said] of [
    ['x 1:1', /label that is a number, got "x"/],
    ['1 a:1', /index:value, got "a:1"/],
    ['1 1:', /index:value, got "1:"/],
    ['1 1', /index:value, got "1"/],
    ['1 :1', /index:value, got ":1"/],
    ['1 1:inf', /index:value, got "1:inf"/],
    ['1 1:1 1:2', /index 1 stands twice/],
  ] as const) {
    t.match(await only(readLibsvm, line), said, line);
  }
});

t.test('vw - label, importance, tag, namespaces, scale and values', async (t) => {
  t.same(await only(readVw, "1 2.5 'first|user:2 age:30 plan |page home |user age:1"), {
    label: 1,
    weight: 2.5,
    id: 'first',
    features: {
      user: [
        ['age', 60],
        ['plan', 2],
        ['age', 1],
      ],
      page: { home: 1 },
    },
  });
  t.same(
    await only(readVw, '-1 | a b:2 a'),
    { label: -1, features: { a: 2, b: 2 } },
    'a repeated one adds up',
  );
  t.same(await only(readVw, '0.5 tag| x'), { label: 0.5, id: 'tag', features: { x: 1 } }, 'touching the bar');
  t.same(await only(readVw, '1 |ns a:b:3'), { label: 1, features: { ns: { 'a:b': 3 } } });
  t.same(await only(readVw, '1 |'), { label: 1, features: {} });
  t.same(await only(readVw, '1 |a x:0 y z:-0.0'), { label: 1, features: { a: { y: 1 } } }, 'a zero is none');
});

t.test('vw - a namespace keeps the order of the line, as pairs where an object would not', async (t) => {
  const namespaceOf = async (line: string) => ((await only(readVw, line)) as FileRecord).features;
  t.same(await namespaceOf('1 |a 9:2 10 x'), { a: { 9: 2, 10: 1, x: 1 } });
  t.same(await namespaceOf('1 |a 10 9:2'), {
    a: [
      ['10', 1],
      ['9', 2],
    ],
  });
  t.same(await namespaceOf('1 |a x 9'), {
    a: [
      ['x', 1],
      ['9', 1],
    ],
  });
  t.same(await namespaceOf('1 |a the cat the |b x |a sat'), {
    a: [
      ['the', 1],
      ['cat', 1],
      ['the', 1],
      ['sat', 1],
    ],
    b: { x: 1 },
  });
});

t.test('vw - what it cannot mean here is named', async (t) => {
  for (const [line, said] of [
    ['1 2 3', /no "\|"/],
    ['| a', /no label/],
    ["'tag| a", /no label/],
    ['1 1 0.5 | a', /base prediction \(0\.5\)/],
    ['1:0.2 | a', /label: expected a number, got "1:0\.2"/],
    ['1 x | a', /importance: expected a number/],
    ['1 | a:b', /feature a: expected a number/],
    ['1 | :3', /feature ":3" has no name/],
    ['1 |n:x a', /namespace n: expected a number/],
    ['1 | n |n a', /namespace n has the name of a feature/],
    ['1 |n a | n', /feature n has the name of a namespace/],
  ] as const) {
    t.match(await only(readVw, line), said, line);
  }
});

t.test('vw - the name __proto__ stays a name', async (t) => {
  const record = (await only(readVw, '1 |__proto__ a |b __proto__:2')) as FileRecord;
  t.strictSame(Object.keys(record.features as object), ['__proto__', 'b']);
  t.equal(({} as Record<string, unknown>).a, undefined);
});

t.test('text formats - no bytes make a reader fail: each line is a record or a problem', async () => {
  for (const reader of [readLibsvm, readVw]) {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        for (const row of await rowsOf(reader, text)) {
          if (row.kind === 'record' && !Number.isFinite(row.value.label)) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
  }
});

t.test('text formats - are told by the name of the file', async (t) => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('1 1:1\n');
  }
  const formatOf = async (name: string) =>
    (await readRecords({ name, bytesTotal: undefined, bytesRead: () => 0, chunks: chunks() })).format;
  t.equal(await formatOf('a/b.libsvm.gz'), 'libsvm');
  t.equal(await formatOf('x.svm'), 'libsvm');
  t.equal(await formatOf('x.vw'), 'vw');
  t.equal(await formatOf('x.txt'), 'csv');
  t.ok(holdsEvents('vw') && !holdsEvents('csv'));
});
