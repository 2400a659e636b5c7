/**
 * A file is written under a temporary name, synced, renamed, and its folder synced: whoever finds the final
 * name finds all of the bytes, also after a power cut. What a crash leaves has the temporary name.
 */
import { dirname } from 'node:path';
import type { Disk } from './disk.ts';
import type { ByteSink } from './shard-file.ts';

export const temporarySuffix = '.tmp';

export async function writeDurably<Result>(
  disk: Disk,
  path: string,
  write: (sink: ByteSink) => Promise<Result>,
): Promise<Result> {
  const temporary = path + temporarySuffix;
  try {
    const result = await writeAndSync(disk, temporary, write);
    await disk.rename(temporary, path);
    await disk.syncFolder(dirname(path));
    return result;
  } catch (error) {
    // On a full disk the half that was written is in the way of everything else.
    await disk.removeFile(temporary).catch(() => undefined);
    throw error;
  }
}

async function writeAndSync<Result>(
  disk: Disk,
  path: string,
  write: (sink: ByteSink) => Promise<Result>,
): Promise<Result> {
  const file = await disk.create(path, 'replace');
  try {
    const result = await write((bytes) => file.write(bytes));
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}
