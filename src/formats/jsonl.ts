/**
 * JSON lines: one object per line; blank lines are passed over. A line longer than the bound is dropped while
 * it is read, so that a file without line breaks costs no memory.
 */
import { messageOf } from '../base/errors.ts';
import { type FileRecord, problemOf, type Row, recordBytesMax, recordOf } from './row.ts';

/** A model takes no more than 32 (limits.depthMax). */
const depthMax = 64;

export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Row<FileRecord>> {
  for await (const line of readLines(chunks, recordBytesMax)) {
    if (line.kind === 'problem') yield line;
    else if (line.value.trim() !== '') yield parsed(line.line, line.value);
  }
}

function parsed(line: number, text: string): Row<FileRecord> {
  try {
    const value: unknown = JSON.parse(text);
    if (isDeeper(value, depthMax)) return problemOf(line, `nested deeper than ${depthMax}`);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return recordOf(line, value as FileRecord);
    return problemOf(line, `expected a JSON object, got ${text.slice(0, 40)}`);
  } catch (error) {
    return problemOf(line, `not valid JSON (${messageOf(error)})`);
  }
}

/** Parsing has no limit of its own, and whoever walks through the value later has that of its stack. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1));
}

/** Lines without their ends (LF or CRLF) and without a byte-order mark. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Row<string>> {
  let line = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let tooLong = false;

  const hold = (part: Uint8Array) => {
    if (tooLong || part.length === 0) return;
    tooLong = heldBytes + part.length > bytesMax;
    if (tooLong) held = [];
    else held.push(part);
    heldBytes += part.length;
  };
  const finish = (): Row<string> => {
    line += 1;
    const row = tooLong
      ? problemOf(line, `longer than ${bytesMax} bytes`)
      : recordOf(line, textOf(held, line === 1));
    held = [];
    heldBytes = 0;
    tooLong = false;
    return row;
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      hold(chunk.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  if (heldBytes > 0) yield finish();
}

function textOf(parts: readonly Uint8Array[], first: boolean): string {
  const bytes = Buffer.concat(parts);
  const end = bytes.at(-1) === 13 ? bytes.length - 1 : bytes.length;
  const text = bytes.toString('utf8', 0, end);
  return first && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
