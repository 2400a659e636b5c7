/**
 * A disk in memory for the product's own file store: folders and files by path, each call an event of its own, so
 * that its caller can die between any two. A call may be told to fail, as a full or broken disk does.
 */
import { dirname } from 'node:path';
import type { Disk, FolderEntry, ReadableFile, WritableFile } from '../../src/checkpoint/disk.ts';
import type { World } from './world.ts';

type Node = { readonly kind: 'folder' } | { readonly kind: 'file'; bytes: Uint8Array };

/** What the disk does with one call: nothing wrong, or an error code, before or after half of the work. */
export type DiskFault = (call: string, path: string) => 'ENOSPC' | 'EIO' | undefined;

const callMs = 0.02;

export class MemoryDisk implements Disk {
  readonly #world: World;
  readonly #nodes = new Map<string, Node>();
  fault: DiskFault = () => undefined;
  /** Told of each file that has got its final name. */
  renamed: (path: string, bytes: Uint8Array) => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** As a plain object of functions, which may be spread. */
  get calls(): Disk {
    return {
      ensureFolder: (path) => this.ensureFolder(path),
      makeFolder: (path) => this.makeFolder(path),
      entries: (path) => this.entries(path),
      syncFolder: (path) => this.syncFolder(path),
      create: (path, mode) => this.create(path, mode),
      openForReading: (path) => this.openForReading(path),
      rename: (from, to) => this.rename(from, to),
      removeFile: (path) => this.removeFile(path),
      removeTree: (path) => this.removeTree(path),
    };
  }

  ensureFolder(path: string): Promise<void> {
    return this.#call('ensure', path, () => this.#ensure(path));
  }

  makeFolder(path: string): Promise<void> {
    return this.#call('make', path, () => {
      if (this.#nodes.has(path)) throw errno('EEXIST', path);
      this.#nodes.set(path, { kind: 'folder' });
    });
  }

  entries(path: string): Promise<readonly FolderEntry[]> {
    return this.#call('entries', path, () => this.entriesNow(path));
  }

  has(path: string): boolean {
    return this.#nodes.has(path);
  }

  entriesNow(path: string): FolderEntry[] {
    if (this.#nodes.get(path)?.kind !== 'folder') throw errno('ENOENT', path);
    const found: FolderEntry[] = [];
    for (const [name, node] of this.#nodes) {
      if (dirname(name) === path && name !== path)
        found.push({ name: name.slice(path.length + 1), isFolder: node.kind === 'folder' });
    }
    return found;
  }

  syncFolder(path: string): Promise<void> {
    return this.#call('sync', path, () => undefined);
  }

  create(path: string, mode: 'replace' | 'exclusive'): Promise<WritableFile> {
    return this.#call('create', path, () => {
      if (mode === 'exclusive' && this.#nodes.has(path)) throw errno('EEXIST', path);
      if (this.#nodes.get(dirname(path))?.kind !== 'folder') throw errno('ENOENT', path);
      const file: Node = { kind: 'file', bytes: new Uint8Array(0) };
      this.#nodes.set(path, file);
      return this.#writable(path, file);
    });
  }

  openForReading(path: string): Promise<ReadableFile> {
    return this.#call('open', path, () => {
      const { bytes } = this.#file(path);
      const read = async (target: Uint8Array, position: number) => {
        const part = bytes.subarray(position, position + target.byteLength);
        target.set(part);
        return part.byteLength;
      };
      return { size: bytes.byteLength, read, close: async () => undefined };
    });
  }

  /** A folder takes along what is in it. */
  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', to, () => {
      if (!this.#nodes.has(from)) throw errno('ENOENT', from);
      for (const [name, node] of [...this.#nodes]) {
        if (name !== from && !name.startsWith(`${from}/`)) continue;
        this.#nodes.delete(name);
        this.#nodes.set(to + name.slice(from.length), node);
      }
      const moved = this.#nodes.get(to);
      if (moved?.kind === 'file') this.renamed(to, moved.bytes);
    });
  }

  removeFile(path: string): Promise<void> {
    return this.#call('remove', path, () => {
      this.#file(path);
      this.#nodes.delete(path);
    });
  }

  removeTree(path: string): Promise<void> {
    return this.#call('removeTree', path, () => {
      for (const name of [...this.#nodes.keys()])
        if (name === path || name.startsWith(`${path}/`)) this.#nodes.delete(name);
    });
  }

  /** Turns one bit of a file over. */
  damage(path: string, at: number): void {
    const file = this.#file(path);
    const bytes = file.bytes.slice();
    bytes[Math.floor(at * bytes.length)]! ^= 0x10;
    this.#nodes.set(path, { kind: 'file', bytes });
  }

  #writable(path: string, file: Node & { kind: 'file' }): WritableFile {
    const append = (bytes: Uint8Array) => {
      const longer = new Uint8Array(file.bytes.length + bytes.length);
      longer.set(file.bytes);
      longer.set(bytes, file.bytes.length);
      file.bytes = longer;
    };
    return {
      write: (bytes) => {
        const copy = bytes.slice();
        const torn = () => append(copy.subarray(0, copy.length >> 1));
        return this.#call('write', path, () => append(copy), torn);
      },
      sync: () => this.#call('fsync', path, () => undefined),
      close: async () => undefined,
    };
  }

  #ensure(path: string): void {
    if (this.#nodes.has(path)) return;
    if (dirname(path) !== path) this.#ensure(dirname(path));
    this.#nodes.set(path, { kind: 'folder' });
  }

  #file(path: string): Node & { kind: 'file' } {
    const node = this.#nodes.get(path);
    if (node === undefined) throw errno('ENOENT', path);
    if (node.kind === 'folder') throw errno('EISDIR', path);
    return node;
  }

  #call<Result>(call: string, path: string, act: () => Result, torn = () => {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#world.after(this.#world.current, callMs, () => {
        const code = this.fault(call, path);
        try {
          if (code === undefined) return resolve(act());
          torn();
          reject(errno(code, path));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
