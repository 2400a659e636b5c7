/** What peers came to when they ran last, so that our figures stand beside theirs where they are absent. */
import { readFile, writeFile } from 'node:fs/promises';

/** By the peer's name. */
export type Figures = Readonly<Record<string, number>>;
/** By the set's name. */
export type References = Readonly<Record<string, Figures>>;

const file = 'quality/streams/references.json';

export async function readReferences(): Promise<References> {
  return JSON.parse(await readFile(file, 'utf8')) as References;
}

/** Keeps these, beside those of sets that did not run. */
export async function keepReferences(found: References): Promise<void> {
  const all = { ...(await readReferences()), ...found };
  await writeFile(file, `${JSON.stringify(all, undefined, 2)}\n`);
}
