/**
 * One attempt to write a version. Shards' parts and blobs come first, in turn; the manifest comes last and makes
 * the version exist. When anything fails all parts are removed, and the number stays used.
 */
import { createHash } from 'node:crypto';
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import {
  blobFile,
  blobsMax,
  manifestFile,
  manifestFormat,
  partBytesMax,
  shardFile,
  shardsMax,
} from './format.ts';
import { piecesOf } from './full-images.ts';
import { encodeManifest } from './manifest.ts';
import type { PartWriter } from './model-storage.ts';
import { writeShardFile } from './shard-file.ts';
import type { BlobEntry, Manifest, ShardEntry, ShardImage, VersionFacts, VersionWriter } from './store.ts';
import { readManifestPart } from './version-parts.ts';

export interface AttemptHooks {
  readonly now: () => number;
  /** Rejects when the version may not be written any more. */
  readonly admit: () => Promise<void>;
  /** Called once, when the attempt is over, however it ended. */
  readonly over: () => void;
}

export class VersionAttempt implements VersionWriter {
  readonly version: number;
  readonly #storage: PartWriter;
  readonly #hooks: AttemptHooks;
  readonly #entries: ShardEntry[] = [];
  readonly #blobs: BlobEntry[] = [];
  #state: 'open' | 'committed' | 'removed' = 'open';
  /** Calls run one after the other, so that a removal never meets a part that is being written. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(storage: PartWriter, version: number, hooks: AttemptHooks) {
    this.version = version;
    this.#storage = storage;
    this.#hooks = hooks;
  }

  addShard(image: ShardImage): Promise<void> {
    return this.#inTurn(() => this.#orRemove('writing a shard', () => this.#writeShard(image)));
  }

  addBlob(name: string, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#orRemove('writing a blob', () => this.#writeBlob(name, bytes)));
  }

  commit(facts: VersionFacts, base?: number): Promise<Manifest> {
    return this.#inTurn(async () => {
      const manifest = await this.#orRemove('writing the manifest', () => this.#writeManifest(facts, base));
      this.#end('committed');
      return manifest;
    });
  }

  /** Does nothing after a commit and never rejects, so that it may stand in a `finally`: begin() removes leftovers. */
  abandon(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'open') await this.#remove().catch(() => undefined);
    });
  }

  async #writeShard(image: ShardImage): Promise<void> {
    for (const piece of piecesOf(image, this.#storage.partBytesMax)) {
      assert(this.#entries.length < shardsMax, `a version has at most ${shardsMax} shards`);
      const file = shardFile(this.#entries.length);
      const { start, end, keys } = piece;
      const written = await this.#storage.writePart(this.version, file, (sink) =>
        writeShardFile(piece, sink),
      );
      this.#entries.push({ file, start, end, rows: keys.length, ...written });
    }
  }

  async #writeBlob(name: string, bytes: Uint8Array): Promise<void> {
    assert(this.#blobs.length < blobsMax, `a version has at most ${blobsMax} blobs`);
    assert(bytes.byteLength <= partBytesMax, `blob ${name} has more than ${partBytesMax} bytes`);
    const file = blobFile(this.#blobs.length);
    await this.#storage.writePart(this.version, file, (sink) => sink(bytes));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.#blobs.push({ name, file, bytes: bytes.byteLength, sha256 });
  }

  async #writeManifest(facts: VersionFacts, base: number | undefined): Promise<Manifest> {
    const { model } = this.#storage;
    assert(facts.model === model, `a version of ${model} was given the facts of ${facts.model}`);
    const { bytes, manifest } = encodeManifest({
      format: manifestFormat,
      ...facts,
      version: this.version,
      createdAt: new Date(this.#hooks.now()).toISOString(),
      ...(base === undefined ? {} : { base: await this.#baseOf(facts, base) }),
      shards: this.#entries.toSorted((a, b) => a.start - b.start || a.end - b.end),
      blobs: this.#blobs.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    });
    await this.#hooks.admit();
    await this.#storage.writePart(this.version, manifestFile, (sink) => sink(bytes));
    return manifest;
  }

  async #baseOf({ keyCount, rowWidth }: VersionFacts, version: number) {
    const { manifest, digest: sha256 } = await readManifestPart(this.#storage, version);
    const fits = manifest.keyCount === keyCount && manifest.rowWidth === rowWidth;
    assert(fits, `rows of ${rowWidth} for ${keyCount} keys are not laid over those of version ${version}`);
    return { version, sha256 };
  }

  #inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(step);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #orRemove<Result>(doing: string, step: () => Promise<Result>): Promise<Result> {
    const { model } = this.#storage;
    if (this.#state !== 'open') {
      throw new MillraceError(
        'conflict',
        `Version ${this.version} of model ${model} is over (${this.#state}): begin another`,
      );
    }
    try {
      return await step();
    } catch (error) {
      // The first error is the one to tell; what cannot be removed now is a leftover that begin() removes.
      await this.#remove().catch(() => undefined);
      const what = `${doing} of version ${this.version} of model ${model}`;
      throw this.#storage.failure(what, error, this.version);
    }
  }

  async #remove(): Promise<void> {
    this.#end('removed');
    await this.#storage.removeVersion(this.version);
  }

  #end(state: 'committed' | 'removed'): void {
    this.#state = state;
    this.#hooks.over();
  }
}
