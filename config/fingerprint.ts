/**
 * The settings that decide a model's parameters, and one short name for them. Everything that has the same
 * fingerprint and has applied the same log holds the same parameters; actor counts, intervals and limits on
 * memory are not in it.
 */
import { createHash } from 'node:crypto';
import type { ClassLabel } from './class-label.ts';
import type { FamilyConfig } from './family-schema.ts';
import type { FeaturesConfig, LossConfig, ModelConfig, OptimizerConfig } from './schema.ts';

export interface Definition {
  readonly task: ModelConfig['task'];
  /** Of a multiclass model: the list, or how many the labels may bring. */
  readonly classes?: readonly ClassLabel[];
  readonly classesMax?: number;
  readonly loss: LossConfig;
  /** Absent of a linear model. */
  readonly family?: FamilyConfig;
  readonly classWeights?: NonNullable<ModelConfig['classWeights']>;
  readonly predictionMin?: number;
  readonly predictionMax?: number;
  readonly optimizer: OptimizerConfig;
  readonly features: FeaturesConfig;
  /** As configured: what `auto` became stands in the versions' manifest. */
  readonly kernel: ModelConfig['kernel'];
  readonly partitions: number;
}

const fingerprintDigits = 16;

/** The loss that a model descends: the configured one, or the one that belongs to its task. */
export function lossOf({
  task,
  loss,
  optimizer,
}: Pick<ModelConfig, 'task' | 'loss'> & Partial<Pick<ModelConfig, 'optimizer'>>): LossConfig {
  if (loss !== undefined) return loss;
  const isOfOne = optimizer?.name === 'nag' || optimizer?.name === 'coin';
  if (task === 'multiclass') return isOfOne ? 'logistic' : 'softmax';
  return task === 'binary' ? 'logistic' : 'squared';
}

const classesMaxDefault = 16;

/** How many classes a model may have; 0 for one that has a single score. */
export function classesMaxOf({
  task,
  classes,
  classesMax,
}: {
  readonly task: ModelConfig['task'];
  readonly classes?: readonly ClassLabel[] | undefined;
  readonly classesMax?: number | undefined;
}): number {
  return task === 'multiclass' ? (classes?.length ?? classesMax ?? classesMaxDefault) : 0;
}

export function definitionOf(model: ModelConfig): Definition {
  const { task, classes, family, predictionMin, predictionMax, optimizer, features, kernel, partitions } =
    model;
  const loss = lossOf(model);
  const classesMax = classesMaxOf(model);
  const several = classesMax === 0 ? {} : classes === undefined ? { classesMax } : { classes };
  const kind = family.name === 'linear' ? {} : { family };
  // A setting that is absent is absent here too, so that it changes no fingerprint.
  const { classWeights } = model;
  const bounds = {
    ...(classWeights !== undefined && { classWeights }),
    ...(predictionMin !== undefined && { predictionMin }),
    ...(predictionMax !== undefined && { predictionMax }),
  };
  return { task, ...several, loss, ...kind, ...bounds, optimizer, features, kernel, partitions };
}

/** First 16 hex digits of the SHA-256 of the definition as canonical JSON. */
export function fingerprintOf(definition: Definition): string {
  return createHash('sha256').update(canonicalJson(definition)).digest('hex').slice(0, fingerprintDigits);
}

/** JSON with keys in code-unit order and without undefined members: equal values have equal text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
