/**
 * A model with aggregate features (src/model/aggregates.ts) around one that knows nothing of them. The values of an
 * event's aggregates are worked out before the inner model sees it, and the event's own number goes in after its
 * step: predict first, then learn, so no label is part of its own feature. Both happen in the order of the log, on the
 * rows as they are then; a predictor reads the same rows of its replica.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import { referenceParts } from '../base/row-references.ts';
import { type AggregatePlace, labelOfEvent } from '../features/group-references.ts';
import type { Aggregate, Slots } from '../model/aggregates.ts';
import type { ClassScores } from '../model/class-scores.ts';
import type { RowLayout } from '../model/row-layout.ts';
import type { EventView, OnlineModel } from './online-model.ts';
import type { ScoreReading } from './score-reading.ts';
import type { KernelReport } from './size-classes.ts';

export interface PlacedAggregate {
  readonly aggregate: Aggregate;
  readonly place: AggregatePlace;
}

export class AggregatingModel implements OnlineModel {
  readonly #inner: OnlineModel;
  readonly #placed: readonly PlacedAggregate[];
  readonly #slots = new GroupSlots();

  constructor(inner: OnlineModel, placed: readonly PlacedAggregate[]) {
    this.#inner = inner;
    this.#placed = placed;
  }

  get layout(): RowLayout {
    return this.#inner.layout;
  }

  report(): KernelReport {
    return this.#inner.report();
  }

  get classes(): ClassScores | undefined {
    return this.#inner.classes;
  }

  predict(table: Float32Array, event: EventView): number {
    this.#evaluate(table, event);
    return this.#inner.predict(table, event);
  }

  learn(table: Float32Array, event: EventView, label: ClassLabel, weight: number): number {
    this.#evaluate(table, event);
    const raw = this.#inner.learn(table, event, label, weight);
    this.#eachGroup(table, event, ({ aggregate, place }, _, number) => {
      const observed = place.of === labelOfEvent ? numberOf(label) : number;
      if (!Number.isNaN(observed)) aggregate.observe(this.#slots, event.time, observed);
    });
    return raw;
  }

  /** What the inner model's reading says, for the aggregates' values as they are now. */
  readingOf({ seen, contributions, weight, uncertainty }: ScoreReading): ScoreReading {
    return {
      ...(weight && { weight }),
      seen: (table, event) => {
        this.#evaluate(table, event);
        return seen?.(table, event) ?? event;
      },
      contributions: (table, event, into) => {
        this.#evaluate(table, event);
        contributions(table, event, into);
      },
      ...(uncertainty && {
        uncertainty: (table, event) => {
          this.#evaluate(table, event);
          return uncertainty(table, event);
        },
      }),
    };
  }

  /** Writes the aggregates' values into `event.values`. Throws MillraceError when its time has no place in a window. */
  #evaluate(table: Float32Array, event: EventView): void {
    const weightsAt = event.to - this.#placed.length;
    this.#eachGroup(table, event, ({ aggregate }, index) => {
      aggregate.checkTime(event.time);
      event.values[weightsAt + index] = aggregate.value(this.#slots, event.time);
    });
  }

  /** Points the slots to each aggregate's group of the event, in turn. */
  #eachGroup(
    table: Float32Array,
    { references }: EventView,
    visit: (placed: PlacedAggregate, index: number, number: number) => void,
  ): void {
    const { of, from, to } = references!;
    for (let at = from; at < to; at++) {
      if (of.parts[at] !== referenceParts.aggregates) continue;
      const index = of.tags[2 * at + 1]!;
      this.#slots.point(table, of.firsts[at]! * this.layout.width);
      visit(this.#placed[index]!, index, of.values[at]!);
    }
  }
}

/** Of classes nothing but their count is an aggregate. */
const numberOf = (label: ClassLabel): number => (typeof label === 'number' ? label : 0);

/** The rows of one group lie together, so its slots do. */
class GroupSlots implements Slots {
  #table: Float32Array = new Float32Array(0);
  #first = 0;

  point(table: Float32Array, first: number): void {
    this.#table = table;
    this.#first = first;
  }

  get(slot: number): number {
    return this.#table[this.#first + slot]!;
  }

  set(slot: number, value: number): void {
    this.#table[this.#first + slot] = value;
  }
}
