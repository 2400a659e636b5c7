/**
 * The few things that the file store asks of a disk, so that a test can make any one of them fail. A name
 * is durable only after its folder was synced, and its bytes only after the file was.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WritableFile {
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadableFile {
  readonly size: number;
  /** Fills `target` from `position`; returns how many bytes there were. */
  read(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface Disk {
  /** With parents, durably, from an absolute path; does nothing when it exists. */
  ensureFolder(path: string): Promise<void>;
  /** Fails with EEXIST when it exists. */
  makeFolder(path: string): Promise<void>;
  entries(path: string): Promise<readonly FolderEntry[]>;
  syncFolder(path: string): Promise<void>;
  /** Replaces what has that name; `exclusive` fails with EEXIST instead. */
  create(path: string, mode: 'replace' | 'exclusive'): Promise<WritableFile>;
  openForReading(path: string): Promise<ReadableFile>;
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** A folder with all that is in it; does nothing when it is not there. */
  removeTree(path: string): Promise<void>;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written);
    written += bytesWritten;
  }
}

async function readAll(handle: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let got = 0;
  while (got < target.byteLength) {
    const { bytesRead } = await handle.read(target, got, target.byteLength - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no call that syncs a folder; its file system orders names by its journal.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const nodeDisk: Disk = {
  async ensureFolder(path) {
    const firstMade = await mkdir(path, { recursive: true });
    if (firstMade === undefined) return;
    const top = dirname(firstMade);
    for (let made = path; made !== top; made = dirname(made)) await syncFolder(dirname(made));
  },
  async makeFolder(path) {
    await mkdir(path);
  },
  async entries(path) {
    const found = await readdir(path, { withFileTypes: true });
    return found.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  },
  syncFolder,
  async create(path, mode) {
    const handle = await open(path, mode === 'exclusive' ? 'wx' : 'w');
    return {
      write: (bytes) => writeAll(handle, bytes),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  async openForReading(path) {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      return {
        size,
        read: (target, position) => readAll(handle, target, position),
        close: () => handle.close(),
      };
    } catch (error) {
      await handle.close();
      throw error;
    }
  },
  rename,
  removeFile: unlink,
  async removeTree(path) {
    await rm(path, { recursive: true, force: true });
  },
};
