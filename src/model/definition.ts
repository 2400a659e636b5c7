/** The settings that decide the parameters, with what `auto` and an absent loss come to. */
import type { ClassLabel } from '../../config/class-label.ts';
import type { FamilyConfig } from '../../config/family-schema.ts';
import { classesMaxOf, lossOf } from '../../config/fingerprint.ts';
import type { KernelMode, LossConfig, ModelConfig, OptimizerConfig } from '../../config/schema.ts';
import { kernelModeOf } from './row-layout.ts';

export interface ModelDefinition {
  readonly task: ModelConfig['task'];
  /** The classes that are listed, and how many there may be: 0 where there is one score. */
  readonly classes: readonly ClassLabel[] | undefined;
  readonly classesMax: number;
  readonly loss: LossConfig;
  readonly family: FamilyConfig;
  /** Factors of event weights by the class's text. */
  readonly classWeights: ModelConfig['classWeights'];
  /** Raw scores are held within these, where they are given. */
  readonly predictionMin: number | undefined;
  readonly predictionMax: number | undefined;
  readonly optimizer: OptimizerConfig;
  readonly features: ModelConfig['features'];
  readonly kernel: KernelMode;
  readonly partitions: number;
}

export function modelDefinition(config: ModelConfig): ModelDefinition {
  const { task, classes, family, predictionMin, predictionMax, optimizer, features, partitions } = config;
  const loss = lossOf(config);
  const classesMax = classesMaxOf(config);
  const kernel = kernelModeOf(config);
  return {
    task,
    classes,
    classesMax,
    loss,
    family,
    classWeights: config.classWeights,
    predictionMin,
    predictionMax,
    optimizer,
    features,
    kernel,
    partitions,
  };
}

/** Whether anything in the parameters goes by the time of events: windows of time, ids that expire. */
export const readsTime = ({ aggregates = [], exactIds }: ModelConfig['features']): boolean =>
  aggregates.some(({ window }) => window?.ms !== undefined) || (exactIds?.expireAfterMs ?? 0) > 0;
