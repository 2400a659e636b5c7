/**
 * The folder of one model, and the numbers of its versions.
 *
 *   FOLDER/<model>/CURRENT-...        which version is current (src/checkpoint/ownership.ts)
 *   FOLDER/<model>/LAST-0000000012    empty: the highest number ever given
 *   FOLDER/<model>/0000000012/        manifest.json, shard-000.bin, shard-001.bin, ...
 *
 * A number is taken before anything is written under it, by creating its LAST file; the LAST files below it
 * are removed only afterwards. So one at least as high as every number ever given is always there, whatever
 * crashed or was removed. The number is in the name: an empty file has no bytes that could be damaged.
 */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import type { Disk, FolderEntry } from './disk.ts';
import { temporarySuffix } from './durable-file.ts';
import { alreadyExists, isMissing } from './errors.ts';
import { manifestFile, versionMax, versionName } from './format.ts';

export const pointerFile = 'CURRENT';
const versionPattern = /^(?!0{10})\d{10}$/;
const droppedSuffix = '.dropped';
const lastPattern = /^LAST-(\d{10})$/;
const lastFile = (version: number): string => `LAST-${versionName(version)}`;

export interface ModelFolder {
  readonly path: string;
  readonly model: string;
}

export const versionPath = (folder: ModelFolder, version: number): string => {
  assert(
    Number.isInteger(version) && version >= 1 && version <= versionMax,
    `version ${version} is not a number of one`,
  );
  return join(folder.path, versionName(version));
};

/** Nothing when the folder is not there. */
export async function entriesOf(disk: Disk, path: string): Promise<readonly FolderEntry[]> {
  try {
    return await disk.entries(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Every folder that is named as a version, whole or not, ascending. */
export async function versionFolders(disk: Disk, folder: ModelFolder): Promise<number[]> {
  const entries = await entriesOf(disk, folder.path);
  const versions = entries.filter(({ name, isFolder }) => isFolder && versionPattern.test(name));
  return versions.map(({ name }) => Number(name)).sort((a, b) => a - b);
}

export async function hasManifest(disk: Disk, folder: ModelFolder, version: number): Promise<boolean> {
  const entries = await entriesOf(disk, versionPath(folder, version));
  return entries.some(({ name }) => name === manifestFile);
}

/** Removes an unfinished version in one step, so that whoever may still be writing it cannot finish it. */
async function removeUnfinished(disk: Disk, folder: ModelFolder, version: number): Promise<void> {
  const dropped = versionPath(folder, version) + droppedSuffix;
  await disk.rename(versionPath(folder, version), dropped);
  await disk.removeTree(dropped);
}

/** The manifest goes first, so that a crash in the middle leaves a leftover and not half a version. */
export async function removeVersion(disk: Disk, folder: ModelFolder, version: number): Promise<void> {
  const path = versionPath(folder, version);
  if (await hasManifest(disk, folder, version)) {
    await disk.removeFile(join(path, manifestFile));
    await disk.syncFolder(path);
  }
  await disk.removeTree(path);
}

/** Removes what crashed attempts left, except the folders in `spared`. The numbers stay used. */
export async function removeLeftovers(
  disk: Disk,
  folder: ModelFolder,
  spared: ReadonlySet<number>,
): Promise<void> {
  for (const { name, isFolder } of await entriesOf(disk, folder.path)) {
    if (!isFolder && name.endsWith(temporarySuffix)) await disk.removeFile(join(folder.path, name));
    if (isFolder && name.endsWith(droppedSuffix)) await disk.removeTree(join(folder.path, name));
  }
  for (const version of await versionFolders(disk, folder)) {
    if (spared.has(version) || (await hasManifest(disk, folder, version))) continue;
    await removeUnfinished(disk, folder, version);
  }
}

async function lastNumbers(disk: Disk, folder: ModelFolder): Promise<number[]> {
  const entries = await entriesOf(disk, folder.path);
  return entries.flatMap(({ name }) => {
    const found = lastPattern.exec(name);
    return found === null ? [] : [Number(found[1])];
  });
}

async function claim(disk: Disk, folder: ModelFolder, version: number): Promise<boolean> {
  try {
    const file = await disk.create(join(folder.path, lastFile(version)), 'exclusive');
    await file.close();
  } catch (error) {
    if (alreadyExists(error)) return false;
    throw error;
  }
  // Another process may have taken this number and a higher one since we looked, and cleared this name.
  return (await lastNumbers(disk, folder)).every((number) => number <= version);
}

/** Takes the next number for ever. `above`: a number known from elsewhere to be used. */
export async function takeNumber(disk: Disk, folder: ModelFolder, above: number): Promise<number> {
  for (;;) {
    const used = [above, ...(await lastNumbers(disk, folder)), ...(await versionFolders(disk, folder))];
    const version = Math.max(...used) + 1;
    if (version > versionMax) {
      throw new MillraceError('conflict', `Model ${folder.model} has used all ${versionMax} version numbers`);
    }
    if (!(await claim(disk, folder, version))) continue;
    await disk.syncFolder(folder.path);
    for (const number of await lastNumbers(disk, folder)) {
      if (number < version) await disk.removeFile(join(folder.path, lastFile(number)));
    }
    return version;
  }
}
