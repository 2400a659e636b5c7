/** A JSON object given as an argument, or on standard input. */
import { messageOf } from '../base/errors.ts';
import type { FileRecord } from '../formats/row.ts';
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

export const featuresExample = '{"name": 1}';

/** Of what a person or a program sends by hand. */
const inputBytesMax = 64 * 2 ** 20;

/** `what` is named in what is wrong with it; `example` shows how it should look. */
export function parsedObject(json: string, what: string, example: string): FileRecord {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as FileRecord;
  } catch (error) {
    throw new UsageError(`${what} are not valid JSON (${messageOf(error)}); quote them: '${example}'`);
  }
  throw new UsageError(`${what} are no JSON object; expected such as '${example}'`);
}

/** The argument, or all of standard input when there is none, or it is "-". */
export async function objectInput(
  json: string | undefined,
  terminal: Terminal,
  what: string,
  example: string,
): Promise<FileRecord> {
  if (json !== undefined && json !== '-') return parsedObject(json, what, example);
  if (json === undefined && terminal.stdinIsTerminal)
    throw new UsageError(`${what} are missing; give them: '${example}'`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of terminal.stdin) {
    bytes += chunk.length;
    if (bytes > inputBytesMax) throw new UsageError(`${what} have more than ${inputBytesMax} bytes`);
    chunks.push(chunk);
  }
  return parsedObject(Buffer.concat(chunks).toString(), what, example);
}
