/**
 * Versions of one model in the object store of the NATS servers: one immutable object for each part, and keys in a
 * bucket, all written conditionally.
 *
 *   objects <root>_versions   <model>/0000000012/shard-000.bin, .../manifest.json
 *   bucket  <root>_versions   <model>.last        12
 *                             <model>.owner       8, the process that took the model over last (ownership.ts)
 *                             <model>.current.8   its pointer, as the file CURRENT
 */
import { MillraceError, messageOf } from '../base/errors.ts';
import type { Bucket, Channel, ObjectBucket } from '../nats/channel.ts';
import { DamagedPartError } from './errors.ts';
import { manifestFile, partBytesMax, versionMax, versionName } from './format.ts';
import type { ModelStorage, StoredPart } from './model-storage.ts';
import type { ByteSink } from './shard-file.ts';

export interface ObjectPlace {
  readonly objects: ObjectBucket;
  readonly keys: Bucket;
}

const triesMax = 10;

export const objectPlaceName = (root: string): string => `${root}_versions`;

/** Opens both once for all models of a store, when they are first needed. */
export function objectPlace(channel: Channel, root: string): () => Promise<ObjectPlace> {
  let opened: Promise<ObjectPlace> | undefined;
  const open = async () => {
    const name = objectPlaceName(root);
    const [objects, keys] = await Promise.all([channel.openObjects(name), channel.openBucket(name)]);
    return { objects, keys };
  };
  return () => {
    opened ??= open().catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

export class ObjectStorage implements ModelStorage {
  readonly model: string;
  readonly partBytesMax = partBytesMax;
  readonly #place: () => Promise<ObjectPlace>;

  constructor(place: () => Promise<ObjectPlace>, model: string) {
    this.#place = place;
    this.model = model;
  }

  async begin(pointed: number | undefined, live: ReadonlySet<number>): Promise<number> {
    const parts = await this.#parts();
    for (const [version, names] of parts) {
      const spared = pointed === undefined || version === pointed || live.has(version);
      if (!spared && !names.includes(manifestFile)) await this.#removeParts(version, names);
    }
    return this.#takeNumber(Math.max(0, pointed ?? 0, ...parts.keys()));
  }

  async writePart<Result>(version: number, part: string, write: (sink: ByteSink) => Promise<Result>) {
    const chunks: Uint8Array[] = [];
    const result = await write(async (bytes) => {
      chunks.push(bytes);
    });
    const { objects } = await this.#place();
    await objects.put(this.#nameOf(version, part), Buffer.concat(chunks));
    return result;
  }

  async openPart(version: number, part: string): Promise<StoredPart | undefined> {
    const { objects } = await this.#place();
    const name = this.#nameOf(version, part);
    const size = await objects.size(name);
    if (size === undefined) return undefined;
    let whole: Promise<Uint8Array> | undefined;
    const fetchWhole = async () => {
      if (size > partBytesMax)
        throw new DamagedPartError(`${size} bytes long; at most ${partBytesMax} are read`);
      const found = await objects.get(name);
      if (found?.kind === 'object') return found.bytes;
      throw new DamagedPartError(found?.reason ?? 'it is missing');
    };
    return partOf(size, () => {
      whole ??= fetchWhole();
      return whole;
    });
  }

  async versions(): Promise<number[]> {
    const parts = [...(await this.#parts())];
    return parts.filter(([, names]) => names.includes(manifestFile)).map(([version]) => version);
  }

  async removeVersion(version: number): Promise<void> {
    await this.#removeParts(version, (await this.#parts()).get(version) ?? []);
  }

  async openPointer(): Promise<StoredPart | undefined> {
    const { keys } = await this.#place();
    const value = (await keys.get(this.#pointerKey(await this.newestOwner())))?.value;
    return value && partOf(value.byteLength, async () => value);
  }

  async writePointer(bytes: Uint8Array, owner: number): Promise<void> {
    await this.#set(this.#pointerKey(owner), () => bytes);
  }

  async newestOwner(): Promise<number> {
    const { keys } = await this.#place();
    return numberOf((await keys.get(this.#ownerKey))?.value);
  }

  /**
   * The pointer is copied to a key of the next number before that number counts: an owner before us writes to its own
   * key, which nobody reads from then on.
   */
  async takeOver(): Promise<number> {
    const { keys } = await this.#place();
    for (;;) {
      const present = await keys.get(this.#ownerKey);
      const before = numberOf(present?.value);
      const owner = before + 1;
      const pointer = await keys.get(this.#pointerKey(before));
      if (pointer !== undefined) await this.writePointer(pointer.value, owner);
      try {
        const value = new TextEncoder().encode(String(owner));
        if (present === undefined) await keys.create(this.#ownerKey, value);
        else await keys.update(this.#ownerKey, value, present.revision);
      } catch (error) {
        if (error instanceof MillraceError && error.kind === 'conflict') continue;
        throw error;
      }
      if (pointer !== undefined) await this.#forget(this.#pointerKey(before)).catch(() => undefined);
      return owner;
    }
  }

  async removeAll(): Promise<void> {
    await this.#forget(this.#pointerKey(await this.newestOwner()));
    for (const [version, names] of await this.#parts()) await this.#removeParts(version, names);
    await this.#forget(this.#lastKey);
    await this.#forget(this.#ownerKey);
  }

  failure(doing: string, thrown: unknown): Error {
    if (thrown instanceof MillraceError && thrown.kind === 'overloaded') {
      const mend = "raise the server's max_file_store, or lower checkpoint.keep";
      return new MillraceError('overloaded', `No space left while ${doing}: ${thrown.message}: ${mend}`, {
        cause: thrown,
      });
    }
    return thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  }

  /** Names of the parts of each version, whole or not, ascending. */
  async #parts(): Promise<Map<number, string[]>> {
    const { objects } = await this.#place();
    const found = new Map<number, string[]>();
    for (const name of (await objects.names()).sort()) {
      const [, model, version, part] = namePattern.exec(name) ?? [];
      if (model !== this.model || part === undefined) continue;
      const names = found.get(Number(version)) ?? [];
      found.set(Number(version), [...names, part]);
    }
    return found;
  }

  /** The manifest goes first, so that a crash in the middle leaves leftovers and not half a version. */
  async #removeParts(version: number, names: readonly string[]): Promise<void> {
    const { objects } = await this.#place();
    const inOrder = [...names].sort((a, b) => Number(b === manifestFile) - Number(a === manifestFile));
    for (const part of inOrder) await objects.remove(this.#nameOf(version, part));
  }

  async #takeNumber(above: number): Promise<number> {
    let taken = 0;
    await this.#set(this.#lastKey, (last) => {
      taken = Math.max(above, numberOf(last)) + 1;
      if (!Number.isSafeInteger(taken) || taken > versionMax)
        throw new MillraceError('conflict', `Model ${this.model} has used all ${versionMax} version numbers`);
      return new TextEncoder().encode(String(taken));
    });
    return taken;
  }

  /** Sets a key to what follows from its present value; another's write in between makes it look again. */
  async #set(key: string, next: (present: Uint8Array | undefined) => Uint8Array): Promise<void> {
    const { keys } = await this.#place();
    for (let attempt = 1; ; attempt++) {
      const present = await keys.get(key);
      const value = next(present?.value);
      try {
        if (present === undefined) await keys.create(key, value);
        else await keys.update(key, value, present.revision);
        return;
      } catch (error) {
        const again = error instanceof MillraceError && error.kind === 'conflict' && attempt < triesMax;
        if (!again) throw error;
      }
    }
  }

  async #forget(key: string): Promise<void> {
    const { keys } = await this.#place();
    const present = await keys.get(key);
    if (present !== undefined) await keys.remove(key, present.revision);
  }

  #pointerKey(owner: number): string {
    return owner === 0 ? `${this.model}.current` : `${this.model}.current.${owner}`;
  }

  get #ownerKey(): string {
    return `${this.model}.owner`;
  }

  get #lastKey(): string {
    return `${this.model}.last`;
  }

  #nameOf(version: number, part: string): string {
    return `${this.model}/${versionName(version)}/${part}`;
  }
}

const numberOf = (value: Uint8Array | undefined): number =>
  value === undefined ? 0 : Number(new TextDecoder().decode(value));

const namePattern = /^([A-Za-z0-9_-]{1,64})\/(?!0{10})(\d{10})\/([a-z0-9.-]{1,64})$/;

const partOf = (size: number, whole: () => Promise<Uint8Array>): StoredPart => ({
  size,
  async read(target, position) {
    const piece = (await whole()).subarray(position, position + target.byteLength);
    target.set(piece);
    return piece.byteLength;
  },
  close: async () => undefined,
});
