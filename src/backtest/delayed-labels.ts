/**
 * A recorded log as it happened where labels come later: each event is predicted at its own time and learned when its
 * label arrives, before whatever is predicted at that time or later. Stream time is the latest time of an event so
 * far. Features are those of the prediction; what the model makes of them, such as aggregates, it makes when it learns.
 *
 * Labels that arrive after the last event are learned at the end, in their order; those that never arrive are not.
 */
import type { EventRow } from '../formats/records.ts';
import { Arrivals } from '../join/arrivals.ts';

export interface LabelDelay {
  /** How long each label takes; undefined where records say when theirs arrives (EventRow.labelTime). */
  readonly ms: number | undefined;
  readonly waitingMax: number;
}

/** An event, and the line on which it stands. */
export interface LoggedEvent {
  readonly line: number;
  readonly row: EventRow;
}

export interface LateLabels {
  /** Most events that waited at a time. */
  readonly waitingMost: number;
  readonly afterEnd: number;
  readonly never: number;
}

export class DelayedLabels {
  readonly #delay: LabelDelay;
  readonly #waiting: Arrivals<LoggedEvent>;
  #streamTime = Number.NEGATIVE_INFINITY;
  #afterEnd = 0;
  #never = 0;

  constructor(delay: LabelDelay) {
    this.#delay = delay;
    this.#waiting = new Arrivals(delay.waitingMax);
  }

  get counts(): LateLabels {
    return { waitingMost: this.#waiting.most, afterEnd: this.#afterEnd, never: this.#never };
  }

  /** What is learned before an event of this time is predicted. */
  before(timeMs: number): Iterable<LoggedEvent> {
    this.#streamTime = Math.max(this.#streamTime, timeMs);
    return this.#waiting.due(this.#streamTime);
  }

  /** Keeps a predicted event; gives what is learned right away. Throws MillraceError when too many wait. */
  predicted(event: LoggedEvent, timeMs: number): Iterable<LoggedEvent> {
    const { ms } = this.#delay;
    const arrival = ms === undefined ? event.row.labelTime : timeMs + ms;
    // A label that was there before its event is learned with it.
    if (arrival === undefined) this.#never++;
    else this.#waiting.add(event, Math.max(arrival, timeMs));
    return this.#waiting.due(this.#streamTime);
  }

  /** What is learned at the end. */
  *rest(): Generator<LoggedEvent> {
    this.#afterEnd = this.#waiting.count;
    yield* this.#waiting.due(Number.POSITIVE_INFINITY);
  }
}
