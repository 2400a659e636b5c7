/**
 * One shard's file, both ways (docs/checkpoint-format.md). Knows bytes, not where they lie: the writer takes a
 * sink and the reader a source, so a file and an object of an object store are the same to it.
 *
 * The writer hands out views over the arrays it was given and makes no second copy; they must not change
 * until it is done. The reader allocates only after the source's real size was found to be what the header
 * promises, and returns nothing before the checksum was found right.
 */
import { createHash, type Hash } from 'node:crypto';
import { assert } from '../base/assert.ts';
import {
  digestBytes,
  headerBytes,
  headerOffset,
  type ShardLayout,
  shardFormat,
  shardLayout,
  shardMagic,
  uint32Max,
  unknownFormat,
} from './format.ts';
import type { Decoded } from './manifest.ts';
import type { ShardImage } from './store.ts';

/** Bytes handed to a sink, or asked of a source, at once: hashing never holds the thread for longer than a few ms. */
const chunkBytes = 4 * 1024 * 1024;

export interface ByteSource {
  readonly size: number;
  /** Fills `target` from `position`; returns how many bytes there were. */
  read(target: Uint8Array, position: number): Promise<number>;
}

export type ByteSink = (bytes: Uint8Array) => Promise<void>;

export interface WrittenShard {
  readonly bytes: number;
  readonly sha256: string;
}

const bytesOf = (array: Uint32Array | Float32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Why an image cannot be stored; undefined when it can. Checked before it is written, and by the reader of what it read. */
function imageProblem({ start, end, rowWidth, keys, rows }: ShardImage): string | undefined {
  for (const [name, value] of Object.entries({ start, end, rowWidth })) {
    if (!Number.isInteger(value) || value < 0 || value > uint32Max) return `${name} ${value} is not a u32`;
  }
  if (rowWidth < 1) return 'rowWidth is 0';
  if (end < start) return `the range ends at ${end}, before its start ${start}`;
  if (rows.length !== keys.length * rowWidth)
    return `${rows.length} floats for ${keys.length} rows of ${rowWidth}`;
  let previous = start - 1;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key <= previous) {
      return i === 0
        ? `key ${key} lies before the range's start ${start}`
        : `key ${key} follows key ${previous}`;
    }
    if (key >= end) return `key ${key} lies at or past the range's end ${end}`;
    previous = key;
  }
  return undefined;
}

export function assertWritable(image: ShardImage): void {
  const problem = imageProblem(image);
  assert(problem === undefined, `a shard's image cannot be written: ${problem}`);
}

function headerOf(image: ShardImage): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  header.set(shardMagic);
  view.setUint32(headerOffset.format, shardFormat, true);
  view.setUint32(headerOffset.rowWidth, image.rowWidth, true);
  view.setUint32(headerOffset.count, image.keys.length, true);
  view.setUint32(headerOffset.start, image.start, true);
  view.setUint32(headerOffset.end, image.end, true);
  return header;
}

export async function writeShardFile(image: ShardImage, sink: ByteSink): Promise<WrittenShard> {
  assertWritable(image);
  const layout = shardLayout(image.keys.length, image.rowWidth);
  const hash = createHash('sha256');
  const put = async (section: Uint8Array) => {
    for (let at = 0; at < section.byteLength; at += chunkBytes) {
      const chunk = section.subarray(at, at + chunkBytes);
      hash.update(chunk);
      await sink(chunk);
    }
  };
  await put(headerOf(image));
  await put(bytesOf(image.keys));
  await put(new Uint8Array(layout.rowsAt - layout.keysAt - layout.keysBytes));
  await put(bytesOf(image.rows));
  await put(new Uint8Array(layout.digestAt - layout.rowsAt - layout.rowsBytes));
  const digest = hash.digest();
  await sink(digest);
  return { bytes: layout.fileBytes, sha256: digest.toString('hex') };
}

const damaged = (reason: string): Decoded<never> => ({ kind: 'damaged', reason });

interface Header {
  readonly rowWidth: number;
  readonly count: number;
  readonly start: number;
  readonly end: number;
  readonly layout: ShardLayout;
}

function decodeHeader(header: Uint8Array, size: number): Decoded<Header> {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (shardMagic.some((byte, at) => header[at] !== byte)) return damaged('it does not begin with MILLRACE');
  const at = (offset: number) => view.getUint32(offset, true);
  const format = at(headerOffset.format);
  if (format !== shardFormat) return damaged(unknownFormat(format, shardFormat));
  const count = at(headerOffset.count);
  const rowWidth = at(headerOffset.rowWidth);
  const layout = shardLayout(count, rowWidth);
  if (layout.fileBytes !== size) {
    return damaged(`${size} bytes long where ${count} rows of ${rowWidth} take ${layout.fileBytes}`);
  }
  if (at(headerOffset.reserved) !== 0) return damaged('its reserved header bytes are not zero');
  const value = { rowWidth, count, start: at(headerOffset.start), end: at(headerOffset.end), layout };
  return { kind: 'value', value };
}

/** Reads from `position` into `target` by chunks, hashing what came. False when the source ended early. */
async function readHashed(
  source: ByteSource,
  target: Uint8Array,
  position: number,
  hash: Hash,
): Promise<boolean> {
  for (let at = 0; at < target.byteLength; at += chunkBytes) {
    const chunk = target.subarray(at, at + chunkBytes);
    if ((await source.read(chunk, position + at)) !== chunk.byteLength) return false;
    hash.update(chunk);
  }
  return true;
}

/** Whether the last 32 bytes are the checksum of all before them; reads with one small buffer. */
async function hasItsChecksum(source: ByteSource): Promise<boolean> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(Math.min(chunkBytes, source.size));
  const digestAt = source.size - digestBytes;
  for (let at = 0; at < digestAt; at += buffer.byteLength) {
    const chunk = buffer.subarray(0, Math.min(buffer.byteLength, digestAt - at));
    if (!(await readHashed(source, chunk, at, hash))) return false;
  }
  const digest = new Uint8Array(digestBytes);
  return (await source.read(digest, digestAt)) === digestBytes && hash.digest().equals(digest);
}

const checksumWrong = 'its checksum does not match its bytes';

async function readBody(
  source: ByteSource,
  header: Header,
  hash: Hash,
): Promise<Decoded<ShardImage & WrittenShard>> {
  const { layout, count, start, end, rowWidth } = header;
  const keys = new Uint32Array(count);
  const keysPad = new Uint8Array(layout.rowsAt - layout.keysAt - layout.keysBytes);
  const rows = new Float32Array(count * rowWidth);
  const rowsPad = new Uint8Array(layout.digestAt - layout.rowsAt - layout.rowsBytes);
  const digest = new Uint8Array(digestBytes);
  const whole =
    (await readHashed(source, bytesOf(keys), layout.keysAt, hash)) &&
    (await readHashed(source, keysPad, layout.keysAt + layout.keysBytes, hash)) &&
    (await readHashed(source, bytesOf(rows), layout.rowsAt, hash)) &&
    (await readHashed(source, rowsPad, layout.rowsAt + layout.rowsBytes, hash)) &&
    (await source.read(digest, layout.digestAt)) === digestBytes;
  if (!whole) return damaged('it ended while it was read');
  const computed = hash.digest();
  if (!computed.equals(digest)) return damaged(checksumWrong);
  if (keysPad.some((byte) => byte !== 0) || rowsPad.some((byte) => byte !== 0))
    return damaged('its padding is not zero');
  const image = { start, end, rowWidth, keys, rows };
  const problem = imageProblem(image);
  if (problem !== undefined) return damaged(problem);
  return { kind: 'value', value: { ...image, bytes: source.size, sha256: computed.toString('hex') } };
}

/** The image with the file's size and checksum, or why it was refused. */
export async function readShardFile(source: ByteSource): Promise<Decoded<ShardImage & WrittenShard>> {
  const least = shardLayout(0, 1).fileBytes;
  if (source.size < least)
    return damaged(`only ${source.size} bytes long; the smallest shard file has ${least}`);
  const hash = createHash('sha256');
  const headerRead = new Uint8Array(headerBytes);
  if (!(await readHashed(source, headerRead, 0, hash))) return damaged('it ended while it was read');
  const header = decodeHeader(headerRead, source.size);
  if (header.kind === 'value') return readBody(source, header.value, hash);
  // A flipped bit must not pass for the work of a newer Millrace: only a whole file is judged by its header.
  return (await hasItsChecksum(source)) ? header : damaged(`${checksumWrong} (${header.reason})`);
}
