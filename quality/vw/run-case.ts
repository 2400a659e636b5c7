/**
 * A case as Vowpal Wabbit runs it: passes over the data, every tenth event held out where several passes are, models
 * that another case saved, a test that only predicts. Losses are of the clipped scores, averaged by weight.
 */
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { masksOf } from '../../src/features/grams.ts';
import { type BuiltModel, buildModel } from '../../src/kernels/build-model.ts';
import { type EventView, viewOf } from '../../src/kernels/online-model.ts';
import { learnableEvent } from '../../src/learner/events.ts';
import type { ModelDefinition } from '../../src/model/definition.ts';
import { lossFunction } from '../../src/model/losses.ts';
import type { RowLayout } from '../../src/model/row-layout.ts';
import { numberOf, type VwOptions } from './command-line.ts';
import type { VwData, VwEvent } from './data.ts';
import { bitsOf, sharesRows } from './model-of.ts';
import { fillAsVw, type VwRows } from './vw-rows.ts';

/** A model and what it has learned; `average` carries on where a case keeps its counters. */
export interface Learned {
  readonly built: BuiltModel;
  readonly rows: VwRows | undefined;
  readonly table: Float32Array;
  /** What a test predicts from, where that is not the table. */
  readonly tested?: Float32Array;
  readonly average: Average;
}

export class Average {
  sum = 0;
  weight = 0;
  add(loss: number, weight: number): void {
    this.sum += loss * weight;
    this.weight += weight;
  }
  get mean(): number {
    return this.sum / this.weight;
  }
}

const holdoutPeriod = 10;
/** Passes without a better holdout loss after which it ends. */
const patience = 3;

export function newModel(input: ModelInput, options: VwOptions): Learned {
  const built = buildModel(modelSchema.parse(input));
  const { layout } = built.model;
  const table = new Float32Array(layout.keyCount * layout.width);
  const initial = numberOf(options, 'initial_weight');
  const constant = numberOf(options, 'constant');
  if (initial !== undefined)
    for (let row = 0; row < layout.stateKey; row++) table[row * layout.width] = initial;
  if (constant !== undefined) table[(layout.stateKey - 1) * layout.width] = constant;
  return { built, rows: rowsOf(options, built), table, average: new Average() };
}

function rowsOf(options: VwOptions, { model: { layout } }: BuiltModel): VwRows | undefined {
  if (!sharesRows(options)) return undefined;
  const n = numberOf(options, 'ngram');
  return {
    bits: bitsOf(options),
    hasConstant: !options.has('noconstant'),
    ngram: n === undefined ? undefined : { masks: masksOf(n, numberOf(options, 'skips') ?? 0) },
    stateKeys: Array.from({ length: layout.stateRows }, (_, row) => layout.stateKey + row),
  };
}

export interface CaseRun {
  readonly loss: number;
  readonly learned: Learned;
}

export function runCase(options: VwOptions, data: VwData, start: Learned): CaseRun {
  const { built, rows } = start;
  const table = Float32Array.from((options.has('t') ? start.tested : undefined) ?? start.table);
  const keepsCounters = options.has('preserve_performance_counters');
  const average = new Average();
  if (keepsCounters) average.add(start.average.mean, start.average.weight);
  const passes = numberOf(options, 'passes') ?? 1;
  const tested = built.definition.optimizer.name === 'pistol' ? new Float32Array(table.length) : undefined;
  const stepper = stepperOf(start, table, tested);
  if (options.has('t')) {
    for (const event of data.events) stepper.predict(event, average);
    return { loss: average.mean, learned: { built, rows, table, average } };
  }
  const isHeldOut = passes > 1 && !options.has('holdout_off');
  let best = { loss: Number.POSITIVE_INFINITY, table };
  for (let pass = 0, worse = 0; pass < passes && worse < patience; pass++) {
    const holdout = new Average();
    for (const [at, event] of data.events.entries()) {
      if (isHeldOut && at % holdoutPeriod === holdoutPeriod - 1) stepper.predict(event, holdout);
      else stepper.learn(event, average);
    }
    if (!isHeldOut) continue;
    worse = holdout.mean < best.loss ? 0 : worse + 1;
    if (worse === 0) best = { loss: holdout.mean, table: Float32Array.from(table) };
  }
  if (isHeldOut) return { loss: best.loss, learned: { built, rows, table: best.table, average } };
  return { loss: average.mean, learned: { built, rows, table, average, ...(tested && { tested }) } };
}

/**
 * Vowpal Wabbit keeps the weights of PiSTOL as it last predicted with them, from before the step of that event, and tests
 * with those.
 */
function keepBefore(
  view: EventView,
  { width, sharedKey }: RowLayout,
  table: Float32Array,
  tested: Float32Array,
): void {
  for (let i = view.from; i < view.to; i++) {
    const at = view.rows[i]! * width;
    tested.set(table.subarray(at, at + width), at);
    tested[at + 2] = Math.max(tested[at + 2]!, Math.abs(view.values[i]!));
  }
  tested.set(table.subarray(sharedKey * width), sharedKey * width);
}

/** Vowpal Wabbit's parser takes a label into the range of labels, which has 0, before the event is predicted; we do so after. */
function widenRange(
  { optimizer, loss }: ModelDefinition,
  { stateKey, sharedKey, sharedRows, width }: RowLayout,
  table: Float32Array,
  label: number,
): void {
  if (lossFunction(loss).scoreMax !== undefined) return;
  if (optimizer.name !== 'nag' && sharedRows === 0) return;
  // The range of coin betting and PiSTOL begins with a flag that it is known.
  const at = optimizer.name === 'nag' ? (stateKey + 1) * width : sharedKey * width + 1;
  if (optimizer.name !== 'nag') table[at - 1] = 1;
  table[at] = Math.min(table[at]!, label);
  table[at + 1] = Math.max(table[at + 1]!, label);
}

function stepperOf(
  { built: { model, featurizer, definition }, rows }: Learned,
  table: Float32Array,
  tested: Float32Array | undefined,
) {
  const vector = featurizer.vector();
  const { task, loss, classWeights } = definition;
  // Its classes are -1 and 1, and what lies between them a share.
  const targetOf = (label: number): number =>
    loss === 'logistic' && task === 'binary' ? (label + 1) / 2 : label;
  const lossOf = (raw: number, label: number): number => {
    if (model.classes === undefined) return lossFunction(definition.loss).value(raw, label);
    return model.classes.best === label - 1 ? 0 : 1;
  };
  const scored = ({ features, label, weight }: VwEvent, learns: boolean, average: Average) => {
    if (rows === undefined) featurizer.featurize(features, vector);
    else fillAsVw(features, rows, vector);
    const target = targetOf(label);
    const own =
      classWeights === undefined
        ? weight
        : learnableEvent({ features, label, weight }, task, classWeights).weight;
    if (learns) widenRange(definition, model.layout, table, target);
    const view = viewOf(vector);
    if (learns && tested !== undefined) keepBefore(view, model.layout, table, tested);
    const raw = learns ? model.learn(table, view, target, own) : model.predict(table, view);
    average.add(lossOf(raw, target), own);
  };
  return {
    learn: (event: VwEvent, average: Average) => scored(event, true, average),
    predict: (event: VwEvent, average: Average) => scored(event, false, average),
  };
}
