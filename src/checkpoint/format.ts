/**
 * The numbers and names of the checkpoint format, shared by reader and writer. The document of the format, with
 * a file explained byte by byte, is docs/checkpoint-format.md.
 *
 *   shard file:  header 32 | keys u32 x count | pad to 8 | rows f32 x count x rowWidth | pad to 8 | sha256 32
 *
 * Everything is little endian, every section begins at a multiple of 8, and one image has exactly one encoding
 * (padding and reserved bytes are zero), so that equal images have equal checksums.
 */
import { endianness } from 'node:os';
import { SetupError } from '../base/errors.ts';

/** Of a manifest that is written; older ones are read for ever. */
export const manifestFormat = 2;
/** Of a shard's file: the same since the first release. */
export const shardFormat = 1;

/** "MILLRACE" in ASCII: the first eight bytes of every shard file. */
export const shardMagic = new Uint8Array([0x4d, 0x49, 0x4c, 0x4c, 0x52, 0x41, 0x43, 0x45]);

/** Where each u32 of the header lies. */
export const headerOffset = {
  format: 8,
  rowWidth: 12,
  count: 16,
  start: 20,
  end: 24,
  reserved: 28,
} as const;

export const headerBytes = 32;
export const digestBytes = 32;
const sectionAlignment = 8;

/** Rows are counted, and keys written, as u32. */
export const uint32Max = 0xffff_ffff;
export const shardsMax = 1000;
/** A blob is read and written in one piece, and so is any part in an object store or a container. */
export const partBytesMax = 32 * 1024 * 1024;
export const blobsMax = 64;
/** Versions laid over one another. */
export const chainMax = 1000;
export const versionMax = 9_999_999_999;
/** A larger manifest or pointer is refused before it is read. */
export const manifestBytesMax = 16 * 1024 * 1024;

export const manifestFile = 'manifest.json';
export const shardFilePattern = /^shard-\d{3}\.bin$/;

export const blobFilePattern = /^blob-\d{3}\.bin$/;

export const blobFile = (index: number): string => `blob-${String(index).padStart(3, '0')}.bin`;

export const shardFile = (index: number): string => `shard-${String(index).padStart(3, '0')}.bin`;

/** A version's number as its folder is named: ten digits, so that names sort as numbers do. */
export const versionName = (version: number): string => String(version).padStart(10, '0');

const aligned = (bytes: number): number => Math.ceil(bytes / sectionAlignment) * sectionAlignment;

export interface ShardLayout {
  readonly keysAt: number;
  readonly keysBytes: number;
  readonly rowsAt: number;
  readonly rowsBytes: number;
  readonly digestAt: number;
  readonly fileBytes: number;
}

/** Plain arithmetic on numbers, allocates nothing: safe on a header that lies. */
export function shardLayout(count: number, rowWidth: number): ShardLayout {
  const keysBytes = 4 * count;
  const rowsBytes = 4 * count * rowWidth;
  const rowsAt = headerBytes + aligned(keysBytes);
  const digestAt = rowsAt + aligned(rowsBytes);
  return { keysAt: headerBytes, keysBytes, rowsAt, rowsBytes, digestAt, fileBytes: digestAt + digestBytes };
}

/** What a reader says of a format that it does not know; `newest` is the highest one that it reads. */
export const unknownFormat = (found: number, newest: number): string =>
  found > newest
    ? `format ${found} was written by a newer Millrace; this one reads up to format ${newest}: read it with that Millrace`
    : `format ${found} is unknown; this Millrace reads formats 1 to ${newest}`;

/** Keys and rows are written as they lie in memory, which is the file's order on little-endian hosts only. */
export function requireLittleEndian(host: 'LE' | 'BE' = endianness()): void {
  if (host === 'LE') return;
  throw new SetupError(
    'Checkpoints need a little-endian host and this one is big-endian: run Millrace on x86-64 or arm64',
  );
}
