/** The settings that decide the parameters, with what `auto` and an absent loss come to. */
import { lossOf } from '../../config/fingerprint.ts';
import type { KernelMode, LossConfig, ModelConfig, OptimizerConfig } from '../../config/schema.ts';
import { kernelModeOf } from './row-layout.ts';

export interface ModelDefinition {
  readonly task: ModelConfig['task'];
  readonly loss: LossConfig;
  readonly optimizer: OptimizerConfig;
  readonly features: ModelConfig['features'];
  readonly kernel: KernelMode;
  readonly partitions: number;
}

export function modelDefinition(config: ModelConfig): ModelDefinition {
  const { task, optimizer, features, partitions } = config;
  return { task, loss: lossOf(config), optimizer, features, kernel: kernelModeOf(config), partitions };
}
