/**
 * From a state to what was learned for it: the chain of epochs read backwards, as segments of the log in the order
 * in which they were learned. What a rollback left out lies between two segments; each has the settings and the
 * exclusions of its epoch. Pure but for reading entries.
 *
 *   empty -- epoch 1 --> version 3        epoch 9 starts from version 3, behind what it leaves out
 *                        version 3 ------ epoch 9 ------> the state at its marks
 */
import { MillraceError } from '../base/errors.ts';
import type { EpochEntry, Exclusion, LearningSettings } from '../protocol/internal.ts';

/** What an epoch had made of the log up to these marks: one, or one for each partition. */
export interface Place {
  readonly epoch: number;
  readonly marks: readonly number[];
}

/** A version to recompute from. One that unlearned is no place of its epoch, but may be what another began with. */
export interface PlanStart extends Place {
  readonly version: number;
  readonly unlearned: boolean;
}

export interface Segment {
  readonly epoch: number;
  /** Per partition: the last sequence that was there before, and the last one of this segment. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly exclusions: readonly Exclusion[];
  readonly settings: LearningSettings;
}

export type ReadEntry = (epoch: number) => Promise<EpochEntry | undefined>;

/** `without`: passed over as well. Throws MillraceError('conflict') where the chain does not lead back to the start. */
export async function planOf(
  target: Place,
  readEntry: ReadEntry,
  partitions: number,
  { start, without = [] }: { start?: PlanStart; without?: readonly Exclusion[] } = {},
): Promise<Segment[]> {
  const segments: Segment[] = [];
  let place = target;
  let passed = [...without];
  for (;;) {
    const { epoch } = place;
    const entry = await entryOf(readEntry, epoch);
    const to = wideMarks(place.marks, partitions);
    const exclusions = [...entry.exclusions, ...passed];
    if (isBefore(entry, to, partitions)) {
      place = { epoch: entry.from!.epoch, marks: place.marks };
      continue;
    }
    const isHere = start !== undefined && !start.unlearned && start.epoch === epoch;
    const isBase = start !== undefined && beginsWith(entry, start, partitions);
    const from = isHere && !isBase ? wideMarks(start.marks, partitions) : beginningOf(entry, partitions);
    if (from.some((mark, at) => mark > to[at]!)) throw notOnTheWay(start, target);
    segments.unshift({ epoch, from, to, exclusions, settings: entry.settings });
    if (isHere || isBase) return segments;
    if (entry.from === undefined) break;
    if (entry.lost !== undefined) throw heldOnlyInMemory(entry, epoch);
    passed = [...passed, ...(entry.unlearned ?? [])];
    place = entry.from;
  }
  if (start !== undefined) throw notOnTheWay(start, target);
  return segments;
}

/** The place is one of the epochs before, and this one has gone on from it or from behind it. */
const isBefore = ({ from, lost }: EpochEntry, to: Float64Array, partitions: number): boolean => {
  if (from === undefined || lost !== undefined) return false;
  const marks = wideMarks(from.marks, partitions);
  return to.every((mark, at) => mark <= marks[at]!) && to.some((mark, at) => mark < marks[at]!);
};

/** The marks with which an epoch began to learn. */
function beginningOf({ from, skipTo, lost }: EpochEntry, partitions: number): Float64Array {
  const ceiling = lost === undefined ? Number.POSITIVE_INFINITY : lost[0] - 1;
  return wideMarks(from?.marks ?? [0], partitions).map((mark) => Math.max(Math.min(mark, ceiling), skipTo));
}

const beginsWith = ({ base, from }: EpochEntry, start: PlanStart, partitions: number): boolean => {
  if (from === undefined || base !== start.version || from.epoch !== start.epoch) return false;
  const marks = wideMarks(start.marks, partitions);
  return wideMarks(from.marks, partitions).every((mark, at) => mark === marks[at]);
};

function wideMarks(marks: readonly number[], partitions: number): Float64Array {
  if (marks.length === 1) return new Float64Array(partitions).fill(marks[0]!);
  if (marks.length !== partitions)
    throw new MillraceError(
      'conflict',
      `the log was learned in ${marks.length} partitions, not ${partitions}`,
    );
  return Float64Array.from(marks);
}

async function entryOf(readEntry: ReadEntry, epoch: number) {
  const entry = await readEntry(epoch);
  const since = 'replay from a version that was made since';
  if (entry === undefined && epoch === 0)
    throw new MillraceError(
      'conflict',
      'the log does not say how the model began, which was saved by a backtest or imported; replay from its first version (--from 1)',
    );
  if (entry === undefined)
    throw new MillraceError('conflict', `the stream no longer says how epoch ${epoch} began; ${since}`);
  const { settings } = entry;
  if (settings === undefined)
    throw new MillraceError(
      'conflict',
      `epoch ${epoch} was begun by a Millrace that did not note its settings; ${since}`,
    );
  return { ...entry, settings };
}

const notOnTheWay = (start: PlanStart | undefined, target: Place): MillraceError =>
  new MillraceError(
    'conflict',
    `version ${start?.version ?? 0} is not on the way to sequence ${Math.min(...target.marks)} of epoch ${target.epoch}; replay from an earlier one, or from 0`,
  );

const heldOnlyInMemory = ({ lost, base }: EpochEntry, epoch: number): MillraceError =>
  new MillraceError(
    'conflict',
    `the parameters of epoch ${epoch} hold events that the server lost (sequences ${lost?.join(' to ')}), so the log alone does not give them; replay from ${base > 0 ? `version ${base}` : 'a version'} or a later one`,
  );
