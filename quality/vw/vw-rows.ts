/**
 * Rows as Vowpal Wabbit numbers them, for cases in which names share rows: its hash (MurmurHash3, Austin Appleby; a name of
 * digits is its number), its mask, its n-grams, and the constant among the hashed ones.
 */
import type { SparseVector } from '../../src/base/sparse-vector.ts';
import type { Features } from '../../src/protocol/messages.ts';

export interface VwRows {
  readonly bits: number;
  readonly hasConstant: boolean;
  readonly ngram: { readonly masks: readonly (readonly number[])[] } | undefined;
  readonly stateKeys: readonly number[];
}

const constant = 11_650_396;
const gramFactor = 27_942_141n;

/** Fills a vector of a model without intercept: its reserved rows, then the features, those of one row added up. */
export function fillAsVw(features: Features, rows: VwRows, into: SparseVector): void {
  const mask = 2 ** rows.bits - 1;
  into.clear();
  for (const key of rows.stateKeys) into.add(key, 0, 0);
  const loose = new Map<string, number>();
  for (const [name, value] of Object.entries(features)) {
    if (typeof value === 'object' && value !== null) addSpace(hashOf(name, 0), membersOf(value), rows, into);
    else loose.set(name, Number(value));
  }
  if (loose.size > 0) addSpace(0, [...loose], rows, into);
  if (rows.hasConstant) into.add(constant & mask, 1, 0);
}

type Member = readonly [name: string, value: number];

const membersOf = (space: object): Member[] =>
  Array.isArray(space) ? (space as Member[]) : (Object.entries(space) as Member[]);

function addSpace(
  seed: number,
  members: readonly Member[],
  { bits, ngram }: VwRows,
  into: SparseVector,
): void {
  const mask = 2 ** bits - 1;
  const indices = members.map(([name]) => hashOf(name, seed) & mask);
  for (const [at, [, value]] of members.entries()) if (value !== 0) into.add(indices[at]!, value, 1);
  for (const gram of ngram?.masks ?? []) {
    for (let start = 0; start + gram.at(-1)! < indices.length; start++) {
      let index = BigInt(indices[start]!);
      for (const offset of gram.slice(1)) index = index * gramFactor + BigInt(indices[start + offset]!);
      into.add(Number(index & BigInt(mask)), 1, 0);
    }
  }
}

function hashOf(name: string, seed: number): number {
  if (/^\d+$/.test(name)) return Number((BigInt(name) + BigInt(seed)) & 0xffffffffn);
  return murmur(Buffer.from(name), seed);
}

function murmur(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    hash ^= scrambled(view.getInt32(at, true));
    hash = Math.imul(rotated(hash, 13), 5) + 0xe6546b64;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | bytes[at]!;
  if (bytes.length > whole) hash ^= scrambled(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const rotated = (word: number, by: number): number => (word << by) | (word >>> (32 - by));
const scrambled = (word: number): number => Math.imul(rotated(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
