/**
 * One attempt to write a version into its folder. Shards' files come first, in turn; the manifest comes last
 * and makes the version exist. When anything fails the folder is removed, and the number stays used.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import type { Disk } from './disk.ts';
import { writeDurably } from './durable-file.ts';
import { diskFailure } from './errors.ts';
import {
  blobBytesMax,
  blobFile,
  blobsMax,
  manifestFile,
  manifestFormat,
  shardFile,
  shardsMax,
} from './format.ts';
import { encodeManifest } from './manifest.ts';
import { type ModelFolder, removeVersion, versionPath } from './model-folder.ts';
import { writeShardFile } from './shard-file.ts';
import type { BlobEntry, Manifest, ShardEntry, ShardImage, VersionFacts, VersionWriter } from './store.ts';

interface AttemptOptions {
  readonly disk: Disk;
  readonly folder: ModelFolder;
  readonly version: number;
  readonly now: () => number;
  /** Rejects when the version may not be written any more. */
  readonly admit: () => Promise<void>;
  /** Called once, when the attempt is over, however it ended. */
  readonly over: () => void;
}

export class FileAttempt implements VersionWriter {
  readonly version: number;
  private readonly options: AttemptOptions;
  private readonly path: string;
  private readonly entries: ShardEntry[] = [];
  private readonly blobs: BlobEntry[] = [];
  private state: 'open' | 'committed' | 'removed' = 'open';
  /** Calls run one after the other, so that a removal never meets a file that is being written. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: AttemptOptions) {
    this.options = options;
    this.version = options.version;
    this.path = versionPath(options.folder, options.version);
  }

  addShard(image: ShardImage): Promise<void> {
    return this.inTurn(() => this.orRemove('writing a shard', () => this.writeShard(image)));
  }

  addBlob(name: string, bytes: Uint8Array): Promise<void> {
    return this.inTurn(() => this.orRemove('writing a blob', () => this.writeBlob(name, bytes)));
  }

  commit(facts: VersionFacts): Promise<Manifest> {
    return this.inTurn(async () => {
      const manifest = await this.orRemove('writing the manifest', () => this.writeManifest(facts));
      this.end('committed');
      return manifest;
    });
  }

  /** Does nothing after a commit, so that it may stand in a `finally`. */
  abandon(): Promise<void> {
    return this.inTurn(async () => {
      if (this.state === 'open') await this.remove();
    });
  }

  private async writeShard(image: ShardImage): Promise<void> {
    assert(this.entries.length < shardsMax, `a version has at most ${shardsMax} shards`);
    const file = shardFile(this.entries.length);
    const { start, end, keys } = image;
    const written = await writeDurably(this.options.disk, join(this.path, file), (sink) =>
      writeShardFile(image, sink),
    );
    this.entries.push({ file, start, end, rows: keys.length, ...written });
  }

  private async writeBlob(name: string, bytes: Uint8Array): Promise<void> {
    assert(this.blobs.length < blobsMax, `a version has at most ${blobsMax} blobs`);
    assert(bytes.byteLength <= blobBytesMax, `blob ${name} has more than ${blobBytesMax} bytes`);
    const file = blobFile(this.blobs.length);
    await writeDurably(this.options.disk, join(this.path, file), (sink) => sink(bytes));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.blobs.push({ name, file, bytes: bytes.byteLength, sha256 });
  }

  private async writeManifest(facts: VersionFacts): Promise<Manifest> {
    const { disk, folder, now, admit } = this.options;
    assert(
      facts.model === folder.model,
      `a version of ${folder.model} was given the facts of ${facts.model}`,
    );
    const { bytes, manifest } = encodeManifest({
      format: manifestFormat,
      ...facts,
      version: this.version,
      createdAt: new Date(now()).toISOString(),
      shards: this.entries.toSorted((a, b) => a.start - b.start || a.end - b.end),
      blobs: this.blobs.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    });
    await admit();
    await writeDurably(disk, join(this.path, manifestFile), (sink) => sink(bytes));
    return manifest;
  }

  private inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(step);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async orRemove<Result>(doing: string, step: () => Promise<Result>): Promise<Result> {
    const { model } = this.options.folder;
    if (this.state !== 'open') {
      throw new MillraceError(
        'conflict',
        `Version ${this.version} of model ${model} is over (${this.state}): begin another`,
      );
    }
    try {
      return await step();
    } catch (error) {
      // The first error is the one to tell; what cannot be removed now is a leftover that begin() removes.
      await this.remove().catch(() => undefined);
      throw diskFailure(this.path, `${doing} of version ${this.version} of model ${model}`, error);
    }
  }

  private async remove(): Promise<void> {
    this.end('removed');
    await removeVersion(this.options.disk, this.options.folder, this.version);
  }

  private end(state: 'committed' | 'removed'): void {
    this.state = state;
    this.options.over();
  }
}
