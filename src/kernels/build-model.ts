/** A model's configuration to the parts that compute with it. */
import type { ModelConfig } from '../../config/schema.ts';
import { Featurizer } from '../features/featurizer.ts';
import { type ModelDefinition, modelDefinition } from '../model/definition.ts';
import { type RowLayout, rowLayoutOf } from '../model/row-layout.ts';
import { linearKernels } from './linear-kernels.ts';
import { LinearModel } from './linear-model.ts';
import { NagModel, nagKernels } from './nag-model.ts';
import type { OnlineModel } from './online-model.ts';
import { linearReading, type ScoreReading } from './score-reading.ts';

export interface BuiltModel {
  readonly definition: ModelDefinition;
  readonly featurizer: Featurizer;
  readonly model: OnlineModel;
  readonly reading: ScoreReading;
}

export function buildModel(config: ModelConfig): BuiltModel {
  const definition = modelDefinition(config);
  const layout = rowLayoutOf(config);
  const { featuresMax, depthMax } = config.limits;
  const { stateRows } = layout;
  return {
    definition,
    featurizer: new Featurizer({ ...definition.features, stateRows, featuresMax, depthMax }),
    model: onlineModel(definition, layout),
    reading: linearReading(layout, definition.optimizer),
  };
}

function onlineModel(
  { optimizer, loss, kernel: mode, features }: ModelDefinition,
  layout: RowLayout,
): OnlineModel {
  const { intercept } = features;
  if (optimizer.name === 'nag') {
    return new NagModel(layout, nagKernels(mode), { config: optimizer, loss, intercept });
  }
  return new LinearModel(layout, linearKernels(optimizer, { mode, intercept }), loss);
}
