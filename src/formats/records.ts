/**
 * Records of a source in any format. When none is named the file's name tells libsvm and vw, else the first byte
 * that is not blank tells JSON lines from a table.
 */
import { MillraceError } from '../base/errors.ts';
import type { LearnEvent } from '../protocol/messages.ts';
import { readCsv } from './csv.ts';
import { readJsonLines } from './jsonl.ts';
import { readLibsvm } from './libsvm.ts';
import { eventOf, labelTimeOf, type Mapping } from './mapping.ts';
import { type FileRecord, problemOf, type Row, recordOf } from './row.ts';
import { peek, type Source } from './source.ts';
import { readVw } from './vw.ts';

export const recordFormats = ['jsonl', 'csv', 'libsvm', 'vw'] as const;
export type RecordFormat = (typeof recordFormats)[number];

export interface RecordOptions {
  readonly format?: RecordFormat;
  /** Columns of a table whose numbers are names. */
  readonly categorical?: ReadonlySet<string>;
  /** Columns that a table must have. */
  readonly columns?: readonly string[];
}

export interface Records {
  readonly format: RecordFormat;
  readonly rows: AsyncIterable<Row<FileRecord>>;
}

export async function readRecords(source: Source, options: RecordOptions = {}): Promise<Records> {
  const { head, chunks } = await peek(source.chunks, 1);
  const format = options.format ?? formatByName(source.name) ?? formatOf(head, source.name);
  return { format, rows: readers[format](chunks, options.categorical ?? new Set(), options.columns ?? []) };
}

type Reader = (
  chunks: AsyncIterable<Uint8Array>,
  categorical: ReadonlySet<string>,
  columns: readonly string[],
) => AsyncIterable<Row<FileRecord>>;

const readers: Readonly<Record<RecordFormat, Reader>> = {
  jsonl: (chunks, categorical) => asText(readJsonLines(chunks), categorical),
  csv: (chunks, categorical, required) => readCsv(chunks, { categorical, required }),
  libsvm: readLibsvm,
  vw: readVw,
};

/** Whether records of this format are events already, with nothing to map but the label's value. */
export const holdsEvents = (format: RecordFormat): boolean => format === 'libsvm' || format === 'vw';

function formatByName(name: string): RecordFormat | undefined {
  const ending = /\.(libsvm|svm|vw)(\.gz)?$/.exec(name)?.[1];
  if (ending === undefined) return undefined;
  return ending === 'vw' ? 'vw' : 'libsvm';
}

/** An item of a file as an event to learn, or the reason why it is none. */
export interface EventRow {
  readonly event: LearnEvent;
  readonly record: FileRecord;
  /** When its label was known, where a column says that and is not empty. */
  readonly labelTime?: number | undefined;
}

export async function* eventsOf(
  rows: AsyncIterable<Row<FileRecord>>,
  mapping: Mapping,
): AsyncGenerator<Row<EventRow>> {
  for await (const row of rows) {
    if (row.kind === 'problem') {
      yield row;
      continue;
    }
    try {
      const event = eventOf(row.value, mapping);
      const { labelTime } = mapping;
      yield recordOf(row.line, {
        event,
        record: row.value,
        ...(labelTime !== undefined && { labelTime: labelTimeOf(row.value, labelTime) }),
      });
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      yield problemOf(row.line, error.message);
    }
  }
}

function formatOf(head: Uint8Array, name: string): RecordFormat {
  const first = Buffer.from(head.subarray(0, 4096)).toString('utf8').replace('\ufeff', '').trimStart();
  if (first.startsWith('[')) {
    throw new MillraceError(
      'badInput',
      `${name} is one JSON array; expected one object per line, as \`jq -c '.[]'\` writes them`,
    );
  }
  return first === '' || first.startsWith('{') ? 'jsonl' : 'csv';
}

/** A JSON number in a column that was declared categorical means what its text means in a table. */
async function* asText(
  rows: AsyncIterable<Row<FileRecord>>,
  columns: ReadonlySet<string>,
): AsyncGenerator<Row<FileRecord>> {
  for await (const row of rows) {
    if (row.kind === 'problem' || columns.size === 0) yield row;
    else
      yield recordOf(
        row.line,
        Object.fromEntries(
          Object.entries(row.value).map(([name, value]) => [
            name,
            columns.has(name) && typeof value === 'number' ? String(value) : value,
          ]),
        ),
      );
  }
}
