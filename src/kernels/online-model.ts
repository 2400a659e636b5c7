/**
 * What every model is to those who run it: two functions on a table of rows. The same code serves the plain
 * sequential loop (the table is the whole model), a learner (its working set) and a predictor (its replica), so
 * that all three agree bit for bit.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import { MillraceError } from '../base/errors.ts';
import type { RowReferences } from '../base/row-references.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { ClassScores } from '../model/class-scores.ts';
import type { Loss } from '../model/losses.ts';
import type { RowLayout } from '../model/row-layout.ts';
import type { KernelReport } from './size-classes.ts';

/** An event as a model sees it: entries `from` to `to` of parallel arrays. `rows[i]` is a row number of the table. */
export interface EventView {
  readonly rows: Uint32Array;
  readonly values: Float32Array;
  readonly numeric: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Key of each row of the table; undefined where a row's number is its key. */
  readonly keys: Uint32Array | undefined;
  /** When it happened: the event's own time, else the stream's, ms since the epoch. */
  readonly time: number;
  /** What the event refers to beside its entries; undefined when there is nothing. */
  readonly references: ReferenceRange | undefined;
}

/** References `from` to `to` of a list; `firsts` are row numbers of the table. */
export interface ReferenceRange {
  readonly of: RowReferences;
  readonly from: number;
  readonly to: number;
}

/** One event alone, in a table that is the whole model. */
export const viewOf = (vector: SparseVector, time = 0): EventView => ({
  rows: vector.keys,
  values: vector.values,
  numeric: vector.numeric,
  from: 0,
  to: vector.count,
  keys: undefined,
  time,
  references:
    vector.references.count === 0
      ? undefined
      : { of: vector.references, from: 0, to: vector.references.count },
});

export interface OnlineModel {
  readonly layout: RowLayout;
  report(): KernelReport;
  /** Of a model of several classes: what its last call came to. */
  readonly classes?: ClassScores | undefined;
  /** Raw score of the event, of several that of the best class; changes nothing. Throws MillraceError when it is not finite. */
  predict(table: Float32Array, event: EventView): number;
  /**
   * One step on the event's rows; returns the raw score from before it. All or nothing: throws MillraceError,
   * with the table untouched, when a score, a gradient or a parameter would not be finite.
   */
  learn(table: Float32Array, event: EventView, label: ClassLabel, weight: number): number;
}

/** Buffers of a kernel for events of up to `size` coordinates: planes of slots, and values. */
export interface EventBuffers {
  readonly size: number;
  readonly rows: Float32Array;
  readonly values: Float32Array;
}

/** Copies the event's rows and values into the planes; what is beyond the event is 0. */
export function gather(layout: RowLayout, table: Float32Array, event: EventView, into: EventBuffers): void {
  gatherRows(layout, table, event, into);
  gatherValues(event, into);
}

export function gatherRows(
  { width, offset, optimizerSlots }: RowLayout,
  table: Float32Array,
  event: EventView,
  { rows, size }: EventBuffers,
): void {
  const count = event.to - event.from;
  for (let i = 0; i < count; i++) {
    const at = event.rows[event.from + i]! * width + offset;
    for (let slot = 0; slot < optimizerSlots; slot++) rows[slot * size + i] = table[at + slot]!;
  }
  for (let slot = 0; slot < optimizerSlots; slot++) rows.fill(0, slot * size + count, (slot + 1) * size);
}

export function gatherValues(event: EventView, { values }: EventBuffers): void {
  const count = event.to - event.from;
  for (let i = 0; i < count; i++) values[i] = event.values[event.from + i]!;
  values.fill(0, count);
}

/** Copies stepped planes back to the event's rows. */
export function scatter(
  layout: RowLayout,
  stepped: Float32Array,
  table: Float32Array,
  event: EventView,
  size: number,
): void {
  const { width, offset, optimizerSlots } = layout;
  const count = event.to - event.from;
  for (let i = 0; i < count; i++) {
    const at = event.rows[event.from + i]! * width + offset;
    for (let slot = 0; slot < optimizerSlots; slot++) table[at + slot] = stepped[slot * size + i]!;
  }
}

/** A product with zero is not a number exactly when a factor is not finite. */
export function allFinite(numbers: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]! * 0;
  return sum === 0;
}

export function finiteScore(raw: number): number {
  if (!Number.isFinite(raw)) throw divergence('the score');
  return raw;
}

/** Throws MillraceError('badInput') for a label that the loss has no meaning for. */
export function requireLabel({ name, labelMin }: Loss, label: number): void {
  if (labelMin === undefined || label >= labelMin) return;
  throw new MillraceError('badInput', `label: expected at least ${labelMin} with loss ${name}, got ${label}`);
}

export const divergence = (what: string): MillraceError =>
  new MillraceError('badInput', `${what} is not finite: lower the learning rate or scale the features`);
