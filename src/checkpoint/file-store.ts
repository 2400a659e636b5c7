/**
 * Versions in folders (src/checkpoint/model-folder.ts has the picture, docs/checkpoint-format.md the bytes).
 * One process writes a model at a time: whoever took it over last (src/checkpoint/ownership.ts). Others may read
 * meanwhile.
 */
import { resolve } from 'node:path';
import { type Disk, nodeDisk } from './disk.ts';
import { FileStorage } from './file-storage.ts';
import type { CheckpointStore } from './store.ts';
import { type Owner, VersionStore } from './version-store.ts';

export interface FileStoreOptions {
  /** Holds one folder per model; made when it is not there. */
  readonly folder: string;
  /** Milliseconds since the epoch, for `createdAt`. */
  readonly now: () => number;
  /** Where the bytes go; this machine's disk when absent. */
  readonly disk?: Disk;
  /** In whose name this store writes: another thread of ours took the model over. */
  readonly owner?: Owner | undefined;
}

/** Throws SetupError on a big-endian host. */
export function openFileStore({ folder, now, disk = nodeDisk, owner }: FileStoreOptions): CheckpointStore {
  const root = resolve(folder);
  return new VersionStore((model) => new FileStorage(disk, root, model), now, owner);
}
