/**
 * Files on their way between the server and whoever exports or imports a version: bytes by offset, in pieces that fit a
 * message, asked for or given by the other side. Few at a time, in a folder of their own; one that nobody touches goes.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../base/errors.ts';

const openMax = 4;
const idleMs = 120_000;
export const transferChunkBytes = 256 * 1024;
/** An imported file may not be larger than the largest version that can be stored here. */
const receivedBytesMax = 64 * 1024 * 1024 * 1024;

interface Transfer {
  readonly model: string;
  readonly path: string;
  timer: NodeJS.Timeout | undefined;
}

export class Transfers {
  readonly #folder: string;
  readonly #open = new Map<string, Transfer>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A new file, made by `fill`; it is gone again when that fails. */
  async begin(
    model: string,
    fill: (path: string) => Promise<void>,
  ): Promise<{ transfer: string; bytes: number }> {
    if (this.#open.size >= openMax) {
      const mend = 'wait for one to end';
      throw new MillraceError('overloaded', `${openMax} versions are being exported or imported: ${mend}`);
    }
    await mkdir(this.#folder, { recursive: true });
    const id = randomUUID();
    const found: Transfer = { model, path: join(this.#folder, `${id}.tar`), timer: undefined };
    this.#open.set(id, found);
    try {
      await fill(found.path);
      this.#touch(id, found);
      return { transfer: id, bytes: (await stat(found.path)).size };
    } catch (error) {
      await this.end(id);
      throw error;
    }
  }

  async read(model: string, id: string, from: number): Promise<Uint8Array> {
    const file = await open(this.path(model, id), 'r');
    try {
      const bytes = new Uint8Array(transferChunkBytes);
      const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, from);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** Writing the same piece twice is the same as once, so a sender that got no answer may repeat itself. */
  async write(model: string, id: string, from: number, bytes: Uint8Array): Promise<void> {
    const { size } = await stat(this.path(model, id));
    if (from > size)
      throw new MillraceError('conflict', `byte ${from} comes before byte ${size}: send that first`);
    if (from + bytes.byteLength > receivedBytesMax)
      throw new MillraceError('tooLarge', `a version has at most ${receivedBytesMax} bytes`);
    const file = await open(this.path(model, id), 'r+');
    try {
      await file.write(bytes, 0, bytes.byteLength, from);
    } finally {
      await file.close();
    }
  }

  path(model: string, id: string): string {
    const found = this.#open.get(id);
    if (found?.model !== model)
      throw new MillraceError(
        'notFound',
        `there is no transfer ${id} of ${model}; it may have run out: begin again`,
      );
    this.#touch(id, found);
    return found.path;
  }

  async end(id: string): Promise<void> {
    const found = this.#open.get(id);
    if (found === undefined) return;
    clearTimeout(found.timer);
    this.#open.delete(id);
    await rm(found.path, { force: true });
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.end(id)));
  }

  #touch(id: string, found: Transfer): void {
    clearTimeout(found.timer);
    found.timer = setTimeout(() => void this.end(id), idleMs).unref();
  }
}
