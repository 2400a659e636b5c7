/**
 * Tables as text, with a header line. The separator is whichever of comma, tab, semicolon and bar stands most
 * often in the header. Cells are typed one by one (cell.ts), except in the columns declared categorical.
 */
import { finished } from 'node:stream/promises';
import { type Parser, parse } from 'csv-parse';
import { MillraceError, messageOf } from '../base/errors.ts';
import { type Cell, cellOf, isAbsent } from './cell.ts';
import { type FileRecord, problemOf, type Row, recordBytesMax, recordOf } from './row.ts';
import { peek } from './source.ts';

const separators = [',', '\t', ';', '|'] as const;
/** A header is looked for within this many bytes. */
const headerBytes = 64 * 1024;

export interface CsvOptions {
  /** Columns whose cells stay text, numbers too. */
  readonly categorical?: ReadonlySet<string>;
  /** Columns that the header must have: who misspells one to be dropped would learn from it. */
  readonly required?: readonly string[];
}

export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<Row<FileRecord>> {
  const { head, chunks } = await peekLine(bytes);
  const parsing = new Parsing(separatorOf(head));
  let columns: readonly string[] | undefined;
  let line = 0;
  for await (const batch of parsing.batchesOf(chunks)) {
    for (const { cells, ...found } of batch) {
      line = found.line;
      if (columns === undefined) columns = headerOf(cells, options.required ?? []);
      else yield rowOf(line, cells, columns, options.categorical);
    }
  }
  if (parsing.failure !== undefined) {
    yield problemOf(line + 1, `${unreadable(parsing.failure)}; what follows was not read`);
  }
}

interface Line {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * The parser is a stream that drops what it has read when it fails, so records are taken from it as they are
 * found, chunk by chunk; that is also cheaper than to await each of them.
 */
class Parsing {
  readonly #parser: Parser;
  #found: Line[] = [];
  /** Why parsing ended before the end. */
  failure: Error | undefined;

  constructor(delimiter: string) {
    this.#parser = parse({
      bom: true,
      delimiter,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: recordBytesMax,
      on_record: (cells: string[], { lines }: { readonly lines: number }) => {
        this.#found.push({ line: lines, cells });
        return null;
      },
    });
    this.#parser.on('error', (error) => {
      this.failure = error;
    });
    this.#parser.resume();
  }

  async *batchesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[]> {
    for await (const chunk of chunks) {
      await new Promise<void>((resolve) => this.#parser.write(chunk, () => resolve()));
      yield this.#take();
      if (this.failure !== undefined) return;
    }
    this.#parser.end();
    await finished(this.#parser).catch((error: Error) => {
      this.failure = error;
    });
    yield this.#take();
  }

  #take(): readonly Line[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }
}

function rowOf(
  line: number,
  cells: readonly string[],
  columns: readonly string[],
  categorical: ReadonlySet<string> | undefined,
): Row<FileRecord> {
  if (cells.length !== columns.length) {
    return problemOf(line, `expected ${columns.length} cells as in the header, got ${cells.length}`);
  }
  const record: Record<string, Cell> = {};
  for (let index = 0; index < columns.length; index++) {
    const name = columns[index]!;
    const text = cells[index]!.trim();
    record[name] = categorical?.has(name) === true && !isAbsent(text) ? text : cellOf(text);
  }
  return recordOf(line, record);
}

function headerOf(cells: readonly string[], required: readonly string[]): readonly string[] {
  const names = cells.map((cell) => cell.trim());
  const empty = names.indexOf('');
  if (empty >= 0) throw new MillraceError('badInput', `column ${empty + 1} of the header has no name`);
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (seen.has('__proto__'))
    throw new MillraceError('badInput', 'the header names a column __proto__; rename it');
  if (twice !== undefined) throw new MillraceError('badInput', `the header names column ${twice} twice`);
  const missing = required.find((name) => !seen.has(name));
  if (missing !== undefined) {
    throw new MillraceError('badInput', `there is no column "${missing}"; there are ${names.join(', ')}`);
  }
  return names;
}

function separatorOf(head: string): string {
  const line = head.split('\n', 1)[0]!;
  const counts = separators.map((separator) => line.split(separator).length);
  return separators[counts.indexOf(Math.max(...counts))]!;
}

/** The first line as text (or what there is of it within the bound), and all the bytes. */
async function peekLine(
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ head: string; chunks: AsyncIterable<Uint8Array> }> {
  let seen = await peek(bytes, 1);
  while (!seen.head.includes(10) && seen.head.length < headerBytes) {
    const more = await peek(seen.chunks, seen.head.length + 1);
    if (more.head.length === seen.head.length) return { head: textOf(more.head), chunks: more.chunks };
    seen = more;
  }
  return { head: textOf(seen.head), chunks: seen.chunks };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE') {
    return `a record does not end within ${recordBytesMax} bytes; a quote may not be closed`;
  }
  return messageOf(error);
}
