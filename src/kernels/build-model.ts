/** A model's configuration to the parts that compute with it. */
import type { ModelConfig } from '../../config/schema.ts';
import { Featurizer } from '../features/featurizer.ts';
import { type ModelDefinition, modelDefinition } from '../model/definition.ts';
import { rowLayoutOf } from '../model/row-layout.ts';
import { linearKernels } from './linear-kernels.ts';
import { LinearModel } from './linear-model.ts';

export interface BuiltModel {
  readonly definition: ModelDefinition;
  readonly featurizer: Featurizer;
  readonly model: LinearModel;
}

export function buildModel(config: ModelConfig): BuiltModel {
  const definition = modelDefinition(config);
  const { bits, intercept, interactions } = definition.features;
  const { featuresMax, depthMax } = config.limits;
  const kernels = linearKernels(definition.optimizer, { mode: definition.kernel, intercept });
  return {
    definition,
    featurizer: new Featurizer({ bits, intercept, interactions, featuresMax, depthMax }),
    model: new LinearModel(rowLayoutOf(config), kernels, definition.loss),
  };
}
