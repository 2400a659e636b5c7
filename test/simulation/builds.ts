/** Models with their compiled kernels, made once for each definition and shared by all actors of all schedules. */
import { definitionOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { type BuiltModel, buildModel } from '../../src/kernels/build-model.ts';

/** Safe in one thread: a model is at work only between two awaits. */
export function sharedBuilds(): (config: ModelConfig) => BuiltModel {
  const known = new Map<string, BuiltModel>();
  return (config) => {
    const name = JSON.stringify([definitionOf(config), config.limits]);
    const built = known.get(name) ?? buildModel(config);
    known.set(name, built);
    return built;
  };
}
