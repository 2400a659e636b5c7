/**
 * `core`: what one learner thread can do with nothing around it: decode, hash, learn, in process, no NATS. The
 * floor is the same arithmetic as a plain loop over the optimisers of src/model, on features hashed beforehand.
 * `ingest` is its first half alone: decode and hash.
 */
import { parseConfig } from '../config/load.ts';
import type { ModelConfig, ModelInput } from '../config/schema.ts';
import { type BuiltModel, buildModel } from '../src/kernels/build-model.ts';
import { Batch } from '../src/learner/batch.ts';
import { BatchBuilder } from '../src/learner/batch-builder.ts';
import type { LogEntry } from '../src/nats/channel.ts';
import { contentHeaders, encode, type WireFormat } from '../src/protocol/codec.ts';
import { clickEvents } from './events.ts';
import { measurePairs, rateOf } from './measure.ts';
import { plainLoop } from './plain-loop.ts';
import type { Benchmark } from './result.ts';

const eventCount = 40_000;
const perMessage = 256;
const modelName = 'bench';

export const modelOfBench = (model: ModelInput): ModelConfig =>
  parseConfig(JSON.stringify({ models: { [modelName]: model } }), 'benchmark').models[modelName]!;

export const benchModel = (): ModelConfig => modelOfBench({});

export function logEntries(count: number, seed: number, format: WireFormat): LogEntry[] {
  const events = clickEvents(count, seed);
  const headers = contentHeaders(format);
  return Array.from({ length: Math.ceil(count / perMessage) }, (_, message) => ({
    seq: message + 1,
    subject: `millrace.v1.learn.${modelName}`,
    data: encode(events.slice(message * perMessage, (message + 1) * perMessage), format),
    timeMs: 0,
    pending: 0,
    header: (name: string) => headers[name],
  }));
}

/** Batches of the entries, one after the other, in one reused Batch. */
function forEachBatch(
  config: ModelConfig,
  built: BuiltModel,
  entries: readonly LogEntry[],
  act: (batch: Batch) => void,
) {
  const { eventsPerMessageMax, featuresMax, featuresPerMessageMax } = config.limits;
  const limits = {
    eventsMax: config.batch.eventsMax,
    eventsPerMessageMax,
    featuresMax,
    featuresPerMessageMax,
    recentIdsMax: config.dedupe.idsMax,
  };
  const place = {
    model: modelName,
    task: config.task,
    partitions: config.partitions,
    learner: 0,
    learners: 1,
  };
  const builder = new BatchBuilder(
    { ...place, ...limits },
    built.featurizer,
    new Float64Array(config.partitions),
  );
  const batch = new Batch();
  for (const entry of entries) {
    if (!builder.accepts(batch)) {
      act(batch);
      batch.clear();
    }
    builder.take(entry, batch);
  }
  act(batch);
}

function learnBatch({ model }: BuiltModel, table: Float32Array, batch: Batch): void {
  for (let i = 0; i < batch.count; i++) {
    model.learn(table, batch.view(i), batch.labels[i]!, batch.weights[i]!);
  }
}

/** Learns so many events, from their bytes, whenever it is called. */
export function coreLearner(count: number, seed: number): () => void {
  const config = benchModel();
  const built = buildModel(config);
  const { width, keyCount } = built.model.layout;
  const table = new Float32Array(keyCount * width);
  const entries = logEntries(count, seed, 'msgpack');
  return () => forEachBatch(config, built, entries, (batch) => learnBatch(built, table, batch));
}

export const core: Benchmark = async ({ pairs, seed }) => {
  const config = benchModel();
  const built = buildModel(config);
  const { width, keyCount } = built.model.layout;
  const table = new Float32Array(keyCount * width);
  const entries = logEntries(eventCount, seed, 'msgpack');
  const plainBatch = plainLoop(config, table, width);
  const run = (act: (batch: Batch) => void) =>
    rateOf(eventCount, () => forEachBatch(config, built, entries, act));
  const measured = await measurePairs(
    pairs,
    () => run((batch) => learnBatch(built, table, batch)),
    () => run(plainBatch),
  );
  return {
    name: 'core',
    value: measured.subject,
    unit: 'events/s',
    spread: measured.spread,
    ratio: { plain: measured.ratio },
    microsecondsPerEvent: 1e6 / measured.subject,
  };
};

export const ingest: Benchmark = async ({ pairs, seed }) => {
  const config = benchModel();
  const built = buildModel(config);
  const run = (format: WireFormat) => {
    const entries = logEntries(eventCount, seed, format);
    return () => rateOf(eventCount, () => forEachBatch(config, built, entries, () => undefined));
  };
  const measured = await measurePairs(pairs, run('msgpack'), run('json'));
  return {
    name: 'ingest',
    value: measured.subject,
    unit: 'events/s',
    spread: measured.spread,
    ratio: { json: measured.ratio },
    microsecondsPerEvent: 1e6 / measured.subject,
  };
};
