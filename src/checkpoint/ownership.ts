/**
 * Who may write a model's folder, when two processes believe that they may: the one that took it over last.
 *
 *   FOLDER/<model>/OWNER-0000000008      empty: the number of the process that took the model over last
 *   FOLDER/<model>/CURRENT-0000000008    its pointer; CURRENT without a number is one of an earlier Millrace
 *
 * A process can be stopped between any look and the step that follows from it, for as long as it takes another to
 * take over, so a look alone is no fence, and a lock that a stopped process holds is never free. Instead, what an
 * owner before writes late has no effect: its pointer has a name of its own, which nobody reads once there is a
 * higher one, and a version that it has not finished lies in a folder that was moved away.
 */
import { join } from 'node:path';
import { MillraceError } from '../base/errors.ts';
import type { Disk } from './disk.ts';
import { writeDurably } from './durable-file.ts';
import { alreadyExists, DamagedPointerError } from './errors.ts';
import { versionMax, versionName } from './format.ts';
import { encodePointer } from './manifest.ts';
import { entriesOf, type ModelFolder, pointerFile, removeLeftovers } from './model-folder.ts';
import type { Pointer } from './store.ts';

const ownerPattern = /^OWNER-(\d{10})$/;
const pointerPattern = /^CURRENT-(\d{10})$/;

export const pointerFileOf = (owner: number): string =>
  owner === 0 ? pointerFile : `${pointerFile}-${versionName(owner)}`;

async function numbers(disk: Disk, folder: ModelFolder, pattern: RegExp): Promise<number[]> {
  const entries = await entriesOf(disk, folder.path);
  return entries.flatMap(({ name }) => {
    const found = pattern.exec(name);
    return found === null ? [] : [Number(found[1])];
  });
}

/** 0 before anybody has taken the model over. */
export const newestOwner = async (disk: Disk, folder: ModelFolder): Promise<number> =>
  Math.max(0, ...(await numbers(disk, folder, ownerPattern)));

/** The pointer that counts: the one with the highest number. */
export const newestPointerFile = async (disk: Disk, folder: ModelFolder): Promise<string> =>
  pointerFileOf(Math.max(0, ...(await numbers(disk, folder, pointerPattern))));

/** Throws MillraceError('conflict') when another has taken the model over, or it was removed and made again. */
export function requireOwner(model: string, owner: number, newest: number): void {
  if (newest === owner) return;
  throw new MillraceError(
    'conflict',
    `Versions of model ${model} belong to another process now (owner ${newest}); what owner ${owner} writes is refused`,
  );
}

/** Our number: whatever an owner before us still writes from here on has no effect. */
export async function takeOwnership(
  disk: Disk,
  folder: ModelFolder,
  readPointer: () => Promise<Pointer | undefined>,
): Promise<number> {
  const owner = await takeOwnerNumber(disk, folder);
  let pointer: Pointer | undefined;
  try {
    pointer = await readPointer();
  } catch (error) {
    // It stays the newest, whoever reads it is told, and nothing is removed; a rollback writes one of ours.
    if (error instanceof DamagedPointerError) return owner;
    throw error;
  }
  await removeLeftovers(disk, folder, new Set(pointer === undefined ? [] : [pointer.version]));
  if (pointer !== undefined) {
    const bytes = encodePointer(pointer);
    await writeDurably(disk, join(folder.path, pointerFileOf(owner)), (sink) => sink(bytes));
  }
  await removeOlder(disk, folder, owner);
  return owner;
}

async function takeOwnerNumber(disk: Disk, folder: ModelFolder): Promise<number> {
  for (;;) {
    const used = [await newestOwner(disk, folder), ...(await numbers(disk, folder, pointerPattern))];
    const owner = Math.max(...used) + 1;
    if (owner > versionMax)
      throw new MillraceError('conflict', `Model ${folder.model} was taken over ${versionMax} times`);
    try {
      const file = await disk.create(join(folder.path, `OWNER-${versionName(owner)}`), 'exclusive');
      await file.close();
    } catch (error) {
      if (alreadyExists(error)) continue;
      throw error;
    }
    await disk.syncFolder(folder.path);
    return owner;
  }
}

async function removeOlder(disk: Disk, folder: ModelFolder, owner: number): Promise<void> {
  for (const { name } of await entriesOf(disk, folder.path)) {
    const number = ownerPattern.exec(name)?.[1] ?? pointerPattern.exec(name)?.[1];
    if (name === pointerFile || (number !== undefined && Number(number) < owner))
      await disk.removeFile(join(folder.path, name));
  }
}
