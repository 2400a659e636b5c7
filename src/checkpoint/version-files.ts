/** Reading one version from its folder: everything is checked before it is believed, and refused by name. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { MillraceError, messageOf } from '../base/errors.ts';
import type { Disk, ReadableFile } from './disk.ts';
import { DamagedPointerError, DamagedVersionError, diskFailure, isMissing, meansDamage } from './errors.ts';
import { manifestBytesMax, manifestFile } from './format.ts';
import { type Decoded, decodeManifest, decodePointer } from './manifest.ts';
import { type ModelFolder, versionPath } from './model-folder.ts';
import { readShardFile } from './shard-file.ts';
import type { BlobEntry, Manifest, Pointer, ShardEntry, ShardImage, VersionSizes } from './store.ts';

/** Opens, reads and closes; `missing` when there is no such file. What the disk cannot give is damage. */
async function fromFile<Value>(
  disk: Disk,
  path: string,
  read: (file: ReadableFile) => Promise<Decoded<Value>>,
): Promise<Decoded<Value> | { readonly kind: 'missing' }> {
  try {
    const file = await disk.openForReading(path);
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return { kind: 'missing' };
    if (meansDamage(error)) return { kind: 'damaged', reason: messageOf(error) };
    throw diskFailure(path, 'reading', error);
  }
}

async function wholeFile(file: ReadableFile, bytesMax: number): Promise<Decoded<Uint8Array>> {
  if (file.size > bytesMax) {
    return { kind: 'damaged', reason: `${file.size} bytes long; at most ${bytesMax} are read` };
  }
  const bytes = new Uint8Array(file.size);
  const got = await file.read(bytes, 0);
  return got === file.size
    ? { kind: 'value', value: bytes }
    : { kind: 'damaged', reason: 'it ended while it was read' };
}

interface SizedManifest {
  readonly manifest: Manifest;
  readonly manifestBytes: number;
}

async function decodeSized(file: ReadableFile): Promise<Decoded<SizedManifest>> {
  const bytes = await wholeFile(file, manifestBytesMax);
  if (bytes.kind === 'damaged') return bytes;
  const decoded = decodeManifest(bytes.value);
  if (decoded.kind === 'damaged') return decoded;
  return { kind: 'value', value: { manifest: decoded.value, manifestBytes: bytes.value.byteLength } };
}

export async function readManifestFile(
  disk: Disk,
  folder: ModelFolder,
  version: number,
): Promise<SizedManifest> {
  const { model } = folder;
  const found = await fromFile(disk, join(versionPath(folder, version), manifestFile), decodeSized);
  if (found.kind === 'missing') {
    throw new MillraceError('notFound', `model ${model} has no version ${version}`);
  }
  if (found.kind === 'damaged') throw new DamagedVersionError(model, version, manifestFile, found.reason);
  const { manifest } = found.value;
  if (manifest.model !== model || manifest.version !== version) {
    const reason = `it is the manifest of version ${manifest.version} of model ${manifest.model}`;
    throw new DamagedVersionError(model, version, manifestFile, reason);
  }
  return found.value;
}

const differs = (what: string, found: unknown, expected: unknown): string =>
  `its ${what} is ${found} and the manifest says ${expected}`;

async function readListedShard(
  file: ReadableFile,
  entry: ShardEntry,
  rowWidth: number,
): Promise<Decoded<ShardImage>> {
  const refuse = (reason: string): Decoded<never> => ({ kind: 'damaged', reason });
  if (file.size !== entry.bytes) return refuse(differs('size', file.size, entry.bytes));
  const read = await readShardFile(file);
  if (read.kind === 'damaged') return read;
  const { sha256, bytes: _bytes, ...image } = read.value;
  if (sha256 !== entry.sha256) return refuse(differs('checksum', sha256, entry.sha256));
  if (image.start !== entry.start) return refuse(differs('start', image.start, entry.start));
  if (image.end !== entry.end) return refuse(differs('end', image.end, entry.end));
  if (image.keys.length !== entry.rows) return refuse(differs('row count', image.keys.length, entry.rows));
  if (image.rowWidth !== rowWidth) return refuse(differs('row width', image.rowWidth, rowWidth));
  return { kind: 'value', value: image };
}

export async function readShardOf(disk: Disk, folder: ModelFolder, manifest: Manifest, index: number) {
  const { model, version, rowWidth, shards } = manifest;
  const entry = shards[index];
  assert(
    entry !== undefined,
    `version ${version} of ${model} has ${shards.length} shards; number ${index} was asked for`,
  );
  const path = join(versionPath(folder, version), entry.file);
  const found = await fromFile(disk, path, (file) => readListedShard(file, entry, rowWidth));
  if (found.kind === 'value') return found.value;
  const reason = found.kind === 'missing' ? 'it is missing' : found.reason;
  throw new DamagedVersionError(model, version, entry.file, reason);
}

export async function readBlobOf(disk: Disk, folder: ModelFolder, manifest: Manifest, entry: BlobEntry) {
  const path = join(versionPath(folder, manifest.version), entry.file);
  const found = await fromFile<Uint8Array>(disk, path, async (file) => {
    if (file.size !== entry.bytes)
      return { kind: 'damaged', reason: differs('size', file.size, entry.bytes) };
    const bytes = await wholeFile(file, entry.bytes);
    if (bytes.kind === 'damaged') return bytes;
    const sha256 = createHash('sha256').update(bytes.value).digest('hex');
    return sha256 === entry.sha256
      ? bytes
      : { kind: 'damaged', reason: differs('checksum', sha256, entry.sha256) };
  });
  if (found.kind === 'value') return found.value;
  const reason = found.kind === 'missing' ? 'it is missing' : found.reason;
  throw new DamagedVersionError(manifest.model, manifest.version, entry.file, reason);
}

/** The manifest and the size of everything, after a look at the size of every file; their bytes are not read. */
export async function measureVersion(
  disk: Disk,
  folder: ModelFolder,
  version: number,
): Promise<VersionSizes> {
  const { manifest, manifestBytes } = await readManifestFile(disk, folder, version);
  let bytes = manifestBytes;
  for (const entry of [...manifest.shards, ...manifest.blobs]) {
    const found = await fromFile<number>(
      disk,
      join(versionPath(folder, version), entry.file),
      async ({ size }) =>
        size === entry.bytes
          ? { kind: 'value', value: size }
          : { kind: 'damaged', reason: differs('size', size, entry.bytes) },
    );
    if (found.kind !== 'value') {
      const reason = found.kind === 'missing' ? 'it is missing' : found.reason;
      throw new DamagedVersionError(folder.model, version, entry.file, reason);
    }
    bytes += found.value;
  }
  return { manifest, bytes };
}

export async function readPointerFile(
  disk: Disk,
  folder: ModelFolder,
  name: string,
): Promise<Pointer | undefined> {
  const found = await fromFile(disk, join(folder.path, name), async (file) => {
    const bytes = await wholeFile(file, manifestBytesMax);
    return bytes.kind === 'damaged' ? bytes : decodePointer(bytes.value);
  });
  if (found.kind === 'missing') return undefined;
  if (found.kind === 'damaged') throw new DamagedPointerError(folder.model, name, found.reason);
  return found.value;
}
