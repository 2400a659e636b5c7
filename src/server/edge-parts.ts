/** The rows of a version as what stands in the file of a model that only predicts. */
import type { Definition } from '../../config/fingerprint.ts';
import type { EdgeHeader, EdgeParts } from '../../edge/format.ts';
import {
  type Quantization,
  type StoredWeights,
  scaleOf,
  type WeightType,
  weightKinds,
} from '../../edge/weights.ts';
import { ClassNames } from '../model/class-names.ts';
import { lossFunction } from '../model/losses.ts';
import { clipScore } from '../model/optimizers/nag.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { layoutOf, type PredictOnlySource, type WeightRows } from './predict-only.ts';

export function edgeParts(source: PredictOnlySource, definition: Definition, rows: WeightRows): EdgeParts {
  const { manifest, limits, quantization } = source;
  const { task, loss, features } = definition;
  const layout = layoutOf(definition);
  const classes = layout.classesMax === 0 ? undefined : classesOf(definition, layout, rows.reserved);
  const clip = clipOf(definition, layout, rows.reserved);
  const { scale, type, stored, kept } = storedWeights(rows, layout, classes?.length ?? 1, quantization);
  const header: EdgeHeader = {
    model: manifest.model,
    version: manifest.version,
    createdAt: manifest.createdAt,
    seq: Math.min(...manifest.stream.marks),
    fingerprint: manifest.fingerprint,
    family: 'linear',
    task,
    loss,
    features,
    limits: { featuresMax: limits.featuresMax, depthMax: limits.depthMax },
    ...(classes && { classes }),
    ...(clip && { clip }),
    weights: { type, scale },
    rows: kept.length,
  };
  const columnOf = (column: Float32Array | undefined) =>
    column && Float32Array.from(kept, (at) => column[at]!);
  return {
    header,
    keys: Uint32Array.from(kept, (at) => rows.keys[at]!),
    weights: stored,
    means: columnOf(rows.means),
    variances: columnOf(rows.variances),
  };
}

/** Known classes by their numbers: those of the configuration, or those that stand in the shared rows. */
function classesOf(
  definition: Definition,
  { classesMax, sharedKey, sharedRows, width }: RowLayout,
  reserved: WeightRows['reserved'],
) {
  const shared = new Float32Array(sharedRows * width);
  for (let i = 0; i < sharedRows; i++) shared.set(reserved.get(sharedKey + i) ?? [], i * width);
  const names = new ClassNames(definition.classes, classesMax);
  names.refresh(shared, 0);
  return names.labels;
}

/** Weights of the first `scores` classes, of those rows in which one is left that is not 0; for each key those of all. */
function storedWeights(
  { keys, weights }: WeightRows,
  { classesMax }: RowLayout,
  scores: number,
  quantization: Quantization | undefined,
) {
  const stride = Math.max(1, classesMax);
  const type = quantization ?? exactType(weights);
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const scale = scaleOf(type, largest);
  const { make, encode, decode } = weightKinds[type];
  const all = make(keys.length * scores);
  const kept: number[] = [];
  for (let at = 0; at < keys.length; at++) {
    let isLeft = false;
    for (let c = 0; c < scores; c++) {
      const place = kept.length * scores + c;
      all[place] = encode(weights[at * stride + c]! / scale);
      isLeft ||= decode(all[place]!) !== 0;
    }
    if (isLeft) kept.push(at);
  }
  const stored: StoredWeights = all.subarray(0, kept.length * scores);
  return { type, scale, stored, kept };
}

/** Where an optimiser derives the weight from its slots, float32 does not hold it. */
const exactType = (weights: Float64Array): WeightType =>
  weights.every((weight) => Math.fround(weight) === weight) ? 'f32' : 'f64';

/** One against all, the range is that of all labels together. */
function clipOf(
  { optimizer, loss }: Definition,
  { stateKey }: RowLayout,
  reserved: WeightRows['reserved'],
): EdgeHeader['clip'] {
  if (optimizer.name !== 'nag') return undefined;
  const [least = 0, greatest = 0] = reserved.get(stateKey + 1) ?? [];
  const clipped = (raw: number) =>
    clipScore(raw, lossFunction(loss), { weight: 0, norm: 0, least, greatest });
  return [clipped(Number.NEGATIVE_INFINITY), clipped(Number.POSITIVE_INFINITY)];
}
