/**
 * The server of the demo: the model that learns all the time, and its twin of the same definition, which is
 * given only the first tenth of the flights.
 */
import { type Config, configSchema, type ModelInput } from '../config/schema.ts';
import { interactions } from './features.ts';
import type { DemoOptions } from './options.ts';

export const liveModel = 'flights';
export const frozenModel = 'flights-frozen';

/** The part of the stream that comes before anything is scored. */
export const tenthOf = (events: number): number => Math.floor(events / 10);

/** Route and day together make about four million crosses in half a year, some fifth of that in a month. */
const bitsFor = (events: number): number => (events > 1_000_000 ? 22 : 20);

export function demoConfig(options: Pick<DemoOptions, 'events' | 'data'>, dataDir: string): Config {
  const keep = options.data !== undefined;
  const model: ModelInput = {
    task: 'binary',
    // Tuned on these flights; `nag` as it comes has log loss .394 and needs half as much memory again.
    optimizer: { name: 'ftrl', alpha: 0.4, beta: 1, l1: 0, l2: 0 },
    features: { bits: bitsFor(options.events), interactions: interactions.map((cross) => [...cross]) },
    checkpoint: { everyEvents: 0, everyMs: 0, atStop: keep },
  };
  return configSchema.parse({
    dataDir,
    nats: { embedded: { port: 0 } },
    models: {
      [liveModel]: { ...model, actors: { shards: 2, learners: 1, predictors: 1 } },
      [frozenModel]: { ...model, actors: { shards: 1, learners: 1, predictors: 1 } },
    },
    // The window of the metrics is all that comes after the first tenth: at the end, just what is reported.
    // It reaches back to a report of the shards, and the publisher waits for one at the tenth.
    metrics: { windowEvents: Math.max(100, options.events - tenthOf(options.events)) },
    log: { level: 'error' },
  });
}
