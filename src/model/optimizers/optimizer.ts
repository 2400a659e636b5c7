/**
 * An update rule on rows. A row is a fixed number of float32 slots: what the rule must remember for one
 * coordinate, from which the weight follows. All arithmetic is in double precision and rounded once, when the
 * slot is stored; the kernels (src/kernels) compute the same expressions and are checked against these.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import { adabound } from './adabound.ts';
import { adadelta } from './adadelta.ts';
import { adagrad } from './adagrad.ts';
import { adam } from './adam.ts';
import { ftrl } from './ftrl.ts';
import { momentum } from './momentum.ts';
import { pistol } from './pistol.ts';
import { rmsprop } from './rmsprop.ts';
import { sgd } from './sgd.ts';

/** Rules that work coordinate by coordinate; `nag` and `coin` need all coordinates of an event at once. */
export type CoordinateOptimizerConfig = Exclude<OptimizerConfig, { name: 'nag' | 'coin' }>;

/** What a step on one coordinate may need beside its row and gradient. */
export interface StepFacts {
  /** The feature's value. */
  readonly x: number;
  /** Those of the step (Optimizer.factors), in float32. */
  readonly factors: readonly [number, number];
}

/** A unit value in a step without factors. */
export const unitStep: StepFacts = { x: 1, factors: [1, 1] };

export interface Optimizer {
  readonly name: CoordinateOptimizerConfig['name'];
  /** Names of the slots, in the order in which a row holds them. */
  readonly slots: readonly string[];
  /** How many of the last slots hold the largest of something; the others are sums, where rows join by adding. */
  readonly maxima?: number;
  /** Two numbers of a step that are the same for all coordinates, from how much was learned with it. */
  readonly factors?: Factors;
  /** Weight of the coordinate for a feature of value x (1 when absent), which most rules do not ask for. */
  weight(row: Float32Array, offset: number, x?: number): number;
  /** One step on one coordinate. `gradient` is weight * dl/dp * x. */
  step(row: Float32Array, offset: number, gradient: number, intercept: boolean, facts?: StepFacts): void;
}

export interface Factors {
  /** What is counted: learning steps, or the weight of their events. */
  readonly of: 'steps' | 'weight';
  at(count: number): readonly [number, number];
}

export function optimizerOf(config: CoordinateOptimizerConfig): Optimizer {
  switch (config.name) {
    case 'sgd':
      return sgd(config);
    case 'momentum':
      return momentum(config);
    case 'adagrad':
      return adagrad(config);
    case 'adadelta':
      return adadelta(config);
    case 'rmsprop':
      return rmsprop(config);
    case 'adam':
      return adam(config);
    case 'adabound':
      return adabound(config);
    case 'ftrl':
      return ftrl(config);
    case 'pistol':
      return pistol(config);
  }
}
