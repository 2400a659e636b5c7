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
import { denseLayers } from '../model/network-shape.ts';
import { clipScore } from '../model/optimizers/nag.ts';
import { outputLength, type RowLayout } from '../model/row-layout.ts';
import { bounded, type ScoreBounds } from '../model/score-bounds.ts';
import { layoutOf, modelOf, type PredictOnlySource, type WeightRows } from './predict-only.ts';

export function edgeParts(source: PredictOnlySource, definition: Definition, rows: WeightRows): EdgeParts {
  const { manifest, limits, quantization } = source;
  const { task, loss, features } = definition;
  const layout = layoutOf(definition);
  const classes = layout.classesMax === 0 ? undefined : classesOf(definition, layout, rows.reserved);
  const clip = clipOf(definition, layout, rows.reserved);
  const family = familyOf(definition, layout);
  const stride = rows.keys.length === 0 ? 1 : rows.weights.length / rows.keys.length;
  const columns = family.name === 'linear' && classes !== undefined ? classes.length : stride;
  const hasVectors = family.name !== 'linear';
  const { scale, type, stored, kept } = storedWeights(rows, { stride, columns, hasVectors }, quantization);
  const header: EdgeHeader = {
    model: manifest.model,
    version: manifest.version,
    createdAt: manifest.createdAt,
    seq: Math.min(...manifest.stream.marks),
    fingerprint: manifest.fingerprint,
    family,
    task,
    loss,
    features,
    limits: { featuresMax: limits.featuresMax, depthMax: limits.depthMax },
    ...(classes && { classes }),
    ...(clip && { clip }),
    ...(layout.labelStatisticsAt !== undefined && {
      label: labelLine(layout, layout.labelStatisticsAt, rows.reserved),
    }),
    weights: { type, scale },
    rows: kept.length,
  };
  const columnOf = (column: Float32Array | undefined) =>
    column && Float32Array.from(kept, (at) => column[at]!);
  return {
    header,
    keys: Uint32Array.from(kept, (at) => rows.keys[at]!),
    weights: stored,
    dense: denseWeights(definition, layout, rows.reserved),
    means: columnOf(rows.means),
    variances: columnOf(rows.variances),
  };
}

/** Known classes by their numbers: those of the configuration, or those that stand in the shared rows. */
function classesOf(definition: Definition, layout: RowLayout, reserved: WeightRows['reserved']) {
  const names = new ClassNames(definition.classes, layout.classesMax);
  names.refresh(sharedNumbers(layout, reserved), 0);
  return names.labels;
}

/** Of the label's count, mean and variance the line by which predictions are scaled back. */
function labelLine(layout: RowLayout, at: number, reserved: WeightRows['reserved']) {
  const [, mean = 0, variance = 0] = sharedNumbers(layout, reserved).subarray(at);
  return { mean, deviation: Math.sqrt(variance) };
}

function sharedNumbers(
  { sharedKey, sharedRows, width }: RowLayout,
  reserved: WeightRows['reserved'],
): Float32Array {
  const shared = new Float32Array(sharedRows * width);
  for (let i = 0; i < sharedRows; i++) shared.set(reserved.get(sharedKey + i) ?? [], i * width);
  return shared;
}

function familyOf({ family }: Definition, { classesMax }: RowLayout): EdgeHeader['family'] {
  if (family?.name === 'fm' || family?.name === 'mf') {
    const { name, factors, initStd, seed } = family;
    return { name, ...(name === 'mf' && { fields: fieldsOf(family) }), factors, initStd, seed };
  }
  if (family?.name !== 'network') return { name: 'linear' };
  const { hidden, initStd, seed } = family;
  return { name: 'network', hidden, scores: Math.max(1, classesMax), initStd, seed };
}

const fieldsOf = ({ user, item, feedback, items }: Extract<Definition['family'], { name: 'mf' }>) => ({
  user,
  item,
  ...(feedback === 'implicit' && { items }),
});

/** They stand behind what the output keeps, each layer's with its sums of squares behind them. */
function denseWeights(
  definition: Definition,
  layout: RowLayout,
  reserved: WeightRows['reserved'],
): Float32Array {
  const { family } = definition;
  if (family?.name !== 'network') return new Float32Array(0);
  const first = outputLength(modelOf(definition));
  const shared = sharedNumbers(layout, reserved).subarray(first);
  const layers = denseLayers(family.hidden, Math.max(1, layout.classesMax));
  const weights = layers.flatMap((layer) => [...shared.subarray(layer.at, layer.at + layer.weights)]);
  return Float32Array.from(weights);
}

/** The first of the columns of each key, of those rows in which a number is left that is not 0, or whose scale counts. */
function storedWeights(
  { keys, weights, variances }: WeightRows,
  {
    stride,
    columns,
    hasVectors,
  }: { readonly stride: number; readonly columns: number; readonly hasVectors: boolean },
  quantization: Quantization | undefined,
) {
  const type = quantization ?? exactType(weights);
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const scale = scaleOf(type, largest);
  const { make, encode, decode } = weightKinds[type];
  const all = make(keys.length * columns);
  const kept: number[] = [];
  for (let at = 0; at < keys.length; at++) {
    let isLeft = hasVectors && variances !== undefined && variances[at]! > 0;
    for (let c = 0; c < columns; c++) {
      const place = kept.length * columns + c;
      all[place] = encode(weights[at * stride + c]! / scale);
      isLeft ||= decode(all[place]!) !== 0;
    }
    if (isLeft) kept.push(at);
  }
  const stored: StoredWeights = all.subarray(0, kept.length * columns);
  return { type, scale, stored, kept };
}

/** Where an optimiser derives the weight from its slots, float32 does not hold it. */
const exactType = (weights: Float64Array): WeightType =>
  weights.every((weight) => Math.fround(weight) === weight) ? 'f32' : 'f64';

const boundsOf = ({ predictionMin, predictionMax }: Definition): ScoreBounds => ({
  min: predictionMin,
  max: predictionMax,
});

/** Raw scores are held within the bounds of the configuration, else within what labels have taught. */
function clipOf(
  definition: Definition,
  layout: RowLayout,
  reserved: WeightRows['reserved'],
): EdgeHeader['clip'] {
  const bounds = boundsOf(definition);
  const [least, greatest] = learnedRange(definition, layout, reserved).map((end) => {
    const held = bounded(end, bounds);
    return Number.isFinite(held) ? held : null;
  });
  return least === null && greatest === null ? undefined : [least ?? null, greatest ?? null];
}

/** One against all, the range is that of all labels together. Machines and networks hold a regression within that of its labels. */
function learnedRange(
  definition: Definition,
  layout: RowLayout,
  reserved: WeightRows['reserved'],
): readonly [number, number] {
  const { task, optimizer, loss, family } = definition;
  const none = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
  if (family !== undefined) {
    if (task !== 'regression' || outputLength(modelOf(definition)) === 0) return none;
    const [isKnown = 0, least = 0, greatest = 0] = sharedNumbers(layout, reserved);
    return isKnown === 0 ? none : [least, greatest];
  }
  if (optimizer.name !== 'nag') return none;
  const [least = 0, greatest = 0] = reserved.get(layout.stateKey + 1) ?? [];
  const state = { weight: 0, norm: 0, least, greatest };
  const [low, high] = none.map((end) => clipScore(end, lossFunction(loss), state, boundsOf(definition)));
  return [low!, high!];
}
