/** Reading the parts of one version: everything is checked before it is believed, and refused by name. */
import { createHash } from 'node:crypto';
import { assert } from '../base/assert.ts';
import { MillraceError, messageOf } from '../base/errors.ts';
import { DamagedPointerError, DamagedVersionError, meansDamage } from './errors.ts';
import { manifestBytesMax, manifestFile } from './format.ts';
import { type Decoded, decodeManifest, decodePointer } from './manifest.ts';
import { pointerFile } from './model-folder.ts';
import type { ModelStorage, PartReader, StoredPart } from './model-storage.ts';
import { sealOf } from './sealed-json.ts';
import { type ByteSource, readShardFile } from './shard-file.ts';
import type { BlobEntry, Manifest, Pointer, ShardEntry, ShardImage } from './store.ts';

type Found<Value> = Decoded<Value> | { readonly kind: 'missing' };

/** Opens, reads and closes. What the storage cannot give is damage. */
async function fromPart<Value>(
  open: () => Promise<StoredPart | undefined>,
  failure: (thrown: unknown) => Error,
  read: (part: ByteSource) => Promise<Decoded<Value>>,
): Promise<Found<Value>> {
  try {
    const part = await open();
    if (part === undefined) return { kind: 'missing' };
    try {
      return await read(part);
    } finally {
      await part.close();
    }
  } catch (error) {
    if (meansDamage(error)) return { kind: 'damaged', reason: messageOf(error) };
    throw failure(error);
  }
}

const partOf = <Value>(
  storage: PartReader,
  version: number,
  part: string,
  read: (part: ByteSource) => Promise<Decoded<Value>>,
): Promise<Found<Value>> =>
  fromPart(
    () => storage.openPart(version, part),
    (thrown) => storage.failure('reading', thrown, version, part),
    read,
  );

/** The value, or the error that names the part. */
function goodValue<Value>(found: Found<Value>, model: string, version: number, file: string): Value {
  if (found.kind === 'value') return found.value;
  const reason = found.kind === 'missing' ? 'it is missing' : found.reason;
  throw new DamagedVersionError(model, version, file, reason);
}

async function wholePart(file: ByteSource, bytesMax: number): Promise<Decoded<Uint8Array>> {
  if (file.size > bytesMax) {
    return { kind: 'damaged', reason: `${file.size} bytes long; at most ${bytesMax} are read` };
  }
  const bytes = new Uint8Array(file.size);
  const got = await file.read(bytes, 0);
  return got === file.size
    ? { kind: 'value', value: bytes }
    : { kind: 'damaged', reason: 'it ended while it was read' };
}

export interface SizedManifest {
  readonly manifest: Manifest;
  /** The checksum with which it is sealed. */
  readonly digest: string;
  readonly manifestBytes: number;
}

async function decodeSized(part: ByteSource): Promise<Decoded<SizedManifest>> {
  const bytes = await wholePart(part, manifestBytesMax);
  if (bytes.kind === 'damaged') return bytes;
  const decoded = decodeManifest(bytes.value);
  if (decoded.kind === 'damaged') return decoded;
  const value = {
    manifest: decoded.value,
    digest: sealOf(bytes.value),
    manifestBytes: bytes.value.byteLength,
  };
  return { kind: 'value', value };
}

export async function readManifestPart(storage: PartReader, version: number): Promise<SizedManifest> {
  const { model } = storage;
  const found = await partOf(storage, version, manifestFile, decodeSized);
  if (found.kind === 'missing') {
    throw new MillraceError('notFound', `model ${model} has no version ${version}`);
  }
  const sized = goodValue(found, model, version, manifestFile);
  const { manifest } = sized;
  if (manifest.model !== model || manifest.version !== version) {
    const reason = `it is the manifest of version ${manifest.version} of model ${manifest.model}`;
    throw new DamagedVersionError(model, version, manifestFile, reason);
  }
  return sized;
}

const differs = (what: string, found: unknown, expected: unknown): string =>
  `its ${what} is ${found} and the manifest says ${expected}`;

async function readListedShard(
  file: ByteSource,
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

export async function readShardOf(
  storage: PartReader,
  manifest: Manifest,
  index: number,
): Promise<ShardImage> {
  const { model, version, rowWidth, shards } = manifest;
  const entry = shards[index];
  assert(
    entry !== undefined,
    `version ${version} of ${model} has ${shards.length} shards; number ${index} was asked for`,
  );
  const found = await partOf(storage, version, entry.file, (part) => readListedShard(part, entry, rowWidth));
  return goodValue(found, model, version, entry.file);
}

export async function readBlobOf(
  storage: PartReader,
  { model, version }: Manifest,
  entry: BlobEntry,
): Promise<Uint8Array> {
  const found = await partOf<Uint8Array>(storage, version, entry.file, async (part) => {
    if (part.size !== entry.bytes)
      return { kind: 'damaged', reason: differs('size', part.size, entry.bytes) };
    const bytes = await wholePart(part, entry.bytes);
    if (bytes.kind === 'damaged') return bytes;
    const sha256 = createHash('sha256').update(bytes.value).digest('hex');
    return sha256 === entry.sha256
      ? bytes
      : { kind: 'damaged', reason: differs('checksum', sha256, entry.sha256) };
  });
  return goodValue(found, model, version, entry.file);
}

/** The manifest and the size of everything, after a look at the size of every part; their bytes are not read. */
export async function measureVersion(
  storage: ModelStorage,
  version: number,
): Promise<SizedManifest & { bytes: number }> {
  const sized = await readManifestPart(storage, version);
  let bytes = sized.manifestBytes;
  for (const entry of [...sized.manifest.shards, ...sized.manifest.blobs]) {
    const found = await partOf<number>(storage, version, entry.file, async ({ size }) =>
      size === entry.bytes
        ? { kind: 'value', value: size }
        : { kind: 'damaged', reason: differs('size', size, entry.bytes) },
    );
    bytes += goodValue(found, storage.model, version, entry.file);
  }
  return { ...sized, bytes };
}

export async function readPointerPart(storage: ModelStorage): Promise<Pointer | undefined> {
  const found = await fromPart(
    () => storage.openPointer(),
    (thrown) => storage.failure('reading', thrown, undefined, pointerFile),
    async (part) => {
      const bytes = await wholePart(part, manifestBytesMax);
      return bytes.kind === 'damaged' ? bytes : decodePointer(bytes.value);
    },
  );
  if (found.kind === 'missing') return undefined;
  if (found.kind === 'damaged') throw new DamagedPointerError(storage.model, pointerFile, found.reason);
  return found.value;
}
