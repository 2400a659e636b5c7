/** Versions of one model in a folder (src/checkpoint/model-folder.ts has the picture). */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { writeDurably } from './durable-file.ts';
import { diskFailure, isMissing } from './errors.ts';
import {
  entriesOf,
  hasManifest,
  type ModelFolder,
  pointerFile,
  removeLeftovers,
  removeVersion,
  takeNumber,
  versionFolders,
  versionPath,
} from './model-folder.ts';
import type { ModelStorage, StoredPart } from './model-storage.ts';
import { newestOwner, newestPointerFile, pointerFileOf, takeOwnership } from './ownership.ts';
import type { ByteSink } from './shard-file.ts';
import { readPointerPart } from './version-parts.ts';

export class FileStorage implements ModelStorage {
  readonly partBytesMax = Number.POSITIVE_INFINITY;
  private readonly disk: Disk;
  private readonly root: string;
  private readonly folder: ModelFolder;

  constructor(disk: Disk, root: string, model: string) {
    this.disk = disk;
    this.root = root;
    this.folder = { path: join(root, model), model };
  }

  get model(): string {
    return this.folder.model;
  }

  async begin(pointed: number | undefined, live: ReadonlySet<number>): Promise<number> {
    const { disk, folder } = this;
    await disk.ensureFolder(folder.path);
    const highest = (await versionFolders(disk, folder)).at(-1) ?? 0;
    if (pointed !== undefined) await removeLeftovers(disk, folder, new Set([...live, pointed]));
    const version = await takeNumber(disk, folder, Math.max(highest, pointed ?? 0));
    try {
      await disk.makeFolder(versionPath(folder, version));
      await disk.syncFolder(folder.path);
    } catch (error) {
      await removeVersion(disk, folder, version).catch(() => undefined);
      throw error;
    }
    return version;
  }

  writePart<Result>(version: number, part: string, write: (sink: ByteSink) => Promise<Result>) {
    return writeDurably(this.disk, this.pathOf(version, part), write);
  }

  openPart(version: number, part: string): Promise<StoredPart | undefined> {
    return this.open(this.pathOf(version, part));
  }

  async versions(): Promise<number[]> {
    const whole: number[] = [];
    for (const version of await versionFolders(this.disk, this.folder))
      if (await hasManifest(this.disk, this.folder, version)) whole.push(version);
    return whole;
  }

  removeVersion(version: number): Promise<void> {
    return removeVersion(this.disk, this.folder, version);
  }

  openPointer(): Promise<StoredPart | undefined> {
    return newestPointerFile(this.disk, this.folder).then((name) => this.open(join(this.folder.path, name)));
  }

  async writePointer(bytes: Uint8Array, owner: number): Promise<void> {
    await this.disk.ensureFolder(this.folder.path);
    await writeDurably(this.disk, join(this.folder.path, pointerFileOf(owner)), (sink) => sink(bytes));
  }

  newestOwner(): Promise<number> {
    return newestOwner(this.disk, this.folder);
  }

  async takeOver(): Promise<number> {
    await this.disk.ensureFolder(this.folder.path);
    return takeOwnership(this.disk, this.folder, () => readPointerPart(this));
  }

  async removeAll(): Promise<void> {
    const { disk, folder, root } = this;
    const entries = await entriesOf(disk, root);
    if (!entries.some(({ name }) => name === folder.model)) return;
    const inside = await entriesOf(disk, folder.path);
    const pointers = inside.filter(({ name }) => name.startsWith(pointerFile));
    for (const { name } of pointers) await disk.removeFile(join(folder.path, name));
    if (pointers.length > 0) await disk.syncFolder(folder.path);
    for (const version of await versionFolders(disk, folder)) await removeVersion(disk, folder, version);
    await disk.removeTree(folder.path);
    await disk.syncFolder(root);
  }

  failure(doing: string, thrown: unknown, version?: number, part?: string): Error {
    return diskFailure(this.pathOf(version, part), doing, thrown);
  }

  private pathOf(version?: number, part?: string): string {
    const path = version === undefined ? this.folder.path : versionPath(this.folder, version);
    return part === undefined ? path : join(path, part);
  }

  private async open(path: string): Promise<StoredPart | undefined> {
    try {
      return await this.disk.openForReading(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}
