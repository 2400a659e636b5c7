/**
 * A version as the file of a model that only predicts (docs/edge-format.md): for each row the weight that scores are made
 * with, and nothing of what learning needs. The version's own settings count, under which its rows have their meaning.
 */
import type { Definition } from '../../config/fingerprint.ts';
import type { ModelConfig, OptimizerConfig } from '../../config/schema.ts';
import { type EdgeHeader, edgeChunks, knownFeatures } from '../../edge/format.ts';
import type { Quantization } from '../../edge/weights.ts';
import { MillraceError } from '../base/errors.ts';
import type { Disk } from '../checkpoint/disk.ts';
import { fullImages, piecesOf } from '../checkpoint/full-images.ts';
import type { CheckpointStore, Manifest, ShardImage } from '../checkpoint/store.ts';
import { linearReading, type WeightedOptimizer } from '../kernels/score-reading.ts';
import { isPenalized } from '../model/optimizers/nag.ts';
import { type RowLayout, rowLayoutOf, statisticsSlots } from '../model/row-layout.ts';
import { edgeParts } from './edge-parts.ts';

export interface PredictOnlySource {
  readonly store: CheckpointStore;
  readonly manifest: Manifest;
  readonly limits: Pick<ModelConfig['limits'], 'featuresMax' | 'depthMax'>;
  /** Undefined: the weights as they are. */
  readonly quantization: Quantization | undefined;
}

/** Rows are worked on in pieces of this size: between them others have their turn. */
const pieceBytes = 4 * 2 ** 20;

/** Writes the file; throws MillraceError when the model has something that such a file cannot say. */
export async function writePredictOnly(source: PredictOnlySource, disk: Disk, path: string): Promise<void> {
  const definition = knownDefinition(source.manifest);
  const rows = await rowsOf(source, definition);
  const file = await disk.create(path, 'exclusive');
  try {
    for (const chunk of edgeChunks(edgeParts(source, definition, rows))) await file.write(chunk);
  } finally {
    await file.close();
  }
}

/** What is told of a linear model. A setting that is not among these would change scores, and nobody would see it. */
const knownSettings: ReadonlySet<string> = new Set<keyof Definition>([
  'task',
  'family',
  'classes',
  'classesMax',
  'loss',
  'predictionMin',
  'predictionMax',
  'optimizer',
  'features',
  'kernel',
  'partitions',
]);

/** The row alone must say the weight, whatever the value is that it is multiplied with, and whichever row it is. */
function isWeighted(optimizer: OptimizerConfig): optimizer is WeightedOptimizer {
  // An intercept of its own is added to the score behind the rounding of the rest.
  if ('plainInterceptRate' in optimizer && optimizer.plainInterceptRate !== undefined) return false;
  switch (optimizer.name) {
    case 'coin':
    case 'pistol':
      return false;
    case 'nag':
      // Under a penalty all weights shrink, also those that are not touched.
      return !isPenalized(optimizer);
    default:
      return true;
  }
}

const knownFamilies: ReadonlySet<string> = new Set<EdgeHeader['family']['name']>([
  'linear',
  'fm',
  'mf',
  'network',
]);

const isKnownFamily = (family: Definition['family']): boolean =>
  family === undefined || knownFamilies.has(family.name);

type KnownDefinition = Definition & { readonly optimizer: WeightedOptimizer };

function knownDefinition({ model, definition }: Manifest): KnownDefinition {
  const known = definition as Definition;
  const foreign = [
    ...Object.keys(known).filter((name) => !knownSettings.has(name)),
    ...(isKnownFamily(known.family) ? [] : [`family "${known.family?.name}"`]),
    ...Object.keys(known.features)
      .filter((name) => !knownFeatures.has(name))
      .map((name) => `features.${name}`),
    ...(isWeighted(known.optimizer) ? [] : [`optimizer "${known.optimizer.name}" as it is set`]),
  ];
  if (foreign.length === 0) return known as KnownDefinition;
  throw new MillraceError(
    'badInput',
    `${model} cannot be exported to predict only: ${foreign.join(', ')}; others can`,
  );
}

export const layoutOf = (definition: Definition): RowLayout => rowLayoutOf(modelOf(definition));

/** What is absent of a definition because it changes nothing is there in a configuration. */
export const modelOf = ({ classes, family = { name: 'linear' }, ...definition }: Definition) => ({
  ...definition,
  family,
  ...(classes && { classes: [...classes] }),
});

/** What scores are made from, of rows with a weight that is not 0. */
export interface WeightRows {
  readonly keys: Uint32Array;
  /** For each key its columns, those of every class that may be. */
  readonly weights: Float64Array;
  readonly means: Float32Array | undefined;
  readonly variances: Float32Array | undefined;
  /** Rows that belong to no feature, by their keys. */
  readonly reserved: ReadonlyMap<number, Float32Array>;
}

async function rowsOf(
  { store, manifest }: PredictOnlySource,
  definition: KnownDefinition,
): Promise<WeightRows> {
  const layout = layoutOf(definition);
  const pieces: WeightRows[] = [];
  for await (const image of fullImages(store, manifest)) {
    for (const piece of piecesOf(image, pieceBytes)) {
      pieces.push(rowsOfPiece(piece, layout, definition));
      await new Promise(setImmediate);
    }
  }
  const { standardize } = layout;
  return {
    keys: joined(
      Uint32Array,
      pieces.map(({ keys }) => keys),
    ),
    weights: joined(
      Float64Array,
      pieces.map(({ weights }) => weights),
    ),
    means: standardize
      ? joined(
          Float32Array,
          pieces.map(({ means }) => means!),
        )
      : undefined,
    variances: standardize
      ? joined(
          Float32Array,
          pieces.map(({ variances }) => variances!),
        )
      : undefined,
    reserved: new Map(pieces.flatMap(({ reserved }) => [...reserved])),
  };
}

function rowsOfPiece(
  { keys, rows, rowWidth }: ShardImage,
  layout: RowLayout,
  definition: KnownDefinition,
): WeightRows {
  const columnsAt = columnReader(rows, layout, definition);
  const places = Uint32Array.from(keys, (_, at) => at);
  // Count, mean, variance.
  const statisticsOf = (at: number, slot: number) => rows[at * rowWidth + layout.optimizerSlots + slot]!;
  const isFeature = (key: number) => key < layout.stateKey;
  // A vector is not 0 where nothing was learned of it, so the scale of its number counts.
  const hasScale = (at: number) =>
    definition.family !== undefined && layout.standardize && statisticsOf(at, statisticsSlots - 1) > 0;
  const kept = places.filter(
    (at) => isFeature(keys[at]!) && (hasScale(at) || columnsAt(at).some((one) => one !== 0)),
  );
  const slotOf = (slot: number) => Float32Array.from(kept, (at) => statisticsOf(at, slot));
  const reserved = [...places.filter((at) => !isFeature(keys[at]!))];
  return {
    keys: Uint32Array.from(kept, (at) => keys[at]!),
    weights: Float64Array.from([...kept].flatMap(columnsAt)),
    means: layout.standardize ? slotOf(statisticsSlots - 2) : undefined,
    variances: layout.standardize ? slotOf(statisticsSlots - 1) : undefined,
    reserved: new Map(reserved.map((at) => [keys[at]!, rows.slice(at * rowWidth, (at + 1) * rowWidth)])),
  };
}

/** Of a row: what a value of 1 adds to each score; behind a machine's weight what was learned of its vector. */
function columnReader(
  rows: Float32Array,
  layout: RowLayout,
  { optimizer, family, features }: KnownDefinition,
): (at: number) => number[] {
  const { weight } = linearReading(layout, optimizer, features.intercept);
  const { width, optimizerSlots } = layout;
  if (family?.name === 'network') {
    const slots = Array.from({ length: family.hidden[0]! }, (_, unit) => 2 * unit);
    return (at) => slots.map((slot) => rows[at * width + slot]!);
  }
  if (family?.name === 'fm' || family?.name === 'mf') {
    const slots = Array.from({ length: family.factors }, (_, f) => 2 + 2 * f);
    return (at) => [weight(rows, at), ...slots.map((slot) => rows[at * width + slot]!)];
  }
  const scores = Math.max(1, layout.classesMax);
  // The slots of class c stand so far behind those of the first.
  const tables = Array.from({ length: scores }, (_, c) => rows.subarray((c * optimizerSlots) / scores));
  return (at) => tables.map((table) => weight(table, at));
}

function joined<Numbers extends Uint32Array | Float32Array | Float64Array>(
  make: new (length: number) => Numbers,
  parts: readonly Numbers[],
): Numbers {
  const whole = new make(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
