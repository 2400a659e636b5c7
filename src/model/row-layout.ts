/**
 * How a model's row is laid out: the optimiser's slots first, then, when numbers are standardised, the running
 * statistics of the feature. And which keys a model has: the hashed ones, then the reserved ones.
 */
import type { KernelMode, ModelConfig } from '../../config/schema.ts';
import { optimizerOf } from './optimizers/optimizer.ts';

/** Rows behind the hashed ones, for what belongs to no feature; the first is the intercept. */
export const reservedRows = 1;

export interface RowLayout {
  /** Optimiser slots; the statistics, if any, follow at this offset. */
  readonly optimizerSlots: number;
  readonly standardize: boolean;
  /** float32 numbers in a row. */
  readonly width: number;
  readonly keyCount: number;
}

/** Slots of the running statistics behind the optimiser's: how many, their mean, their population variance. */
export const statisticsSlots = 3;

export function rowLayoutOf(model: Pick<ModelConfig, 'optimizer' | 'features'>): RowLayout {
  const optimizerSlots = optimizerOf(model.optimizer).slots.length;
  const { standardize, bits } = model.features;
  return {
    optimizerSlots,
    standardize,
    width: optimizerSlots + (standardize ? statisticsSlots : 0),
    keyCount: 2 ** bits + reservedRows,
  };
}

/** Rows from this width on are worth the fixed cost of a webasm call. */
const wideRow = 256;

/** `auto` depends on nothing but the model's definition, so that a replay computes with the same kernels. */
export function kernelModeOf(model: Pick<ModelConfig, 'kernel' | 'optimizer' | 'features'>): KernelMode {
  if (model.kernel !== 'auto') return model.kernel;
  return rowLayoutOf(model).width >= wideRow ? 'webasm' : 'cpu';
}
