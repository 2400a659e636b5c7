/**
 * Regions of keys. All parameters of a model are rows of one table, and a key is a row's place in it. The hashed
 * features have the keys below 2^bits; behind them each part of a model that has rows of its own has a region, one
 * where the region before it ends:
 *
 *   hashed      2^bits   features by their hash
 *   intercept   1
 *   optimizer   n        what the optimiser remembers of the whole model; these rows come with every event
 *   ...                  parts that are configured, in the order in which src/model/row-layout.ts lists them
 *
 * Shards, versions and deltas know keys only, so a region is sharded, stored and sent as all rows are. What stands
 * first never moves when a part is added behind it.
 */
export interface KeyRegion {
  readonly name: string;
  readonly firstKey: number;
  readonly rows: number;
}

export type RegionSize = Pick<KeyRegion, 'name' | 'rows'>;

/** The regions one behind the other, from key 0. */
export function keyRegionsOf(sizes: readonly RegionSize[]): readonly KeyRegion[] {
  let firstKey = 0;
  return sizes.map(({ name, rows }) => {
    const region = { name, firstKey, rows };
    firstKey += rows;
    return region;
  });
}

/** Keys of all regions together. */
export function keyCountOf(regions: readonly KeyRegion[]): number {
  const last = regions.at(-1);
  return last === undefined ? 0 : last.firstKey + last.rows;
}

/** The region of this name; a model without such a part has none. */
export const regionNamed = (regions: readonly KeyRegion[], name: string): KeyRegion | undefined =>
  regions.find((region) => region.name === name);
