/**
 * How a model's row is laid out: the optimiser's slots first, for each score those of one, then, when numbers are
 * standardised, the running statistics of the feature. And which regions of keys a model has (key-regions.ts).
 */
import { classesMaxOf } from '../../config/fingerprint.ts';
import { type Join, joinOf } from '../../config/optimizer-schema.ts';
import type { KernelMode, ModelConfig, OptimizerConfig } from '../../config/schema.ts';
import type { ExactPlaces } from '../features/exact-references.ts';
import { aggregateRegions } from './aggregate-rows.ts';
import { namesLength } from './class-names.ts';
import { bucketBits, bucketRows, clockRows } from './exact-ids.ts';
import { type KeyRegion, keyCountOf, keyRegionsOf, type RegionSize, regionNamed } from './key-regions.ts';
import { labelRangeLength } from './label-range.ts';
import { denseLength } from './network-shape.ts';
import { coinMaxima, coinSlots, coinStateRows } from './optimizers/coin.ts';
import {
  isPenalized,
  nagPenaltySlots,
  nagPenaltyStateRows,
  nagSlots,
  nagStateRows,
} from './optimizers/nag.ts';
import { optimizerOf } from './optimizers/optimizer.ts';

export interface RowLayout {
  /** Where a row's optimiser slots begin, and how many there are; the statistics, if any, follow the last. */
  readonly offset: number;
  readonly optimizerSlots: number;
  /** Classes that a row has slots for; 0 where there is one score. */
  readonly classesMax: number;
  readonly standardize: boolean;
  /** float32 numbers in a row. */
  readonly width: number;
  readonly regions: readonly KeyRegion[];
  /** Keys of all regions. */
  readonly keyCount: number;
  /** Rows behind the intercept's, of the optimiser: they belong to no feature and come with every event. */
  readonly stateRows: number;
  /** The first of them. */
  readonly stateKey: number;
  /** Rows of all events together: one stretch of numbers. In a working set they are the first rows. */
  readonly sharedRows: number;
  readonly sharedKey: number;
  readonly join: Join;
  /** How many of the last optimiser slots of a score hold the largest of something, where the others are sums. */
  readonly maxima: number;
  /** Of the shared numbers those of the label's running statistics begin here; undefined when labels are not scaled. */
  readonly labelStatisticsAt?: number | undefined;
  /** Where exact ids are; undefined when the model has none. */
  readonly exactIds?: ExactPlaces | undefined;
}

/** Slots of the running statistics behind the optimiser's: how many, their mean, their population variance. */
export const statisticsSlots = 3;

type Shaped = Pick<
  ModelConfig,
  'task' | 'classes' | 'classesMax' | 'loss' | 'family' | 'optimizer' | 'features'
>;

export function rowLayoutOf(model: Shaped): RowLayout {
  const { slots, stateRows, maxima } = shapeOf(model);
  const classesMax = classesMaxOf(model);
  // The classes of a network share its features' vectors.
  const scoresInRow = model.family.name === 'network' ? 1 : Math.max(1, classesMax);
  const optimizerSlots = slots.length * scoresInRow;
  const { standardize, standardizeLabel = false, bits, exactIds, aggregates = [] } = model.features;
  const width = optimizerSlots + (standardize ? statisticsSlots : 0);
  const familyNumbers = sharedLength(model);
  const sharedRows = Math.ceil((familyNumbers + (standardizeLabel ? statisticsSlots : 0)) / width);
  const regions = keyRegionsOf([
    { name: 'hashed', rows: 2 ** bits },
    { name: 'intercept', rows: 1 },
    { name: 'optimizer', rows: stateRows },
    { name: 'shared', rows: sharedRows },
    ...exactRegions(exactIds, width),
    ...aggregateRegions(aggregates, width),
  ]);
  return {
    offset: 0,
    optimizerSlots,
    classesMax,
    standardize,
    width,
    regions,
    keyCount: keyCountOf(regions),
    stateRows,
    stateKey: 2 ** bits + 1,
    sharedRows,
    sharedKey: 2 ** bits + 1 + stateRows,
    join: joinOf(model.optimizer),
    maxima,
    labelStatisticsAt: standardizeLabel ? familyNumbers : undefined,
    exactIds: exactPlaces(exactIds, width, regions),
  };
}

type ExactIdsConfig = ModelConfig['features']['exactIds'];

function exactRegions(config: ExactIdsConfig, width: number): RegionSize[] {
  if (config === undefined) return [];
  return [
    { name: 'exactClock', rows: clockRows(width) },
    { name: 'exactIds', rows: 2 ** bucketBits(config) * bucketRows(width).all },
  ];
}

function exactPlaces(
  config: ExactIdsConfig,
  width: number,
  regions: readonly KeyRegion[],
): ExactPlaces | undefined {
  if (config === undefined) return undefined;
  return {
    clockKey: regionNamed(regions, 'exactClock')!.firstKey,
    clockRows: clockRows(width),
    firstKey: regionNamed(regions, 'exactIds')!.firstKey,
    bucketRows: bucketRows(width).all,
    bucketBits: bucketBits(config),
  };
}

/** That of one class: the slots of its score in a row of all. */
export function layoutOfClass(layout: RowLayout, index: number): RowLayout {
  const optimizerSlots = layout.optimizerSlots / layout.classesMax;
  return { ...layout, offset: index * optimizerSlots, optimizerSlots };
}

/** Where in the table the numbers of the shared rows begin. */
export const sharedAt = (
  { sharedKey, width }: RowLayout,
  { keys }: { readonly keys: Uint32Array | undefined },
): number => (keys === undefined ? sharedKey * width : 0);

/** Numbers that belong to all events together: what the output keeps, then a network's dense layers. */
function sharedLength(model: Shaped): number {
  const { family } = model;
  const dense = family.name === 'network' ? denseLength(family.hidden, Math.max(1, classesMaxOf(model))) : 0;
  return outputLength(model) + dense;
}

/** Without a learning rate weights can grow by themselves: regressions of these rules keep to the range of the labels. */
export const keepsToLabels = ({ name }: OptimizerConfig): boolean => name === 'pistol' || name === 'coin';

/**
 * The names of classes that come with the labels; the range of labels that raw scores keep to, but for those of Poisson
 * loss, which are logarithms of what labels count.
 */
export function outputLength(
  model: Pick<Shaped, 'task' | 'loss' | 'family' | 'optimizer'> & Parameters<typeof classesMaxOf>[0],
): number {
  const { family, optimizer, task, loss, classes } = model;
  if (task === 'multiclass') return classes === undefined ? namesLength(classesMaxOf(model)) : 0;
  const keeps = family.name !== 'linear' || keepsToLabels(optimizer);
  return keeps && task === 'regression' && loss !== 'poisson' ? labelRangeLength : 0;
}

interface RowShape {
  readonly slots: readonly string[];
  readonly stateRows: number;
  readonly maxima: number;
}

/** A count of two float32 numbers, one in each of two rows (exact-sum.ts). */
const countRows = 2;

function shapeOf({ family, optimizer }: Pick<ModelConfig, 'family' | 'optimizer'>): RowShape {
  if (family.name === 'fm' || family.name === 'mf') {
    return { slots: fmSlots(family.factors), stateRows: 0, maxima: 0 };
  }
  if (family.name === 'network') return { slots: unitSlots(family.hidden[0]!), stateRows: 0, maxima: 0 };
  if (optimizer.name === 'nag') {
    return isPenalized(optimizer)
      ? { slots: nagPenaltySlots, stateRows: nagPenaltyStateRows, maxima: 0 }
      : { slots: nagSlots, stateRows: nagStateRows, maxima: 0 };
  }
  if (optimizer.name === 'coin') return { slots: coinSlots, stateRows: coinStateRows, maxima: coinMaxima };
  const { slots, factors, maxima = 0 } = optimizerOf(optimizer);
  return { slots, stateRows: factors === undefined ? 0 : countRows, maxima };
}

/** A weight, a vector, and the sum of squared gradients of each number. */
const fmSlots = (factors: number): string[] => [
  'weight',
  'squares',
  ...Array.from({ length: factors }, (_, f) => [`factor ${f}`, `squares of ${f}`]).flat(),
];

const unitSlots = (units: number): string[] =>
  Array.from({ length: units }, (_, unit) => [`unit ${unit}`, `squares of ${unit}`]).flat();

/** Names of the optimiser's slots, in the order in which a row holds them; those of several classes with their numbers. */
export function slotNames(model: Shaped): readonly string[] {
  const { slots } = shapeOf(model);
  const classesMax = classesMaxOf(model);
  if (classesMax === 0 || model.family.name === 'network') return slots;
  const classes = model.classes ?? Array.from({ length: classesMax }, (_, index) => index);
  return classes.flatMap((name) => slots.map((slot) => `${slot} of ${name}`));
}

/** Rows from this width on are worth the fixed cost of a webasm call. */
const wideRow = 256;

/** `auto` depends on nothing but the model's definition, so that a replay computes with the same kernels. */
export function kernelModeOf(model: Shaped & Pick<ModelConfig, 'kernel'>): KernelMode {
  if (model.kernel !== 'auto') return model.kernel;
  const { width, classesMax } = rowLayoutOf(model);
  const scoresInRow = model.family.name === 'network' ? 1 : Math.max(1, classesMax);
  return width / scoresInRow >= wideRow ? 'webasm' : 'cpu';
}
