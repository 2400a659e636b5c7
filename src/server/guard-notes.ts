/** Which models their guards have stopped, and why: a file for each, so that the next start knows. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuardStop } from '../protocol/messages.ts';

export interface GuardNotes {
  /** Undefined when the guard has not stopped the model. Throws when there is a note that cannot be read. */
  read(model: string): Promise<GuardStop | undefined>;
  write(model: string, stop: GuardStop): Promise<void>;
  remove(model: string): Promise<void>;
}

export function guardNotesIn(folder: string): GuardNotes {
  const fileOf = (model: string) => join(folder, `${model}.json`);
  return {
    async read(model) {
      const text = await readFile(fileOf(model), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      return text === undefined ? undefined : (JSON.parse(text) as GuardStop);
    },
    async write(model, stop) {
      const file = fileOf(model);
      await mkdir(folder, { recursive: true });
      await writeFile(`${file}.new`, `${JSON.stringify(stop, null, 2)}\n`, { flush: true });
      await rename(`${file}.new`, file);
    },
    remove: (model) => rm(fileOf(model), { force: true }),
  };
}
