/**
 * How a model's row is laid out: the optimiser's slots first, then, when numbers are standardised, the running
 * statistics of the feature. And which regions of keys a model has (key-regions.ts).
 */
import type { KernelMode, ModelConfig, OptimizerConfig } from '../../config/schema.ts';
import { type KeyRegion, keyCountOf, keyRegionsOf } from './key-regions.ts';
import { nagSlots, nagStateRows } from './optimizers/nag.ts';
import { optimizerOf } from './optimizers/optimizer.ts';

/**
 * How rows come together that two learners changed at the same time (row-join.ts). 'add': every slot is a sum.
 * 'normalized': weights belong to a scale that is the larger of both.
 */
export type Join = 'add' | 'normalized';

export interface RowLayout {
  /** Optimiser slots; the statistics, if any, follow at this offset. */
  readonly optimizerSlots: number;
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
  readonly join: Join;
}

/** Slots of the running statistics behind the optimiser's: how many, their mean, their population variance. */
export const statisticsSlots = 3;

export function rowLayoutOf(model: Pick<ModelConfig, 'optimizer' | 'features'>): RowLayout {
  const { slots, stateRows, join } = shapeOf(model.optimizer);
  const optimizerSlots = slots.length;
  const { standardize, bits } = model.features;
  const regions = keyRegionsOf([
    { name: 'hashed', rows: 2 ** bits },
    { name: 'intercept', rows: 1 },
    { name: 'optimizer', rows: stateRows },
  ]);
  return {
    optimizerSlots,
    standardize,
    width: optimizerSlots + (standardize ? statisticsSlots : 0),
    regions,
    keyCount: keyCountOf(regions),
    stateRows,
    stateKey: 2 ** bits + 1,
    join,
  };
}

interface OptimizerShape {
  readonly slots: readonly string[];
  readonly stateRows: number;
  readonly join: Join;
}

function shapeOf(optimizer: OptimizerConfig): OptimizerShape {
  if (optimizer.name === 'nag') return { slots: nagSlots, stateRows: nagStateRows, join: 'normalized' };
  return { slots: optimizerOf(optimizer).slots, stateRows: 0, join: 'add' };
}

/** Names of the optimiser's slots, in the order in which a row holds them. */
export const slotNames = (optimizer: OptimizerConfig): readonly string[] => shapeOf(optimizer).slots;

/** Rows from this width on are worth the fixed cost of a webasm call. */
const wideRow = 256;

/** `auto` depends on nothing but the model's definition, so that a replay computes with the same kernels. */
export function kernelModeOf(model: Pick<ModelConfig, 'kernel' | 'optimizer' | 'features'>): KernelMode {
  if (model.kernel !== 'auto') return model.kernel;
  return rowLayoutOf(model).width >= wideRow ? 'webasm' : 'cpu';
}
