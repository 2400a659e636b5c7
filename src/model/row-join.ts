/**
 * How the changes of two learners to one row come together: a learner pushes the difference that it made, a
 * shard merges it. Optimiser slots are sums and add up; statistics merge by Chan's formula. With one learner
 * none of this happens: values are pushed and stored as they are, because in float32 `w + (w' - w)` is not
 * always `w'`.
 */
import type { RowLayout } from './row-layout.ts';
import { mergeStatistics, subtractStatistics } from './standardizer.ts';

/** Turns rows that were learned from `before` into differences, in place. Both hold `count` whole rows. */
export function differenceRows(
  layout: RowLayout,
  before: Float32Array,
  rows: Float32Array,
  count: number,
): void {
  const { width, optimizerSlots, standardize } = layout;
  for (let row = 0; row < count; row++) {
    const at = row * width;
    for (let slot = 0; slot < optimizerSlots; slot++) rows[at + slot] = rows[at + slot]! - before[at + slot]!;
    if (standardize) subtractStatistics(before, at + optimizerSlots, rows, at + optimizerSlots);
  }
}

/** Merges one row of differences into the row at `at` of `into`. */
export function mergeRow(
  layout: RowLayout,
  difference: Float32Array,
  differenceAt: number,
  into: Float32Array,
  at: number,
): void {
  for (let slot = 0; slot < layout.optimizerSlots; slot++) {
    into[at + slot] = into[at + slot]! + difference[differenceAt + slot]!;
  }
  if (layout.standardize) {
    mergeStatistics(difference, differenceAt + layout.optimizerSlots, into, at + layout.optimizerSlots);
  }
}
