/** The end of the server's log, for error messages: only what was written since a given position. */
import { open, stat } from 'node:fs/promises';

const tailBytesMax = 8 * 1024;
const linesMax = 6;

export const logSize = (path: string): Promise<number> =>
  stat(path).then(
    (facts) => facts.size,
    () => 0,
  );

/** The last of the lines that were written since the last call; a log that was begun anew is read from its start. */
export function newLinesOf(path: string, from: number): () => Promise<readonly string[]> {
  let readTo = from;
  return async () => {
    const size = await logSize(path);
    const lines = await readLastLines(path, size < readTo ? 0 : readTo);
    readTo = size;
    return lines;
  };
}

export async function readLastLines(path: string, from: number): Promise<readonly string[]> {
  const size = await logSize(path);
  const start = Math.max(from, size - tailBytesMax);
  if (size <= start) return [];
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    return lines.filter((line) => line.trim() !== '').slice(-linesMax);
  } finally {
    await file.close();
  }
}
