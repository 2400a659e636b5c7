/**
 * Progressive validation: every event is predicted before it is learned, and these are the sums over those
 * predictions (Blum, Kalai, Langford 1999). They are part of a model's state: they are committed with the
 * parameters, stand in checkpoints, and go back with a rollback. Windows are differences of two such sums.
 *
 * Layout of the totals, float64: the eight sums below, then whole counts. For binary models these are two histograms
 * of the raw score (labels 0, then labels 1) with `buckets` buckets of width 1/64 logit over [-8, 8), the ends open.
 * AUC from them counts a pair inside one bucket as one half: exact but for that. For several classes they are the
 * confusion matrix (confusion-matrix.ts).
 */
import type { ClassLabel } from '../../config/class-label.ts';
import type { MetricsView } from '../protocol/messages.ts';
import type { ClassScores } from './class-scores.ts';
import { cellOf, macroF1, matrixClassesMax } from './confusion-matrix.ts';
import type { ModelDefinition } from './definition.ts';
import { logisticLoss, lossFunction } from './losses.ts';

export const sums = {
  events: 0,
  weight: 1,
  loss: 2,
  logLoss: 3,
  correct: 4,
  absoluteError: 5,
  squaredError: 6,
  label: 7,
} as const;
export const sumCount = 8;
export const buckets = 1024;
export const totalsLength = sumCount + 2 * buckets;

const bucketsPerLogit = 64;

/** Where the score of an event with this label is counted: an index into the totals. */
export function bucketOf(raw: number, label: number): number {
  const bucket = Math.floor(raw * bucketsPerLogit) + buckets / 2;
  const clamped = Math.min(buckets - 1, Math.max(0, bucket));
  return sumCount + (label > 0 ? buckets : 0) + clamped;
}

type Judged = Pick<ModelDefinition, 'task' | 'loss'>;

/** Of an event that is counted nowhere but in the sums. */
export const noBucket = -1;

/**
 * Adds one prediction to the sums; the bucket in which it counts, or noBucket. `classes`: what it came to, where there
 * are several.
 */
export function addToSums(
  totals: Float64Array,
  definition: Judged,
  raw: number,
  label: ClassLabel,
  weight: number,
  classes?: ClassScores,
): number {
  totals[sums.events]! += 1;
  totals[sums.weight]! += weight;
  if (classes !== undefined) return addClasses(totals, classes, weight);
  addScore(totals, definition, raw, label as number, weight);
  return definition.task === 'binary' ? bucketOf(raw, label as number) : noBucket;
}

/** The same for one table: the bucket's count with the sums. */
export function addPrediction(...prediction: Parameters<typeof addToSums>): void {
  const bucket = addToSums(...prediction);
  if (bucket !== noBucket) prediction[0][bucket]! += 1;
}

function addScore(
  totals: Float64Array,
  definition: Judged,
  raw: number,
  label: number,
  weight: number,
): void {
  const loss = lossFunction(definition.loss);
  totals[sums.loss]! += weight * loss.value(raw, label);
  totals[sums.label]! += weight * label;
  if (definition.task === 'binary') {
    const chosen = raw > loss.decision ? 1 : 0;
    totals[sums.correct]! += chosen === label ? weight : 0;
    if (definition.loss === 'logistic') totals[sums.logLoss]! += weight * logisticLoss(raw, label);
  } else {
    const error = loss.link(raw) - label;
    totals[sums.absoluteError]! += weight * Math.abs(error);
    totals[sums.squaredError]! += weight * error * error;
  }
}

function addClasses(totals: Float64Array, classes: ClassScores, weight: number): number {
  totals[sums.loss]! += weight * classes.loss;
  totals[sums.logLoss]! += weight * (classes.logLoss ?? 0);
  totals[sums.correct]! += classes.isCorrect ? weight : 0;
  const classesMax = classes.raw.length;
  // Before any class was known none was chosen.
  if (classesMax > matrixClassesMax || classes.labels.length === 0) return noBucket;
  return sumCount + cellOf(classes.label, classes.best, classesMax);
}

export function metricsView(
  totals: Float64Array,
  definition: Judged & Partial<Pick<ModelDefinition, 'classesMax'>>,
): MetricsView {
  const weight = totals[sums.weight]!;
  const mean = (sum: number) => (weight > 0 ? totals[sum]! / weight : null);
  const { task, loss, classesMax = 0 } = definition;
  const binary = task === 'binary';
  const several = task === 'multiclass';
  const squared = mean(sums.squaredError);
  const isProbability = loss === 'logistic' || loss === 'softmax';
  const logLoss = isProbability ? mean(sums.logLoss) : null;
  const meanLabel = several ? null : mean(sums.label);
  return {
    events: totals[sums.events]!,
    averageLoss: mean(sums.loss),
    logLoss,
    normalizedEntropy: logLoss === null || meanLabel === null ? null : normalizedEntropy(logLoss, meanLabel),
    accuracy: binary || several ? mean(sums.correct) : null,
    ...(several ? { macroF1: macroF1(totals.subarray(sumCount), classesMax) } : {}),
    auc: binary ? areaUnderCurve(totals) : null,
    mae: binary || several ? null : mean(sums.absoluteError),
    rmse: binary || several || squared === null ? null : Math.sqrt(squared),
    meanLabel,
  };
}

/**
 * Log loss over the entropy of the base rate (He et al. 2014): below 1 is better than a constant, and comparable
 * between segments of different rates. Null while one class is missing.
 */
export function normalizedEntropy(logLoss: number, rate: number): number | null {
  if (rate <= 0 || rate >= 1) return null;
  return logLoss / -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
}

/** Chance that a positive scores above a negative, ties one half; null while one class is missing. */
export function areaUnderCurve(totals: Float64Array): number | null {
  let negativesBelow = 0;
  let positives = 0;
  let pairsWon = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const negative = totals[sumCount + bucket]!;
    const positive = totals[sumCount + buckets + bucket]!;
    pairsWon += positive * (negativesBelow + negative / 2);
    negativesBelow += negative;
    positives += positive;
  }
  return negativesBelow > 0 && positives > 0 ? pairsWon / (negativesBelow * positives) : null;
}
