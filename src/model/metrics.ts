/**
 * Progressive validation: every event is predicted before it is learned, and these are the sums over those
 * predictions (Blum, Kalai, Langford 1999). They are part of a model's state: they are committed with the
 * parameters, stand in checkpoints, and go back with a rollback. Windows are differences of two such sums.
 *
 * Layout of the totals, float64: the eight sums below, then, for binary models, two histograms of the raw score
 * (labels 0, then labels 1) with `buckets` buckets of width 1/64 logit over [-8, 8), the ends open.
 * AUC from them counts a pair inside one bucket as one half: exact but for that.
 */
import type { MetricsView } from '../protocol/messages.ts';
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

/** Adds one prediction to the sums (not to the histogram, which takes whole counts by `bucketOf`). */
export function addToSums(
  totals: Float64Array,
  definition: Pick<ModelDefinition, 'task' | 'loss'>,
  raw: number,
  label: number,
  weight: number,
): void {
  const loss = lossFunction(definition.loss);
  totals[sums.events]! += 1;
  totals[sums.weight]! += weight;
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

export function metricsView(
  totals: Float64Array,
  definition: Pick<ModelDefinition, 'task' | 'loss'>,
): MetricsView {
  const weight = totals[sums.weight]!;
  const mean = (sum: number) => (weight > 0 ? totals[sum]! / weight : null);
  const binary = definition.task === 'binary';
  const squared = mean(sums.squaredError);
  const logLoss = binary && definition.loss === 'logistic' ? mean(sums.logLoss) : null;
  const meanLabel = mean(sums.label);
  return {
    events: totals[sums.events]!,
    averageLoss: mean(sums.loss),
    logLoss,
    normalizedEntropy: logLoss === null || meanLabel === null ? null : normalizedEntropy(logLoss, meanLabel),
    accuracy: binary ? mean(sums.correct) : null,
    auc: binary ? areaUnderCurve(totals) : null,
    mae: binary ? null : mean(sums.absoluteError),
    rmse: binary || squared === null ? null : Math.sqrt(squared),
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
