/**
 * What can be said of a factorisation machine's score (score-reading.ts): what a feature adds is its weight times its
 * value, and half of each product with another feature, so that all of them add up to the score. How sure the score is
 * is told of the weights alone.
 */
import { InitialValues } from '../model/initial-values.ts';
import type { RowLayout } from '../model/row-layout.ts';
import type { FmSettings } from './fm-model.ts';
import type { EventView } from './online-model.ts';
import { linearReading, type ScoreReading, seenValue } from './score-reading.ts';

export function fmReading(layout: RowLayout, { family, optimizer, intercept }: FmSettings): ScoreReading {
  const { factors } = family;
  const initial = new InitialValues(family, factors);
  const { weight: _weight, ...linear } = linearReading(layout, optimizer, intercept);
  const partOf = (table: Float32Array, event: EventView, i: number, f: number): number => {
    const row = event.rows[i]!;
    const learned = table[row * layout.width + 2 + 2 * f]!;
    return (initial.of(event.keys?.[row] ?? row, f) + learned) * seenValue(layout, table, event, i);
  };
  return {
    ...linear,
    contributions(table, event, into) {
      linear.contributions(table, event, into);
      const first = event.from + (intercept ? 1 : 0);
      for (let f = 0; f < factors; f++) {
        let sum = 0;
        for (let i = first; i < event.to; i++) sum += partOf(table, event, i, f);
        for (let i = first; i < event.to; i++) {
          const part = partOf(table, event, i, f);
          into[i - event.from]! += (part * (sum - part)) / 2;
        }
      }
    },
  };
}
