/**
 * An update rule on rows. A row is a fixed number of float32 slots: what the rule must remember for one
 * coordinate, from which the weight follows. All arithmetic is in double precision and rounded once, when the
 * slot is stored; the kernels (src/kernels) compute the same expressions and are checked against these.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import { adagrad } from './adagrad.ts';
import { ftrl } from './ftrl.ts';
import { sgd } from './sgd.ts';

/** Rules that work coordinate by coordinate; `nag` needs all coordinates of an event at once (nag.ts). */
export type CoordinateOptimizerConfig = Exclude<OptimizerConfig, { name: 'nag' }>;

export interface Optimizer {
  readonly name: CoordinateOptimizerConfig['name'];
  /** Names of the slots, in the order in which a row holds them. */
  readonly slots: readonly string[];
  weight(row: Float32Array, offset: number): number;
  /** One step on one coordinate. `gradient` is weight * dl/dp * x. */
  step(row: Float32Array, offset: number, gradient: number, intercept: boolean): void;
}

export function optimizerOf(config: CoordinateOptimizerConfig): Optimizer {
  switch (config.name) {
    case 'sgd':
      return sgd(config);
    case 'adagrad':
      return adagrad(config);
    case 'ftrl':
      return ftrl(config);
  }
}
