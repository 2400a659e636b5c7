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

/** Rows looked at in one call at most: an empty table must not hold the thread. */
const scanRowsMax = 1 << 18;

export function nextChunk(
  range: { readonly start: number; readonly end: number },
  width: number,
  fromKey: number,
  locate: (row: number) => { readonly from: Float32Array; readonly at: number },
  /** Whether a row is wanted; those that are not all zero when absent. */
  isWanted?: (row: number) => boolean,
): RowChunk {
  const rowsMax = chunkRowsMax(width);
  const first = Math.max(fromKey, range.start);
  const last = Math.min(range.end, first + scanRowsMax);
  const keys = new Uint32Array(Math.min(rowsMax, Math.max(0, last - first)));
  const rows = new Float32Array(keys.length * width);
  let count = 0;
  let key = first;
  for (; key < last && count < rowsMax; key++) {
    if (isWanted !== undefined && !isWanted(key - range.start)) continue;
    const { from, at } = locate(key - range.start);
    if (isWanted === undefined && isZero(from, at, width)) continue;
    keys[count] = key;
    for (let slot = 0; slot < width; slot++) rows[count * width + slot] = from[at + slot]!;
    count++;
  }
  return {
    keys: keys.subarray(0, count),
    rows: rows.subarray(0, count * width),
    next: key < range.end ? key : undefined,
  };
}

/** A whole table as such pieces. */
export function* chunksOfTable(table: Float32Array, width: number): Generator<RowChunk> {
  const range = { start: 0, end: table.length / width };
  const locate = (row: number) => ({ from: table, at: row * width });
  for (let from: number | undefined = 0; from !== undefined; ) {
    const chunk = nextChunk(range, width, from, locate);
    yield chunk;
    from = chunk.next;
  }
}

/** Negative zero counts as a value: a restored row must have the same bits. */
function isZero(rows: Float32Array, at: number, width: number): boolean {
  for (let slot = 0; slot < width; slot++) if (!Object.is(rows[at + slot], 0)) return false;
  return true;
}
