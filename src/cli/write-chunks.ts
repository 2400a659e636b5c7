/** What comes from a server in pieces, into a file of one's own. */
import { open, rm } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import type { ExportedVersion } from '../client/version-files.ts';
import { UsageError } from './failure.ts';

/** A file that did not come whole is not left behind. */
export async function writeChunks(file: string, { chunks }: ExportedVersion, force: boolean): Promise<void> {
  const handle = await open(file, force ? 'w' : 'wx').catch((error) => {
    const mend = messageOf(error).includes('EEXIST')
      ? '; name another with --out, or replace it with --force'
      : '';
    throw new UsageError(`cannot write ${file}: ${messageOf(error)}${mend}`, { cause: error });
  });
  try {
    for await (const chunk of chunks) await handle.write(chunk);
    await handle.sync();
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(file, { force: true });
    throw error;
  }
}
