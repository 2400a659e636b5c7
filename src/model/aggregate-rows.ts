/**
 * Where the rows of aggregates are. Each has a region of keys: its weight first, a row as every feature's, which it
 * shares with nothing; then the rows of its groups, as many for each as its slots take.
 */
import type { AggregateConfig } from '../../config/schema.ts';
import type { AggregatePlace } from '../features/group-references.ts';
import { Aggregate } from './aggregates.ts';
import { type KeyRegion, type RegionSize, regionNamed } from './key-regions.ts';

const regionPrefix = 'aggregate:';
const regionOf = ({ name }: AggregateConfig): string => `${regionPrefix}${name}`;

const rowsPerGroup = (config: AggregateConfig, width: number): number =>
  Math.ceil(new Aggregate(config).slots / width);

/** In a table of rows of this width. */
export const aggregateRegions = (configs: readonly AggregateConfig[], width: number): RegionSize[] =>
  configs.map((config) => ({
    name: regionOf(config),
    rows: 1 + 2 ** config.bits * rowsPerGroup(config, width),
  }));

export function placesOfAggregates(
  configs: readonly AggregateConfig[],
  { regions, width }: { readonly regions: readonly KeyRegion[]; readonly width: number },
): AggregatePlace[] {
  return configs.map((config) => {
    const { firstKey } = regionNamed(regions, regionOf(config))!;
    const { name, of, by, bits } = config;
    return {
      name,
      of,
      by,
      weightKey: firstKey,
      firstKey: firstKey + 1,
      rowsPerGroup: rowsPerGroup(config, width),
      groups: 2 ** bits,
    };
  });
}

/** Whether the row of this key holds sums of a group, which add up where two learners changed it. */
export const isGroupRow = (
  { regions, stateKey }: { readonly regions: readonly KeyRegion[]; readonly stateKey: number },
  key: number,
): boolean =>
  key > stateKey &&
  regions.some(
    ({ name, firstKey, rows }) => name.startsWith(regionPrefix) && key > firstKey && key < firstKey + rows,
  );
