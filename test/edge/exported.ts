/** A model that learned something, and the file of it as the server would write it. */

import type { ClassLabel } from '../../config/class-label.ts';
import { definitionOf, fingerprintOf } from '../../config/fingerprint.ts';
import { validateModel } from '../../config/load.ts';
import type { ModelConfig, ModelInput } from '../../config/schema.ts';
import { type EdgeModel, loadModel } from '../../edge/edge-model.ts';
import type { Quantization } from '../../edge/weights.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import type { Disk } from '../../src/checkpoint/disk.ts';
import type { CheckpointStore, Manifest, ShardImage } from '../../src/checkpoint/store.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { viewOf } from '../../src/kernels/online-model.ts';
import type { Features } from '../../src/protocol/messages.ts';
import { type Score, Scorer } from '../../src/replica/scorer.ts';
import { writePredictOnly } from '../../src/server/predict-only.ts';

export type Event = readonly [features: Features, label: ClassLabel];

export interface Learned {
  readonly config: ModelConfig;
  readonly model: SequentialModel;
  /** What the server answers. */
  predict(features: Features): Score;
  /** From before the link. */
  rawScore(features: Features): number;
}

export function learned(input: ModelInput, events: readonly Event[]): Learned {
  const config = validateModel('m', { kernel: 'cpu', ...input });
  const built = buildModel(config);
  const model = new SequentialModel(config, built);
  for (const [features, label] of events) model.learn({ features, label });
  const scorer = new Scorer(built.definition, built.featurizer, built.model);
  const vector = built.featurizer.vector();
  return {
    config,
    model,
    predict: (features) => scorer.score(features, model.table, 0),
    rawScore: (features) => {
      built.featurizer.featurize(features, vector);
      return built.model.predict(model.table, viewOf(vector));
    },
  };
}

export async function exportedFile(
  { config, model }: Learned,
  quantization?: Quantization,
): Promise<Uint8Array> {
  const definition = definitionOf(config);
  const manifest = {
    format: 2,
    model: 'm',
    version: 3,
    createdAt: '2026-01-02T03:04:05.678Z',
    stream: { name: 's', created: '', marks: [42, 40] },
    fingerprint: fingerprintOf(definition),
    // As it comes back from a file: without what is undefined.
    definition: JSON.parse(JSON.stringify(definition)),
    shards: [{ file: 'shard-0' }],
  } as unknown as Manifest;
  const store = {
    readChain: async () => [manifest],
    readShard: async () => imageOf(model),
  } as unknown as CheckpointStore;
  const chunks: Uint8Array[] = [];
  const disk = {
    create: async () => ({
      write: async (bytes: Uint8Array) => void chunks.push(bytes.slice()),
      sync: async () => undefined,
      close: async () => undefined,
    }),
  } as unknown as Disk;
  await writePredictOnly({ store, manifest, limits: config.limits, quantization }, disk, 'file');
  return Buffer.concat(chunks);
}

function imageOf({ table, width }: SequentialModel): ShardImage {
  const end = table.length / width;
  const keys = Uint32Array.from({ length: end }, (_, key) => key).filter((key) =>
    table.subarray(key * width, (key + 1) * width).some((slot) => slot !== 0),
  );
  const rows = new Float32Array(keys.length * width);
  for (const [at, key] of keys.entries())
    rows.set(table.subarray(key * width, (key + 1) * width), at * width);
  return { start: 0, end, rowWidth: width, keys, rows };
}

export const exportedModel = async (from: Learned, quantization?: Quantization): Promise<EdgeModel> =>
  loadModel(await exportedFile(from, quantization));
