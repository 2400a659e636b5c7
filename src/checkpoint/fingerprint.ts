/**
 * One short name for a model's parameters: equal parameters have equal fingerprints, however many shards hold
 * them and wherever they were learned. First 16 hex digits of the SHA-256 over every row that is not all zero,
 * keys ascending: the key (uint32), then the row (float32), little endian.
 */
import { createHash } from 'node:crypto';
import { bytesOf } from '../base/bytes.ts';
import type { ShardImage } from './store.ts';

const digits = 16;

/** Images in the order of their ranges. */
export function fingerprintOfRows(images: Iterable<Pick<ShardImage, 'keys' | 'rows'>>): string {
  const hash = createHash('sha256');
  for (const { keys, rows } of images) {
    const rowWidth = keys.length === 0 ? 0 : rows.length / keys.length;
    for (let i = 0; i < keys.length; i++) {
      hash.update(bytesOf(keys.subarray(i, i + 1)));
      hash.update(bytesOf(rows.subarray(i * rowWidth, (i + 1) * rowWidth)));
    }
  }
  return hash.digest('hex').slice(0, digits);
}
