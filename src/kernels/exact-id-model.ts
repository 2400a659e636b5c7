/**
 * A model beside which ids have a table of their own (src/model/exact-ids.ts): finds the rows of an event's ids and
 * hands the event on with them as plain entries. Sightings are counted when an event is learned; a prediction changes
 * nothing. The progressive score is what a predictor would have answered, to which an id that this very event admits
 * adds nothing yet.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import { type RowReferences, referenceParts } from '../base/row-references.ts';
import type { ClassScores } from '../model/class-scores.ts';
import type { ExactIds, IdTag } from '../model/exact-ids.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { UndoLog } from '../model/undo-log.ts';
import type { EventView, OnlineModel, ReferenceRange } from './online-model.ts';
import type { ScoreReading } from './score-reading.ts';
import type { KernelReport } from './size-classes.ts';

export class ExactIdModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #inner: OnlineModel;
  readonly #ids: ExactIds;
  readonly #log = new UndoLog();
  #rows = new Uint32Array(64);
  #values = new Float32Array(64);
  #numeric = new Uint8Array(64);

  constructor(inner: OnlineModel, ids: ExactIds) {
    this.layout = inner.layout;
    this.#inner = inner;
    this.#ids = ids;
  }

  report(): KernelReport {
    return this.#inner.report();
  }

  get classes(): ClassScores | undefined {
    return this.#inner.classes;
  }

  predict(table: Float32Array, event: EventView): number {
    return this.#inner.predict(table, this.seen(table, event));
  }

  learn(table: Float32Array, event: EventView, label: ClassLabel, weight: number): number {
    const clock = clockRow(event);
    if (clock === undefined) return this.#inner.learn(table, event, label, weight);
    try {
      const now = this.#ids.clockAfter(this.#ids.clock(table, clock), event.time);
      const isKnown = this.#knowsAll(table, event.references!, now);
      const predicted = isKnown ? undefined : this.predict(table, event);
      const scores = predicted === undefined ? undefined : this.classes?.raw.slice(0, this.classes.count);
      this.#ids.setClock(table, clock, now, this.#log);
      const sighted = this.#with(event, (bucket, tag) => this.#ids.sight(table, bucket, tag, now, this.#log));
      const learned = this.#inner.learn(table, sighted, label, weight);
      this.#log.clear();
      if (scores !== undefined) this.classes!.retell(scores);
      return predicted ?? learned;
    } catch (error) {
      this.#log.undo(table);
      throw error;
    }
  }

  /** The event as a prediction sees it: with the ids that are admitted and have not expired. Valid until the next call. */
  seen(table: Float32Array, event: EventView): EventView {
    const clock = clockRow(event);
    if (clock === undefined) return event;
    const now = this.#ids.clock(table, clock);
    return this.#with(event, (bucket, tag) => this.#ids.find(table, bucket, tag, now));
  }

  /** What the inner model's reading says, with the ids as they are now. */
  readingOf(inner: ScoreReading): ScoreReading {
    const { weight, uncertainty } = inner;
    return {
      ...(weight && { weight }),
      seen: (table, event) => this.seen(table, event),
      contributions: (table, event, into) => inner.contributions(table, this.seen(table, event), into),
      ...(uncertainty && {
        uncertainty: (table, event) => uncertainty(table, this.seen(table, event)),
      }),
    };
  }

  /** Whether learning the event only counts sightings: no id begins to take part, and none is forgotten. */
  #knowsAll(table: Float32Array, { of, from, to }: ReferenceRange, now: number): boolean {
    for (let at = from; at < to; at++) {
      if (of.parts[at] !== referenceParts.exactId) continue;
      if (this.#ids.find(table, of.firsts[at]!, tagAt(of, at), now) === undefined) return false;
    }
    return true;
  }

  /** The event's own entries, then one for each id that has a row. */
  #with(event: EventView, rowOf: (bucket: number, tag: IdTag) => number | undefined): EventView {
    const { of, from, to } = event.references!;
    const plain = event.to - event.from;
    this.#reserve(plain + to - from);
    this.#rows.set(event.rows.subarray(event.from, event.to));
    this.#values.set(event.values.subarray(event.from, event.to));
    this.#numeric.set(event.numeric.subarray(event.from, event.to));
    let count = plain;
    for (let at = from; at < to; at++) {
      if (of.parts[at] !== referenceParts.exactId) continue;
      const row = rowOf(of.firsts[at]!, tagAt(of, at));
      if (row === undefined) continue;
      // Ids of one event may drive each other out of a full bucket; a row is in an event once.
      const known = this.#rows.indexOf(row, plain);
      if (known >= 0 && known < count) this.#values[known] = of.values[at]!;
      else {
        this.#rows[count] = row;
        this.#values[count] = of.values[at]!;
        this.#numeric[count++] = 0;
      }
    }
    const own = { rows: this.#rows, values: this.#values, numeric: this.#numeric };
    return { ...event, ...own, from: 0, to: count };
  }

  #reserve(entries: number): void {
    if (entries <= this.#rows.length) return;
    this.#rows = new Uint32Array(entries * 2);
    this.#values = new Float32Array(entries * 2);
    this.#numeric = new Uint8Array(entries * 2);
  }
}

/** The row of the clock, which an event with ids refers to. */
function clockRow({ references }: EventView): number | undefined {
  if (references === undefined) return undefined;
  const { of, from, to } = references;
  for (let at = from; at < to; at++) if (of.parts[at] === referenceParts.exactClock) return of.firsts[at]!;
  return undefined;
}

const tagAt = ({ tags }: RowReferences, at: number): IdTag => ({
  high: tags[2 * at]!,
  low: tags[2 * at + 1]!,
});
