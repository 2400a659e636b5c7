/** The last layer of a network, by its task: what scores come to, and the slopes of the loss at them. */
import type { ClassLabel } from '../../config/class-label.ts';
import type { LossConfig } from '../../config/schema.ts';
import type { ClassNames } from '../model/class-names.ts';
import { ClassScores, classGradients } from '../model/class-scores.ts';
import { clipToLabels, seeLabel } from '../model/label-range.ts';
import { lossFunction } from '../model/losses.ts';
import { divergence, finiteScore, requireLabel } from './online-model.ts';

export interface NetworkOutput {
  readonly classes: ClassScores | undefined;
  /** Shared numbers that it keeps; the dense layers follow. */
  readonly length: number;
  /** Before an event. */
  begin(table: Float32Array, shared: number): void;
  /** The label that is to be learned; throws MillraceError when it cannot be. */
  expect(label: ClassLabel): void;
  /** Raw score of the prediction. */
  predicted(table: Float32Array, shared: number, scores: Float32Array): number;
  /** dl/ds of each score, times the event's weight. Valid until the next call. */
  slopes(scores: Float32Array, weight: number): Float32Array;
  /** After a step. */
  learned(table: Float32Array, shared: number, label: ClassLabel): void;
}

export function scoreOutput(config: LossConfig, length: number): NetworkOutput {
  const loss = lossFunction(config);
  const slopes = new Float32Array(1);
  let wanted = 0;
  return {
    classes: undefined,
    length,
    begin() {},
    expect(label) {
      wanted = label as number;
      requireLabel(loss, wanted);
    },
    predicted(table, shared, scores) {
      const raw = finiteScore(scores[0]!);
      return length > 0 ? clipToLabels(table, shared, raw) : raw;
    },
    slopes(scores, weight) {
      slopes[0] = weight * loss.derivative(finiteScore(scores[0]!), wanted);
      return finiteSlopes(slopes);
    },
    learned(table, shared, label) {
      if (length > 0) seeLabel(table, shared, loss.target(label as number));
    },
  };
}

export function classOutput(loss: LossConfig, names: ClassNames, length: number): NetworkOutput {
  const classes = new ClassScores(names.max, loss);
  const slopes = new Float32Array(names.max);
  const raw = new Float64Array(names.max);
  let count = 0;
  return {
    classes,
    length,
    begin(table, shared) {
      names.refresh(table, shared);
      count = names.labels.length;
    },
    expect(label) {
      classes.label = names.numberOf(label);
      count = Math.max(count, classes.label + 1);
    },
    predicted(_table, _shared, scores) {
      for (let c = 0; c < count; c++) classes.raw[c] = finiteScore(scores[c]!);
      classes.settle([...names.labels], count);
      return classes.raw[classes.best]!;
    },
    slopes(scores, weight) {
      for (let c = 0; c < count; c++) raw[c] = finiteScore(scores[c]!);
      classGradients(loss, raw, { count, label: classes.label }, weight);
      slopes.fill(0);
      slopes.set(raw.subarray(0, count));
      return finiteSlopes(slopes);
    },
    learned(table, shared, label) {
      names.write(table, shared, classes.label, label);
    },
  };
}

function finiteSlopes(slopes: Float32Array): Float32Array {
  if (!slopes.every(Number.isFinite)) throw divergence('the gradient of a score');
  return slopes;
}
