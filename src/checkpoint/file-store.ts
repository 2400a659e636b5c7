/**
 * Versions in folders (src/checkpoint/model-folder.ts has the picture, docs/checkpoint-format.md the bytes).
 *
 * One process writes a model at a time: whoever took it over last (src/checkpoint/ownership.ts). Others may read
 * meanwhile. Within this store, what changes a model's folder runs in turn, and attempts that are under way are spared when
 * leftovers are removed.
 */
import { join, resolve } from 'node:path';
import { namePattern } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import { type Disk, nodeDisk } from './disk.ts';
import { writeDurably } from './durable-file.ts';
import { DamagedPointerError, DamagedVersionError, diskFailure } from './errors.ts';
import { FileAttempt } from './file-attempt.ts';
import { manifestFile, requireLittleEndian } from './format.ts';
import { encodePointer } from './manifest.ts';
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
import { newestOwner, newestPointerFile, pointerFileOf, requireOwner, takeOwnership } from './ownership.ts';
import type { CheckpointStore, Manifest, Pointer, ShardImage, VersionSizes, VersionWriter } from './store.ts';
import {
  measureVersion,
  readBlobOf,
  readManifestFile,
  readPointerFile,
  readShardOf,
} from './version-files.ts';

export interface FileStoreOptions {
  /** Holds one folder per model; made when it is not there. */
  readonly folder: string;
  /** Milliseconds since the epoch, for `createdAt`. */
  readonly now: () => number;
  /** Where the bytes go; this machine's disk when absent. */
  readonly disk?: Disk;
  /** In whose name this store writes: another thread of ours took the model over. */
  readonly owner?: { readonly model: string; readonly number: number };
}

const unknownVersion = -1;

type Listing = Awaited<ReturnType<CheckpointStore['list']>>;

/** Throws SetupError on a big-endian host. */
export function openFileStore({ folder, now, disk = nodeDisk, owner }: FileStoreOptions): CheckpointStore {
  requireLittleEndian();
  return new FileStore(folder, now, disk, owner);
}

class FileStore implements CheckpointStore {
  private readonly root: string;
  private readonly now: () => number;
  private readonly disk: Disk;
  /** Numbers of the attempts under way, by model. */
  private readonly live = new Map<string, Set<number>>();
  private readonly turns = new Map<string, Promise<unknown>>();

  /** Our numbers, by model; a model that nobody here has taken over is written without asking. */
  private readonly owners = new Map<string, number>();

  constructor(root: string, now: () => number, disk: Disk, owner: FileStoreOptions['owner']) {
    this.root = resolve(root);
    if (owner !== undefined) this.owners.set(owner.model, owner.number);
    this.now = now;
    this.disk = disk;
  }

  begin(model: string): Promise<VersionWriter> {
    return this.inTurn(model, 'beginning a version', async (folder) => {
      const live = this.liveOf(model);
      await this.disk.ensureFolder(folder.path);
      await this.admit(folder);
      const highest = (await versionFolders(this.disk, folder)).at(-1) ?? 0;
      const pointed = await this.clearLeftovers(folder, live);
      const version = await takeNumber(this.disk, folder, Math.max(highest, pointed));
      live.add(version);
      try {
        await this.disk.makeFolder(versionPath(folder, version));
        await this.disk.syncFolder(folder.path);
      } catch (error) {
        live.delete(version);
        await removeVersion(this.disk, folder, version).catch(() => undefined);
        throw error;
      }
      const over = () => live.delete(version);
      const admit = () => this.admit(folder);
      return new FileAttempt({ disk: this.disk, folder, version, now: this.now, admit, over });
    });
  }

  async list(model: string): Promise<Listing> {
    const folder = this.folderOf(model);
    const versions: VersionSizes[] = [];
    const damaged: { version: number; reason: string }[] = [];
    for (const version of await versionFolders(this.disk, folder)) {
      if (!(await hasManifest(this.disk, folder, version))) continue;
      try {
        versions.push(await measureVersion(this.disk, folder, version));
      } catch (error) {
        // A version may be pruned while the list is made; then it is no longer one.
        if (error instanceof MillraceError && error.kind === 'notFound') continue;
        if (!(error instanceof DamagedVersionError)) throw error;
        damaged.push({ version, reason: `${error.file}: ${error.reason}` });
      }
    }
    const pointed = await this.pointedVersion(folder);
    const named = [
      ...versions.map(({ manifest }) => manifest.version),
      ...damaged.map(({ version }) => version),
    ];
    if (pointed > 0 && !named.includes(pointed)) {
      damaged.push({
        version: pointed,
        reason: `${manifestFile}: it is missing, though ${pointerFile} names it`,
      });
      damaged.sort((a, b) => a.version - b.version);
    }
    return { versions, damaged };
  }

  async readManifest(model: string, version: number): Promise<Manifest> {
    return (await readManifestFile(this.disk, this.folderOf(model), version)).manifest;
  }

  readShard(manifest: Manifest, index: number): Promise<ShardImage> {
    return readShardOf(this.disk, this.folderOf(manifest.model), manifest, index);
  }

  async readBlob(manifest: Manifest, name: string): Promise<Uint8Array | undefined> {
    const entry = manifest.blobs.find((blob) => blob.name === name);
    if (entry === undefined) return undefined;
    return readBlobOf(this.disk, this.folderOf(manifest.model), manifest, entry);
  }

  async readPointer(model: string): Promise<Pointer | undefined> {
    return this.pointerOf(this.folderOf(model));
  }

  takeOver(model: string): Promise<number> {
    return this.inTurn(model, 'taking over the versions', async (folder) => {
      await this.disk.ensureFolder(folder.path);
      const owner = await takeOwnership(this.disk, folder);
      this.owners.set(model, owner);
      return owner;
    });
  }

  /** The version must have a readable manifest; 0, the empty model, always exists. */
  writePointer(model: string, pointer: Pointer): Promise<void> {
    return this.inTurn(model, 'writing the pointer', async (folder) => {
      const bytes = encodePointer(pointer);
      if (pointer.version > 0) await readManifestFile(this.disk, folder, pointer.version);
      await this.disk.ensureFolder(folder.path);
      await this.admit(folder);
      const owner = this.owners.get(model) ?? (await newestOwner(this.disk, folder));
      await writeDurably(this.disk, join(folder.path, pointerFileOf(owner)), (sink) => sink(bytes));
    });
  }

  /**
   * Whole versions count towards `keep`; damaged ones do not, and go when they are older than all that is kept.
   * Refuses to remove anything while the pointer is damaged.
   */
  prune(model: string, keep: number): Promise<number[]> {
    return this.inTurn(model, 'removing old versions', async (folder) => {
      if (!Number.isInteger(keep) || keep < 1) {
        throw new MillraceError('badInput', `Expected to keep at least 1 version of ${model}, got ${keep}`);
      }
      await this.admit(folder);
      const pointed = (await this.pointerOf(folder))?.version;
      const { versions, damaged } = await this.list(model);
      const oldestKept = versions.at(-keep)?.manifest.version ?? 0;
      const all = [
        ...versions.map(({ manifest }) => manifest.version),
        ...damaged.map(({ version }) => version),
      ];
      const removed = all
        .filter((version) => version < oldestKept && version !== pointed)
        .sort((a, b) => a - b);
      for (const version of removed) {
        await this.admit(folder);
        await removeVersion(this.disk, folder, version);
      }
      return removed;
    });
  }

  /** The pointer goes first: what a crash leaves is versions that nothing names. Numbers start again at 1. */
  remove(model: string): Promise<void> {
    return this.inTurn(model, 'removing the model', async (folder) => {
      const entries = await entriesOf(this.disk, this.root);
      if (!entries.some(({ name }) => name === model)) return;
      await this.admit(folder);
      const inside = await entriesOf(this.disk, folder.path);
      const pointers = inside.filter(({ name }) => name.startsWith(pointerFile));
      for (const { name } of pointers) await this.disk.removeFile(join(folder.path, name));
      if (pointers.length > 0) await this.disk.syncFolder(folder.path);
      for (const version of await versionFolders(this.disk, folder))
        await removeVersion(this.disk, folder, version);
      await this.disk.removeTree(folder.path);
      await this.disk.syncFolder(this.root);
      this.owners.delete(model);
    });
  }

  /**
   * Removes what crashed attempts left, and returns the pointer's version. While the pointer is damaged nothing
   * is removed: which version is current is not known until someone has said so.
   */
  private async clearLeftovers(folder: ModelFolder, live: ReadonlySet<number>): Promise<number> {
    const pointed = await this.pointedVersion(folder);
    if (pointed !== unknownVersion) await removeLeftovers(this.disk, folder, new Set([...live, pointed]));
    return pointed;
  }

  /** 0 when there is no pointer, unknownVersion when it is damaged. */
  private async pointedVersion(folder: ModelFolder): Promise<number> {
    try {
      return (await this.pointerOf(folder))?.version ?? 0;
    } catch (error) {
      if (error instanceof DamagedPointerError) return unknownVersion;
      throw error;
    }
  }

  private async pointerOf(folder: ModelFolder): Promise<Pointer | undefined> {
    return readPointerFile(this.disk, folder, await newestPointerFile(this.disk, folder));
  }

  /** Refuses when the model was ours and is another's now. */
  private async admit(folder: ModelFolder): Promise<void> {
    const owner = this.owners.get(folder.model);
    if (owner !== undefined) await requireOwner(this.disk, folder, owner);
  }

  private folderOf(model: string): ModelFolder {
    if (!namePattern.test(model)) {
      throw new MillraceError(
        'badInput',
        `Expected a model name of 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(model)}`,
      );
    }
    return { path: join(this.root, model), model };
  }

  private liveOf(model: string): Set<number> {
    const live = this.live.get(model) ?? new Set<number>();
    this.live.set(model, live);
    return live;
  }

  private inTurn<Result>(
    model: string,
    doing: string,
    step: (folder: ModelFolder) => Promise<Result>,
  ): Promise<Result> {
    const result = (this.turns.get(model) ?? Promise.resolve()).then(async () => {
      const folder = this.folderOf(model);
      try {
        return await step(folder);
      } catch (error) {
        throw diskFailure(folder.path, `${doing} of model ${model}`, error);
      }
    });
    this.turns.set(
      model,
      result.catch(() => undefined),
    );
    return result;
  }
}
