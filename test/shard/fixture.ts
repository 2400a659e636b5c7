/** Small shards, and the two verbs that change them. */

import { bytesOf } from '../../src/base/bytes.ts';
import { keyRangeOf } from '../../src/base/key-range.ts';
import type { Logger } from '../../src/base/logger.ts';
import { keyRegionsOf } from '../../src/model/key-regions.ts';
import { sumCount } from '../../src/model/metrics.ts';
import type { RowLayout } from '../../src/model/row-layout.ts';
import type { BatchTally } from '../../src/protocol/internal.ts';
import {
  createShardBuffers,
  openShardMemory,
  type ShardBuffers,
  type ShardMemory,
  type ShardShape,
} from '../../src/shard/memory.ts';
import type { PushPart } from '../../src/shard/staging.ts';

export const layoutOf = (width: number, keyCount: number): RowLayout => ({
  offset: 0,
  optimizerSlots: width,
  classesMax: 0,
  standardize: false,
  width,
  regions: keyRegionsOf([{ name: 'hashed', rows: keyCount }]),
  keyCount,
  stateRows: 0,
  stateKey: keyCount,
  sharedRows: 0,
  sharedKey: keyCount,
  join: 'add',
  maxima: 0,
});

export function shapeOf(more: Partial<ShardShape> & { width?: number; keyCount?: number } = {}): ShardShape {
  const { width = 2, keyCount = 40, shard = 0, shards = 1, learners = 1, partitions = 8 } = more;
  return {
    shard,
    shards,
    range: keyRangeOf(shard, shards, keyCount),
    layout: layoutOf(width, keyCount),
    partitions,
    learners,
    stagedRowsMax: more.stagedRowsMax ?? keyCount,
    batchEventsMax: more.batchEventsMax ?? 64,
    recentIdsMax: more.recentIdsMax ?? 0,
  };
}

export const sumsOf = (...first: number[]): Uint8Array => {
  const sums = new Float64Array(sumCount);
  sums.set(first);
  return bytesOf(sums);
};

export const tallyOf = (learned: number, more: { sums?: number[]; buckets?: number[] } = {}): BatchTally => ({
  learned,
  rejected: 1,
  excluded: 4,
  duplicates: 2,
  missing: 0,
  sums: sumsOf(...(more.sums ?? [learned])),
  buckets: bytesOf(Uint16Array.from(more.buckets ?? [])),
});

export const partOf = (
  toSeq: number,
  keys: readonly number[],
  rows: readonly number[],
  more: Partial<PushPart> = {},
): PushPart => ({
  toSeq,
  part: 0,
  parts: 1,
  keys: Uint32Array.from(keys),
  rows: Float32Array.from(rows),
  ...more,
});

export const newMemory = (shape: ShardShape): ShardMemory =>
  openShardMemory(shape, createShardBuffers(shape));

/** The same bytes in buffers of their own: what another life would find. */
export function copyOf(shape: ShardShape, buffers: ShardBuffers): ShardMemory {
  const copy = createShardBuffers(shape);
  const copyBytes = (from: SharedArrayBuffer, to: SharedArrayBuffer) =>
    new Uint8Array(to).set(new Uint8Array(from));
  copyBytes(buffers.rows, copy.rows);
  copyBytes(buffers.ledger, copy.ledger);
  copyBytes(buffers.recentIds, copy.recentIds);
  for (const [at, area] of buffers.staging.entries()) copyBytes(area, copy.staging[at]!);
  return openShardMemory(shape, copy);
}

/** Everything that counts, as plain numbers. */
export const stateOf = ({ rows, touched, ledger, recentIds }: ShardMemory) => ({
  rows: Array.from(rows),
  touched: Array.from(touched),
  recentIds: Array.from(recentIds),
  ...Object.fromEntries(Object.entries(ledger).map(([name, values]) => [name, Array.from(values)])),
});

const nothing = () => undefined;

/** A log that nobody reads. */
export const silent: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
};
