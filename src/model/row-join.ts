/**
 * How the changes of two learners to one row come together: a learner pushes the difference that it made, a
 * shard merges it. With one learner none of this happens: values are pushed and stored as they are, because in
 * float32 `w + (w' - w)` is not always `w'`.
 *
 *   add          optimiser slots are sums and add up, but for the last `maxima` of them, of which the larger one
 *                stays; statistics merge by Chan's formula
 *   groups       rows of aggregates: every slot is a sum, whatever the optimiser
 *   normalized   (w, G, N) of the normalised adaptive gradient: G adds; both weights are brought to the larger N,
 *                then add. Its reserved rows: sums add, the labels' range is the hull of both.
 *
 * Each learner checks its own steps. What comes of taking one row from another, or adding two, may still be beyond
 * float32, whose largest numbers it is then held at: a row never holds anything that is not finite.
 */
import { isGroupRow } from './aggregate-rows.ts';
import type { RowLayout } from './row-layout.ts';
import { mergeStatistics, subtractStatistics } from './standardizer.ts';

/** Turns rows that were learned from `before` into differences, in place. Both hold a whole row for each key. */
export function differenceRows(
  layout: RowLayout,
  keys: Uint32Array,
  before: Float32Array,
  rows: Float32Array,
): void {
  const { width } = layout;
  for (let row = 0; row < keys.length; row++) {
    const at = row * width;
    if (isGroupRow(layout, keys[row]!)) subtractSlots(before, rows, at, width);
    else if (layout.join === 'add') subtractSums(layout, before, rows, at);
    else {
      for (let slot = at; slot < at + layout.optimizerSlots; slot += slotsPerScore) {
        if (isState(layout, keys[row]!)) subtractState(layout, keys[row]!, before, rows, slot);
        else subtractNormalized(before, rows, slot);
      }
      if (layout.standardize)
        subtractStatistics(before, at + layout.optimizerSlots, rows, at + layout.optimizerSlots);
    }
    holdFinite(rows, at, width);
  }
}

/** Merges one row of differences into the row at `at` of `into`. True when it had to be held within float32. */
export function mergeRow(
  layout: RowLayout,
  key: number,
  difference: Float32Array,
  differenceAt: number,
  into: Float32Array,
  at: number,
): boolean {
  if (isGroupRow(layout, key)) addSlots(difference, differenceAt, into, at, layout.width);
  else if (layout.join === 'add') addSums(layout, difference, differenceAt, into, at);
  else {
    for (let slot = 0; slot < layout.optimizerSlots; slot += slotsPerScore) {
      if (isState(layout, key)) addState(layout, key, difference, differenceAt + slot, into, at + slot);
      else addNormalized(difference, differenceAt + slot, into, at + slot);
    }
    if (layout.standardize)
      mergeStatistics(difference, differenceAt + layout.optimizerSlots, into, at + layout.optimizerSlots);
  }
  return holdFinite(into, at, layout.width);
}

/** (w, G, N) of each score, and what the reserved rows hold in the same places. */
const slotsPerScore = 3;

const largest = Math.fround(3.4028234663852886e38);

function holdFinite(rows: Float32Array, at: number, width: number): boolean {
  let isHeld = false;
  for (let slot = at; slot < at + width; slot++) {
    if (Number.isFinite(rows[slot])) continue;
    rows[slot] = rows[slot]! > 0 ? largest : -largest;
    isHeld = true;
  }
  return isHeld;
}

function subtractSlots(before: Float32Array, rows: Float32Array, at: number, count: number): void {
  for (let slot = at; slot < at + count; slot++) rows[slot] = rows[slot]! - before[slot]!;
}

function addSlots(
  difference: Float32Array,
  from: number,
  into: Float32Array,
  at: number,
  count: number,
): void {
  for (let slot = 0; slot < count; slot++) into[at + slot] = into[at + slot]! + difference[from + slot]!;
}

function subtractSums(layout: RowLayout, before: Float32Array, rows: Float32Array, at: number): void {
  const { optimizerSlots, standardize } = layout;
  for (let slot = 0; slot < optimizerSlots; slot++) {
    if (!isMaximum(layout, slot)) rows[at + slot] = rows[at + slot]! - before[at + slot]!;
  }
  if (standardize) subtractStatistics(before, at + optimizerSlots, rows, at + optimizerSlots);
}

function addSums(
  layout: RowLayout,
  difference: Float32Array,
  from: number,
  into: Float32Array,
  at: number,
): void {
  const { optimizerSlots, standardize } = layout;
  for (let slot = 0; slot < optimizerSlots; slot++) {
    const [present, made] = [into[at + slot]!, difference[from + slot]!];
    into[at + slot] = isMaximum(layout, slot) ? Math.max(present, made) : present + made;
  }
  if (standardize) mergeStatistics(difference, from + optimizerSlots, into, at + optimizerSlots);
}

/** The last slots of each score. */
function isMaximum({ optimizerSlots, classesMax, maxima }: RowLayout, slot: number): boolean {
  if (maxima === 0) return false;
  const slots = optimizerSlots / Math.max(1, classesMax);
  return slot % slots >= slots - maxima;
}

const isState = ({ stateKey, stateRows }: RowLayout, key: number): boolean =>
  key >= stateKey && key < stateKey + stateRows;
/** The last of the optimiser's rows is the labels' range, the one before it the sums. */
const isRange = ({ stateKey, stateRows }: RowLayout, key: number): boolean =>
  key === stateKey + stateRows - 1;

/** What was learned on top of the weight as it is in the new scale; the scale itself is no difference. */
function subtractNormalized(before: Float32Array, rows: Float32Array, at: number): void {
  const scale = rows[at + 2]!;
  const scaleBefore = before[at + 2]!;
  const kept = scale > 0 ? before[at]! * (scaleBefore / scale) : before[at]!;
  rows[at] = rows[at]! - kept;
  rows[at + 1] = rows[at + 1]! - before[at + 1]!;
}

function addNormalized(difference: Float32Array, from: number, into: Float32Array, at: number): void {
  const scale = Math.max(into[at + 2]!, difference[from + 2]!);
  if (scale === 0) return;
  const present = into[at]! * (into[at + 2]! / scale);
  into[at] = present + difference[from]! * (difference[from + 2]! / scale);
  into[at + 1] = into[at + 1]! + difference[from + 1]!;
  into[at + 2] = scale;
}

function subtractState(
  layout: RowLayout,
  key: number,
  before: Float32Array,
  rows: Float32Array,
  at: number,
): void {
  if (isRange(layout, key)) return;
  for (let slot = 0; slot < 2; slot++) rows[at + slot] = rows[at + slot]! - before[at + slot]!;
}

function addState(
  layout: RowLayout,
  key: number,
  difference: Float32Array,
  from: number,
  into: Float32Array,
  at: number,
): void {
  if (isRange(layout, key)) {
    into[at] = Math.min(into[at]!, difference[from]!);
    into[at + 1] = Math.max(into[at + 1]!, difference[from + 1]!);
  } else {
    for (let slot = 0; slot < 2; slot++) into[at + slot] = into[at + slot]! + difference[from + slot]!;
  }
}
