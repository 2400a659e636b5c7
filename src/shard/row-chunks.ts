/** Rows in pieces that fit a message: those that are wanted, keys ascending, from a key on. */

/** Bytes of state in one message; well under a NATS server's usual payload limit of 1 MiB. */
export const chunkBytesMax = 448 * 1024;

export const chunkRowsMax = (width: number): number => Math.floor(chunkBytesMax / (4 + 4 * width));

export interface RowChunk {
  readonly keys: Uint32Array;
  readonly rows: Float32Array;
  /** First key not looked at; undefined when the end was reached. */
  readonly next: number | undefined;
}

/** Rows that stand together: row `row` of the question begins at `rows[at]`, and those up to `end` follow it. */
export interface RowPage {
  readonly rows: Float32Array;
  readonly at: number;
  readonly end: number;
}

/** Where a row stands. Asked once for each page, not for each row. */
export type PageAt = (row: number) => RowPage;

export const pageOfTable =
  (rows: Float32Array, width: number): PageAt =>
  (row) => ({ rows, at: row * width, end: rows.length / width });

/** Rows by a byte each: those whose byte is above. */
export interface Marked {
  readonly bytes: Uint8Array;
  readonly above: number;
}

/** Rows looked at in one call at most: an empty table must not hold the thread. */
const scanRowsMax = 1 << 18;

/** `marked`: which rows are wanted; those that are not all zero when absent. */
export function nextChunk(
  range: { readonly start: number; readonly end: number },
  width: number,
  fromKey: number,
  pageAt: PageAt,
  marked?: Marked,
): RowChunk {
  const first = Math.max(fromKey, range.start) - range.start;
  const last = Math.min(range.end - range.start, first + scanRowsMax);
  const found = new Uint32Array(Math.min(chunkRowsMax(width), Math.max(0, last - first)));
  const rows = new Float32Array(found.length * width);
  let count = 0;
  let row = first;
  while (row < last && count < found.length) {
    const page = pageAt(row);
    const end = Math.min(page.end, last);
    const start = row;
    const before = count;
    const place = { from: row, end, into: found, count };
    row = marked === undefined ? valuesIn(page, width, place) : markedIn(marked, place);
    ({ count } = place);
    copyRows(page, width, start, found.subarray(before, count), rows, before * width);
  }
  const next = row + range.start;
  for (let at = 0; at < count; at++) found[at] = found[at]! + range.start;
  return {
    keys: found.subarray(0, count),
    rows: rows.subarray(0, count * width),
    next: next < range.end ? next : undefined,
  };
}

/** A scan over rows from `from` to `end`: the numbers of those that are wanted go into `into`. */
interface Scan {
  readonly from: number;
  readonly end: number;
  readonly into: Uint32Array;
  count: number;
}

/** The row where it stopped: the end, or where `into` is full. Looks at bits: negative zero counts as a value, as a restored row must have the same bits. */
function valuesIn({ rows, at }: RowPage, width: number, scan: Scan): number {
  const bits = new Int32Array(rows.buffer, rows.byteOffset, rows.length);
  const { end, into } = scan;
  let { from: row, count } = scan;
  for (let slot = at; row < end && count < into.length; row++, slot += width) {
    let any = 0;
    for (let i = 0; i < width; i++) any |= bits[slot + i]!;
    if (any !== 0) into[count++] = row;
  }
  scan.count = count;
  return row;
}

function markedIn({ bytes, above }: Marked, scan: Scan): number {
  const { end, into } = scan;
  let { from: row, count } = scan;
  for (; row < end && count < into.length; row++) if (bytes[row]! > above) into[count++] = row;
  scan.count = count;
  return row;
}

/** `first`: the row that stands at the page's `at`. */
function copyRows(
  { rows, at }: RowPage,
  width: number,
  first: number,
  wanted: Uint32Array,
  into: Float32Array,
  start: number,
): void {
  let to = start;
  for (const row of wanted) {
    const from = at + (row - first) * width;
    for (let slot = 0; slot < width; slot++) into[to++] = rows[from + slot]!;
  }
}

/** A whole table as such pieces. */
export function* chunksOfTable(table: Float32Array, width: number): Generator<RowChunk> {
  const range = { start: 0, end: table.length / width };
  const pageAt = pageOfTable(table, width);
  for (let from: number | undefined = 0; from !== undefined; ) {
    const chunk = nextChunk(range, width, from, pageAt);
    yield chunk;
    from = chunk.next;
  }
}
