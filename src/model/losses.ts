/** The losses by what a configuration calls them; each has its formulas in a file of its own (losses/). */
import type { LossConfig } from '../../config/schema.ts';
import { assert } from '../base/assert.ts';
import { expectile } from './losses/expectile.ts';
import { hinge } from './losses/hinge.ts';
import { logistic } from './losses/logistic.ts';
import type { Loss } from './losses/loss.ts';
import { poisson } from './losses/poisson.ts';
import { quantile } from './losses/quantile.ts';
import { squared } from './losses/squared.ts';

export { logisticLoss } from './losses/logistic.ts';
export type { Loss } from './losses/loss.ts';

const plain = { squared, logistic, hinge, poisson } as const;

/** Of configurations with a number: asked for with every event, made once. */
const made = new WeakMap<object, Loss>();

/** Softmax is none: it is a loss of several scores (class-scores.ts). */
export function lossFunction(loss: LossConfig): Loss {
  assert(loss !== 'softmax', 'softmax is a loss of several scores');
  if (typeof loss === 'string') return plain[loss];
  let found = made.get(loss);
  if (found === undefined) {
    found = loss.name === 'quantile' ? quantile(loss.tau) : expectile(loss.q);
    made.set(loss, found);
  }
  return found;
}
