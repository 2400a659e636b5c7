/**
 * Everything beside the log that decides parameters: the definition, the limits that decide what is refused, how
 * many ids are remembered, and the number of learners. Each epoch's entry in the log has it, so that a replay needs no configuration of the time.
 */
import { type Definition, definitionOf } from './fingerprint.ts';
import type { ModelConfig } from './schema.ts';

export interface LearningSettings {
  readonly definition: Definition;
  readonly limits: Pick<
    ModelConfig['limits'],
    'featuresMax' | 'depthMax' | 'eventsPerMessageMax' | 'featuresPerMessageMax'
  >;
  readonly dedupe: Pick<ModelConfig['dedupe'], 'idsMax'>;
  readonly learners: number;
}

export function learningSettingsOf(config: ModelConfig): LearningSettings {
  const { featuresMax, depthMax, eventsPerMessageMax, featuresPerMessageMax } = config.limits;
  return {
    definition: definitionOf(config),
    limits: { featuresMax, depthMax, eventsPerMessageMax, featuresPerMessageMax },
    dedupe: { idsMax: config.dedupe.idsMax },
    learners: config.actors.learners,
  };
}
