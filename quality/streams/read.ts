/** A stream's events in its own order, encoded. */
import { readCsv } from '../../src/formats/csv.ts';
import { readLibsvm } from '../../src/formats/libsvm.ts';
import type { FileRecord, Row } from '../../src/formats/row.ts';
import { openSource } from '../../src/formats/source.ts';
import type { Columns, EncodedEvent, StreamSet } from './sets.ts';

export async function readSet(set: StreamSet, folder: string): Promise<EncodedEvent[]> {
  const rows = await readRows(set, `${folder}/${set.file}`);
  const { order } = set;
  if (order !== undefined) rows.sort((left, right) => order(left) - order(right));
  return rows.map((row) => set.encode(row)).filter((event) => event !== undefined);
}

async function readRows({ file, header }: StreamSet, path: string): Promise<Columns[]> {
  const { chunks } = await openSource(path, process.stdin);
  if (file.includes('.libsvm'))
    return collect(
      readLibsvm(chunks),
      ({ features, label }) => ({ ...(features as Columns), label }) as Columns,
    );
  const table = header === undefined ? chunks : withHeader(header, chunks);
  return collect(readCsv(table), (record) => record as Columns);
}

async function* withHeader(names: readonly string[], chunks: AsyncIterable<Uint8Array>) {
  yield Buffer.from(`${names.join('\t')}\n`);
  yield* chunks;
}

async function collect(
  rows: AsyncIterable<Row<FileRecord>>,
  columnsOf: (record: FileRecord) => Columns,
): Promise<Columns[]> {
  const all: Columns[] = [];
  for await (const row of rows) {
    if (row.kind === 'problem') throw new Error(`line ${row.line}: ${row.problem}`);
    all.push(columnsOf(row.value));
  }
  return all;
}
