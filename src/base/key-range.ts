/**
 * Keys and the shards that own them. A model's keys are 0 .. keyCount-1; shard i of n owns one contiguous
 * range, so a key's owner is one division and a checkpoint loads into any number of shards.
 */
export interface KeyRange {
  /** First key owned. */
  readonly start: number;
  /** One past the last key owned. */
  readonly end: number;
}

/** Keys per shard, rounded up: each shard holds this many until the keys run out. */
export const rangeWidth = (keyCount: number, shards: number): number => Math.ceil(keyCount / shards);

export function keyRangeOf(shard: number, shards: number, keyCount: number): KeyRange {
  const width = rangeWidth(keyCount, shards);
  return { start: Math.min(keyCount, shard * width), end: Math.min(keyCount, (shard + 1) * width) };
}
