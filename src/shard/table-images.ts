/** A whole table as the shards of a version. */
import { keyRangeOf } from '../base/key-range.ts';
import type { ShardImage } from '../checkpoint/store.ts';
import { chunksOfTable, type RowChunk } from './row-chunks.ts';

export function* imagesOfTable(table: Float32Array, rowWidth: number, shards: number): Generator<ShardImage> {
  for (let shard = 0; shard < shards; shard++) {
    const { start, end } = keyRangeOf(shard, shards, table.length / rowWidth);
    const chunks = [...chunksOfTable(table.subarray(start * rowWidth, end * rowWidth), rowWidth)];
    yield { start, end, rowWidth, ...joined(chunks, start, rowWidth) };
  }
}

function joined(chunks: readonly RowChunk[], firstKey: number, rowWidth: number) {
  const count = chunks.reduce((sum, chunk) => sum + chunk.keys.length, 0);
  const keys = new Uint32Array(count);
  const rows = new Float32Array(count * rowWidth);
  let at = 0;
  for (const chunk of chunks) {
    rows.set(chunk.rows, at * rowWidth);
    for (const key of chunk.keys) keys[at++] = key + firstKey;
  }
  return { keys, rows };
}
