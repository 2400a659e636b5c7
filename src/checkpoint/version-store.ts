/**
 * A store of versions over any storage (src/checkpoint/model-storage.ts). What changes a model runs in turn, and
 * attempts that are under way are spared when leftovers are removed.
 */
import { namePattern } from '../../config/names.ts';
import { MillraceError } from '../base/errors.ts';
import { DamagedPointerError, DamagedVersionError } from './errors.ts';
import { manifestFile, requireLittleEndian } from './format.ts';
import { encodePointer } from './manifest.ts';
import { pointerFile } from './model-folder.ts';
import type { ModelStorage } from './model-storage.ts';
import { requireOwner } from './ownership.ts';
import { type Retention, removable } from './retention.ts';
import type { CheckpointStore, Manifest, Pointer, ShardImage, VersionSizes, VersionWriter } from './store.ts';
import { VersionAttempt } from './version-attempt.ts';
import { baseProblem, chainOf, type Measured } from './version-chain.ts';
import {
  measureVersion,
  readBlobOf,
  readManifestPart,
  readPointerPart,
  readShardOf,
} from './version-parts.ts';

type Listing = Awaited<ReturnType<CheckpointStore['list']>>;

/** Who has taken a model over. */
export interface Owner {
  readonly model: string;
  readonly number: number;
}

export class VersionStore implements CheckpointStore {
  readonly #storageFor: (model: string) => ModelStorage;
  readonly #now: () => number;
  /** Numbers of the attempts under way, by model. */
  readonly #live = new Map<string, Set<number>>();
  readonly #turns = new Map<string, Promise<unknown>>();

  /** Our numbers, by model; a model that nobody here has taken over is written without asking. */
  readonly #owners = new Map<string, number>();

  /** Throws SetupError on a big-endian host. */
  constructor(storageFor: (model: string) => ModelStorage, now: () => number, owner?: Owner) {
    requireLittleEndian();
    if (owner !== undefined) this.#owners.set(owner.model, owner.number);
    this.#storageFor = storageFor;
    this.#now = now;
  }

  begin(model: string): Promise<VersionWriter> {
    return this.#inTurn(model, 'beginning a version', async (storage) => {
      const live = this.#liveOf(model);
      await this.#admit(storage);
      // While the pointer is damaged, which version is current is not known until someone has said so.
      const version = await storage.begin(await this.#pointedVersion(storage), live);
      live.add(version);
      const admit = () => this.#admit(storage);
      return new VersionAttempt(storage, version, {
        now: this.#now,
        admit,
        over: () => live.delete(version),
      });
    });
  }

  async list(model: string): Promise<Listing> {
    const storage = this.#storageOf(model);
    const whole = new Map<number, Measured>();
    const damaged: { version: number; reason: string }[] = [];
    for (const version of await storage.versions()) {
      try {
        const measured = await measureVersion(storage, version);
        const problem = baseProblem(measured.manifest, (base) => whole.get(base));
        if (problem === undefined) whole.set(version, measured);
        else damaged.push({ version, reason: problem });
      } catch (error) {
        // A version may be pruned while the list is made; then it is no longer one.
        if (error instanceof MillraceError && error.kind === 'notFound') continue;
        if (!(error instanceof DamagedVersionError)) throw error;
        damaged.push({ version, reason: `${error.file}: ${error.reason}` });
      }
    }
    const pointed = (await this.#pointedVersion(storage)) ?? 0;
    if (pointed > 0 && !whole.has(pointed) && !damaged.some(({ version }) => version === pointed)) {
      const reason = `${manifestFile}: it is missing, though ${pointerFile} names it`;
      damaged.push({ version: pointed, reason });
      damaged.sort((a, b) => a.version - b.version);
    }
    const versions = [...whole.values()].map(({ manifest, bytes }): VersionSizes => ({ manifest, bytes }));
    return { versions, damaged };
  }

  async readManifest(model: string, version: number): Promise<Manifest> {
    return (await readManifestPart(this.#storageOf(model), version)).manifest;
  }

  readChain(manifest: Manifest): Promise<Manifest[]> {
    return chainOf(this.#storageOf(manifest.model), manifest);
  }

  readShard(manifest: Manifest, index: number): Promise<ShardImage> {
    return readShardOf(this.#storageOf(manifest.model), manifest, index);
  }

  async readBlob(manifest: Manifest, name: string): Promise<Uint8Array | undefined> {
    const entry = manifest.blobs.find((blob) => blob.name === name);
    return entry === undefined ? undefined : readBlobOf(this.#storageOf(manifest.model), manifest, entry);
  }

  async readPointer(model: string): Promise<Pointer | undefined> {
    return readPointerPart(this.#storageOf(model));
  }

  /** The version must have a readable manifest; 0, the empty model, always exists. */
  writePointer(model: string, pointer: Pointer): Promise<void> {
    return this.#inTurn(model, 'writing the pointer', async (storage) => {
      const bytes = encodePointer(pointer);
      if (pointer.version > 0) await readManifestPart(storage, pointer.version);
      await this.#admit(storage);
      await storage.writePointer(bytes, this.#owners.get(model) ?? (await storage.newestOwner()));
    });
  }

  owner(model: string): Promise<number> {
    return this.#inTurn(model, 'looking whose the versions are', (storage) => storage.newestOwner());
  }

  takeOver(model: string): Promise<number> {
    return this.#inTurn(model, 'taking over the versions', async (storage) => {
      const owner = await storage.takeOver();
      this.#owners.set(model, owner);
      return owner;
    });
  }

  removable(model: string, retention: Retention): Promise<number[]> {
    return this.#inTurn(model, 'looking for old versions', (storage) => this.#removable(storage, retention));
  }

  prune(model: string, retention: Retention): Promise<number[]> {
    return this.#inTurn(model, 'removing old versions', async (storage) => {
      await this.#admit(storage);
      const removed = await this.#removable(storage, retention);
      // The newest goes first: at every moment what is left has what it is laid over.
      for (const version of removed.toReversed()) {
        await this.#admit(storage);
        await storage.removeVersion(version);
      }
      return removed;
    });
  }

  remove(model: string): Promise<void> {
    return this.#inTurn(model, 'removing the model', async (storage) => {
      await this.#admit(storage);
      await storage.removeAll();
      this.#owners.delete(model);
    });
  }

  /** Refuses to name anything while the pointer is damaged. */
  async #removable(storage: ModelStorage, retention: Retention): Promise<number[]> {
    const { model } = storage;
    const { keep } = retention;
    if (!Number.isInteger(keep) || keep < 1) {
      throw new MillraceError('badInput', `Expected to keep at least 1 version of ${model}, got ${keep}`);
    }
    const pointed = (await readPointerPart(storage))?.version;
    const { versions, damaged } = await this.list(model);
    const whole = versions.map(({ manifest: { version, base, createdAt } }) => ({
      version,
      base: base?.version,
      createdMs: Date.parse(createdAt),
    }));
    const broken = damaged.map(({ version }) => version);
    return removable(whole, broken, pointed, retention, this.#now());
  }

  /** Refuses when the model was ours and is another's now. */
  async #admit(storage: ModelStorage): Promise<void> {
    const owner = this.#owners.get(storage.model);
    if (owner !== undefined) requireOwner(storage.model, owner, await storage.newestOwner());
  }

  /** 0 when there is no pointer, undefined when it is damaged. */
  async #pointedVersion(storage: ModelStorage): Promise<number | undefined> {
    try {
      return (await readPointerPart(storage))?.version ?? 0;
    } catch (error) {
      if (error instanceof DamagedPointerError) return undefined;
      throw error;
    }
  }

  #storageOf(model: string): ModelStorage {
    if (namePattern.test(model)) return this.#storageFor(model);
    throw new MillraceError(
      'badInput',
      `Expected a model name of 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(model)}`,
    );
  }

  #liveOf(model: string): Set<number> {
    const live = this.#live.get(model) ?? new Set<number>();
    this.#live.set(model, live);
    return live;
  }

  #inTurn<Result>(
    model: string,
    doing: string,
    step: (storage: ModelStorage) => Promise<Result>,
  ): Promise<Result> {
    const result = (this.#turns.get(model) ?? Promise.resolve()).then(async () => {
      const storage = this.#storageOf(model);
      try {
        return await step(storage);
      } catch (error) {
        throw storage.failure(`${doing} of model ${model}`, error);
      }
    });
    this.#turns.set(
      model,
      result.catch(() => undefined),
    );
    return result;
  }
}
