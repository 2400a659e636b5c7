/**
 * Finds the event that ends a learner again and again. Pure: deaths come in, what to do about them goes out.
 *
 *   done  ......... doneTo | taken up, and not brought to an end ......... takenTo | not looked at
 *
 * If an event is to blame it is one of those in the middle, at each death. So the suspects are what all deaths in a row
 * have in common; where they have nothing in common, no single event is to blame. From the second failure on the
 * suspects are learned message by message. A place at which two lives in a row have ended is given up once there
 * were `failuresMax` failures: the event, or, when the lives end at different events of it, the message.
 */
import type { WorkPlace } from '../learner/work-board.ts';

export interface LearnerDeath {
  /** Undefined when the learner was waiting for somebody else, or when it is not known. */
  readonly place: WorkPlace | undefined;
  /** Everything up to here was in the parameters for good. */
  readonly doneTo: number;
  /** Last sequence that was taken up. */
  readonly takenTo: number;
}

/** Messages behind `from`, up to `to`. */
export interface Suspects {
  readonly from: number;
  readonly to: number;
}

export interface SearchState {
  readonly failures: number;
  readonly suspects: Suspects;
  readonly place?: WorkPlace;
}

export type Verdict =
  /** It may have ended for any reason. */
  | { readonly kind: 'first'; readonly suspects: Suspects }
  | { readonly kind: 'search'; readonly suspects: Suspects }
  | { readonly kind: 'giveUp'; readonly place: WorkPlace; readonly failures: number };

export class PoisonSearch {
  readonly #failuresMax: number;
  #state: SearchState | undefined;

  constructor(failuresMax: number, state?: SearchState) {
    this.#failuresMax = failuresMax;
    this.#state = state;
  }

  get state(): SearchState | undefined {
    return this.#state;
  }

  take({ place, doneTo, takenTo }: LearnerDeath): Verdict {
    const before = this.#state;
    const here = { from: doneTo, to: takenTo };
    const common = before === undefined ? here : intersection(before.suspects, here);
    const isAgain = before !== undefined && common.from < common.to;
    const failures = isAgain ? before.failures + 1 : 1;
    const suspects = isAgain ? common : here;
    this.#state = { failures, suspects, ...(place === undefined ? {} : { place }) };
    if (!isAgain) return { kind: 'first', suspects };
    const found = this.#found(before.place, place, failures);
    return found === undefined ? { kind: 'search', suspects } : { kind: 'giveUp', place: found, failures };
  }

  /** Whether the deaths so far can belong to a search that comes to an end. */
  get isUnderWay(): boolean {
    const { failures = 0, place } = this.#state ?? {};
    return failures > 1 && failures <= 2 * this.#failuresMax && place !== undefined;
  }

  #found(before: WorkPlace | undefined, now: WorkPlace | undefined, failures: number): WorkPlace | undefined {
    if (failures < this.#failuresMax || now === undefined || before?.seq !== now.seq) return undefined;
    if (before.index === now.index) return now;
    return failures >= 2 * this.#failuresMax ? { seq: now.seq } : undefined;
  }
}

const intersection = (one: Suspects, other: Suspects): Suspects => ({
  from: Math.max(one.from, other.from),
  to: Math.min(one.to, other.to),
});
