/**
 * A version's manifest: the facts of its maker, and the name, range, size and checksum of each shard's file.
 * It is plain data, validated whole before any of it is used, and it makes the version exist.
 *
 * The shards' ranges tile 0 .. keyCount without gap or overlap: a version that lacks a part cannot be written.
 */
import { z } from 'zod';
import { namePattern } from '../../config/names.ts';
import { assert } from '../base/assert.ts';
import { exclusionSchema } from '../protocol/epoch-entry.ts';
import {
  blobFilePattern,
  blobsMax,
  manifestBytesMax,
  manifestFormat,
  partBytesMax,
  shardFilePattern,
  shardLayout,
  shardsMax,
  uint32Max,
  unknownFormat,
  versionMax,
} from './format.ts';
import { seal, unseal } from './sealed-json.ts';
import type { Manifest, Pointer } from './store.ts';

const count = z.int().min(0);
const uint32 = count.max(uint32Max);
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
const anchor = z.strictObject({ seq: count, timeMs: z.number(), sha256: digest });
/** JSON has no text for these four float64 values; they are written as strings. */
const unwritable = ['NaN', 'Infinity', '-Infinity', '-0'] as const;
const unwritableValues: ReadonlyMap<unknown, number> = new Map(
  unwritable.map((text) => [text, Number(text)]),
);
/** Thousands of them: a manifest is decoded in half the time that one schema for each number takes. */
const float64s = z
  .custom<unknown[]>(Array.isArray, 'expected a list of numbers')
  .transform((values, context) =>
    values.map((value, at) => {
      const number = Number.isFinite(value) ? (value as number) : unwritableValues.get(value);
      if (number !== undefined) return number;
      context.addIssue({
        code: 'custom',
        path: [at],
        message: `expected a number or one of ${unwritable.join(', ')}`,
      });
      return 0;
    }),
  );

const shardEntrySchema = z.strictObject({
  file: z.string().regex(shardFilePattern, 'expected a name like shard-000.bin'),
  start: uint32,
  end: uint32,
  rows: uint32,
  bytes: count,
  sha256: digest,
});

const blobEntrySchema = z.strictObject({
  name: z.string().regex(namePattern, 'expected 1 to 64 of A-Z a-z 0-9 _ -'),
  file: z.string().regex(blobFilePattern, 'expected a name like blob-000.bin'),
  bytes: count.max(partBytesMax),
  sha256: digest,
});

const sinceFormat1 = {
  model: z.string().regex(namePattern),
  version: z.int().min(1).max(versionMax),
  createdAt: z.iso.datetime(),
  parent: z.int().min(0).max(versionMax),
  reason: z.enum(['events', 'time', 'command', 'stop', 'unlearn', 'import']),
  epoch: count,
  stream: z.strictObject({
    name: z.string(),
    created: z.string(),
    marks: z.array(count),
    anchor: anchor.exactOptional(),
  }),
  fingerprint: z.string(),
  definition: z.unknown(),
  entry: z.unknown().exactOptional(),
  unlearned: z
    .strictObject({ from: z.int().min(0).max(versionMax), exclusions: z.array(exclusionSchema) })
    .exactOptional(),
  keyCount: uint32,
  rowWidth: uint32.min(1),
  totals: float64s,
  writer: z.strictObject({ millrace: z.string(), node: z.string(), v8: z.string(), arch: z.string() }),
  shards: z.array(shardEntrySchema).min(1).max(shardsMax),
};

/** By the format's number. What a later format added is, in an earlier one, what it was by then: nothing. */
const manifestSchemas: Readonly<Record<number, z.ZodType<Manifest>>> = {
  1: checked(
    z
      .strictObject({ format: z.literal(1), ...sinceFormat1 })
      .transform((manifest): Manifest => ({ ...manifest, blobs: [] })),
  ),
  2: checked(
    z.strictObject({
      format: z.literal(2),
      ...sinceFormat1,
      base: z.strictObject({ version: z.int().min(1).max(versionMax), sha256: digest }).exactOptional(),
      blobs: z.array(blobEntrySchema).max(blobsMax),
    }),
  ),
};

function checked(schema: z.ZodType<Manifest>): z.ZodType<Manifest> {
  return schema.superRefine((manifest, context) => {
    const shards = shardsProblem(manifest);
    if (shards !== undefined) context.addIssue({ code: 'custom', path: ['shards'], message: shards });
    const blobs = blobsProblem(manifest);
    if (blobs !== undefined) context.addIssue({ code: 'custom', path: ['blobs'], message: blobs });
    if (manifest.base !== undefined && manifest.base.version >= manifest.version) {
      const message = `a version is laid over an earlier one, not over ${manifest.base.version}`;
      context.addIssue({ code: 'custom', path: ['base'], message });
    }
  });
}

const pointerSchema: z.ZodType<Pointer> = z.strictObject({
  version: z.int().min(0).max(versionMax),
  skipTo: count.exactOptional(),
  anchor: anchor.exactOptional(),
});

function shardsProblem(manifest: Pick<Manifest, 'shards' | 'keyCount' | 'rowWidth'>): string | undefined {
  let covered = 0;
  for (const { file, start, end, rows, bytes } of manifest.shards) {
    if (start !== covered)
      return `${file} starts at key ${start}, but the shards before it end at ${covered}`;
    if (end < start) return `${file} ends at key ${end}, before its start ${start}`;
    if (rows > end - start) return `${file} has ${rows} rows for ${end - start} keys`;
    const expected = shardLayout(rows, manifest.rowWidth).fileBytes;
    if (bytes !== expected) return `${file} has ${bytes} bytes where ${rows} rows take ${expected}`;
    covered = end;
  }
  if (covered !== manifest.keyCount) return `the shards end at key ${covered} of ${manifest.keyCount}`;
  if (new Set(manifest.shards.map(({ file }) => file)).size !== manifest.shards.length)
    return 'a file is named twice';
  return undefined;
}

function blobsProblem({ blobs }: Pick<Manifest, 'blobs'>): string | undefined {
  if (new Set(blobs.map(({ name }) => name)).size !== blobs.length) return 'a name is there twice';
  if (new Set(blobs.map(({ file }) => file)).size !== blobs.length) return 'a file is named twice';
  return undefined;
}

/** Something decoded, or why it was refused. */
export type Decoded<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'damaged'; readonly reason: string };

function validated<Value>(schema: z.ZodType<Value>, content: unknown): Decoded<Value> {
  const result = schema.safeParse(content);
  if (result.success) return { kind: 'value', value: result.data };
  const issue = result.error.issues[0];
  return { kind: 'damaged', reason: `${issue?.path.join('.') || 'content'}: ${issue?.message}` };
}

function formatOf(content: unknown): number | undefined {
  if (typeof content !== 'object' || content === null || !('format' in content)) return undefined;
  return typeof content.format === 'number' ? content.format : undefined;
}

export function decodeManifest(bytes: Uint8Array): Decoded<Manifest> {
  const unsealed = unseal(bytes);
  if (unsealed.kind === 'damaged') return unsealed;
  const format = formatOf(unsealed.content) ?? manifestFormat;
  const schema = manifestSchemas[format];
  return schema === undefined
    ? { kind: 'damaged', reason: unknownFormat(format, manifestFormat) }
    : validated(schema, unsealed.content);
}

const writable = (value: number): number | string =>
  Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);

/** What a reader would refuse is not written: the bytes are decoded once before they are handed out. */
export function encodeManifest(manifest: Manifest): { bytes: Uint8Array; manifest: Manifest } {
  const bytes = seal({ ...manifest, totals: manifest.totals.map(writable) });
  assert(bytes.byteLength <= manifestBytesMax, `a manifest takes at most ${manifestBytesMax} bytes`);
  const decoded = decodeManifest(bytes);
  assert(
    decoded.kind === 'value',
    `a version cannot be written: ${decoded.kind === 'damaged' && decoded.reason}`,
  );
  return { bytes, manifest: decoded.value };
}

export function decodePointer(bytes: Uint8Array): Decoded<Pointer> {
  const unsealed = unseal(bytes);
  return unsealed.kind === 'damaged' ? unsealed : validated(pointerSchema, unsealed.content);
}

export function encodePointer(pointer: Pointer): Uint8Array {
  const bytes = seal(pointer);
  const decoded = decodePointer(bytes);
  assert(
    decoded.kind === 'value',
    `a pointer cannot be written: ${decoded.kind === 'damaged' && decoded.reason}`,
  );
  return bytes;
}
