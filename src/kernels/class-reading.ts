/**
 * What can be said of the score of a linear model of several classes: of that of the class which the last prediction chose.
 * Each class has its weights at a place of its own in every row.
 */
import type { ClassScores } from '../model/class-scores.ts';
import { isPenalized } from '../model/optimizers/nag.ts';
import { layoutOfClass, type RowLayout } from '../model/row-layout.ts';
import { NagPenalty } from './nag-penalty.ts';
import { linearReading, type ScoreReading, type WeightedOptimizer } from './score-reading.ts';

export function classReading(
  layout: RowLayout,
  optimizer: WeightedOptimizer,
  intercept: boolean,
  scores: ClassScores,
): ScoreReading {
  const readings = Array.from({ length: layout.classesMax }, (_, c): ScoreReading => {
    const own = layoutOfClass(layout, c);
    if (optimizer.name === 'nag' && isPenalized(optimizer))
      return new NagPenalty(own, optimizer, intercept ? 1 : 0).reading();
    return linearReading(layout, optimizer, intercept, own.offset);
  });
  return {
    contributions: (table, event, into) => readings[scores.best]!.contributions(table, event, into),
  };
}
