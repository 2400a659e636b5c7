/** Where the measuring data is: MILLRACE_DATA, or beside the project. It belongs to others and is no part of the project. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';

export async function dataFolder(): Promise<string | undefined> {
  const folder = process.env.MILLRACE_DATA ?? resolve('../shared/data');
  return access(`${folder}/MANIFEST.json`).then(
    () => folder,
    () => undefined,
  );
}
