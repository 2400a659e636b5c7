/**
 * What can be said of the score of a linear model of several classes: of that of the class which the last prediction chose.
 * Each class has its weights at a place of its own in every row.
 */
import type { ClassScores } from '../model/class-scores.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { linearReading, type ScoreReading, type WeightedOptimizer } from './score-reading.ts';

export function classReading(
  layout: RowLayout,
  optimizer: WeightedOptimizer,
  intercept: boolean,
  scores: ClassScores,
): ScoreReading {
  const slots = layout.optimizerSlots / layout.classesMax;
  const readings = Array.from({ length: layout.classesMax }, (_, c) =>
    linearReading(layout, optimizer, intercept, c * slots),
  );
  return {
    contributions: (table, event, into) => readings[scores.best]!.contributions(table, event, into),
  };
}
