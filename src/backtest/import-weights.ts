/**
 * Weights of a linear model that was trained elsewhere into the rows of one here, so that it predicts what that model
 * predicted and learns on. What an optimiser remembers beside the weight begins at nothing, so first steps are as large as a
 * new model's, unless the file has it:
 *
 *   sgd, adagrad, ...   w = weight
 *   ftrl                z so that the weight follows from n = 0: z = -w (beta / alpha + l2) - sgn(w) l1
 *   nag                 w = weight; G, N and the sums where the file has them, else 0: found out by the first events
 */

import { lossOf } from '../../config/fingerprint.ts';
import { lossName } from '../../config/loss-schema.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { FeatureWeight, NamedWeights } from '../formats/named-weights.ts';
import { buildModel } from '../kernels/build-model.ts';
import { lossFunction } from '../model/losses.ts';
import { FeatureNames } from './feature-names.ts';
import { SequentialModel } from './sequential-model.ts';

/** Rules whose rows hold the weight itself, first, and may begin with nothing beside it. */
const holdingWeights: ReadonlySet<string> = new Set([
  'sgd',
  'adagrad',
  'momentum',
  'rmsprop',
  'adabound',
  'adam',
  'adadelta',
]);
const float32Max = 3.4028234663852886e38;
const namedMax = 3;

type Write = (row: Float32Array, weight: FeatureWeight) => void;

/** A model that has learned nothing and holds the weights. Throws MillraceError('badInput') that says why it cannot. */
export function importWeights(config: ModelConfig, imported: NamedWeights): SequentialModel {
  requireLinear(config);
  requireSameClip(config, imported);
  const built = buildModel(config);
  const model = new SequentialModel(config, built);
  const { width, table } = model;
  const write = writerOf(config);
  const writeAt = (key: number, weight: FeatureWeight) =>
    write(table.subarray(key * width, (key + 1) * width), weight);
  for (const [key, weight] of keysOf(new FeatureNames(built.featurizer), imported)) writeAt(key, weight);
  const { intercept } = imported;
  if (intercept !== undefined && config.features.intercept) writeAt(built.featurizer.interceptKey, intercept);
  else if (intercept !== undefined && intercept.weight !== 0)
    throw bad('the imported model has an intercept, and features.intercept is false');
  if (config.optimizer.name === 'nag') writeState(table, built.model.layout, imported);
  return model;
}

function requireLinear({ family, task, features, optimizer }: ModelConfig): void {
  if (family.name !== 'linear') throw bad(`family "${family.name}": weights go into linear models only`);
  if (task === 'multiclass') throw bad('task "multiclass": weights go into models with one score only');
  if (features.standardize)
    throw bad('features.standardize: imported weights are of numbers as they come; set it to false');
  if (features.standardizeLabel === true)
    throw bad('features.standardizeLabel: imported weights are for labels as they come; set it to false');
  if (features.exactIds !== undefined)
    throw bad('features.exactIds: imported weights are of hashed features');
  if (optimizer.name !== 'nag' && optimizer.name !== 'ftrl' && !holdingWeights.has(optimizer.name))
    throw bad(
      `optimizer "${optimizer.name}": its weights follow from sums that no imported model has; choose nag, ftrl, adagrad or sgd`,
    );
}

/** A score of one kind of loss means nothing to the other. */
function requireSameClip(config: ModelConfig, { clip }: NamedWeights): void {
  const loss = lossOf(config);
  const own = lossFunction(loss).scoreMax === undefined ? 'labels' : 'logits';
  if (clip === undefined || clip === own) return;
  const theirs = clip === 'logits' ? 'logits (logistic or Poisson)' : 'labels (squared or another)';
  throw bad(`the model was trained with a loss of ${theirs}, and the loss here is ${lossName(loss)}`);
}

function writerOf({ optimizer }: ModelConfig): Write {
  if (optimizer.name === 'ftrl') {
    const { alpha, beta, l1, l2 } = optimizer;
    const scale = beta / alpha + l2;
    if (scale === 0)
      throw bad('optimizer.beta and optimizer.l2: no weight follows from no events where both are 0');
    return (row, { weight }) => {
      row[0] = finite(-weight * scale - Math.sign(weight) * l1);
    };
  }
  if (optimizer.name !== 'nag') {
    return (row, { weight }) => {
      row[0] = weight;
    };
  }
  return (row, { weight, squares = 0, scale = 0 }) => row.set([weight, squares, scale]);
}

/** The rows that nag has for the whole model: sums, and the labels' range, to which predictions are clipped. */
function writeState(
  table: Float32Array,
  { stateKey, width }: { readonly stateKey: number; readonly width: number },
  { labels = { least: -float32Max, greatest: float32Max }, sums }: NamedWeights,
): void {
  table.set([sums?.weight ?? 0, sums?.norm ?? 0], stateKey * width);
  // The range always holds 0.
  table.set([Math.min(0, labels.least), Math.max(0, labels.greatest)], (stateKey + 1) * width);
}

/** Each weight with its key. No two features may share a row: they would predict with each other's weight. */
function keysOf(names: FeatureNames, { weights, naming }: NamedWeights): Map<number, FeatureWeight> {
  const found = new Map<number, FeatureWeight>();
  const nameAt = new Map<number, string>();
  const unknown: string[] = [];
  const clashes: string[] = [];
  for (const [name, weight] of weights) {
    const key = naming === 'vw' ? names.keyOfVw(name) : names.keyOf(name);
    const other = key === undefined ? undefined : nameAt.get(key);
    if (key === undefined) unknown.push(name);
    else if (other !== undefined) clashes.push(`${other} and ${name}`);
    else {
      nameAt.set(key, name);
      found.set(key, weight);
    }
  }
  if (unknown.length > 0) {
    throw bad(
      `${unknown.length} weights are of features that this model does not form, such as ${unknown.slice(0, namedMax).join(', ')}; configure their features.interactions and ngrams`,
    );
  }
  if (clashes.length > 0) {
    throw bad(
      `${clashes.length} features fall on the row of another, such as ${clashes.slice(0, namedMax).join(', ')}; raise features.bits`,
    );
  }
  return found;
}

function finite(value: number): number {
  if (Number.isFinite(Math.fround(value))) return value;
  throw bad('a weight is beyond what the optimiser can hold in float32');
}

const bad = (message: string): MillraceError => new MillraceError('badInput', message);
