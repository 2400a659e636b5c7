/**
 * Finds the event that ends a learner again and again. Pure: deaths come in, what to do about them goes out.
 *
 * What a life had taken up and not brought to an end is suspect. A life that ends with any of that still undone has
 * failed at it too. From the second failure on the suspects are learned message by message, so that whatever is not
 * to blame is done with. A place at which two lives in a row have ended is given up once there were `failuresMax`
 * failures: the event, or, when the lives end at different events of it, the message.
 */
import type { WorkPlace } from '../learner/work-board.ts';

export interface LearnerDeath {
  /** Undefined when the learner was waiting for somebody else. */
  readonly place: WorkPlace | undefined;
  /** Everything up to here was in the parameters for good. */
  readonly doneTo: number;
  /** Last sequence that was taken up. */
  readonly takenTo: number;
}

export type Verdict =
  /** It may have ended for any reason. */
  | { readonly kind: 'first' }
  /** The suspects, up to this sequence, are to be learned one by one. */
  | { readonly kind: 'search'; readonly suspectTo: number }
  | { readonly kind: 'giveUp'; readonly place: WorkPlace; readonly failures: number };

interface State {
  readonly failures: number;
  readonly suspectTo: number;
  readonly place: WorkPlace | undefined;
}

export class PoisonSearch {
  readonly #failuresMax: number;
  #state: State | undefined;

  constructor(failuresMax: number) {
    this.#failuresMax = failuresMax;
  }

  take({ place, doneTo, takenTo }: LearnerDeath): Verdict {
    const before = this.#state;
    const isAgain = before !== undefined && doneTo < before.suspectTo;
    const failures = isAgain ? before.failures + 1 : 1;
    const suspectTo = Math.max(isAgain ? before.suspectTo : takenTo, place?.seq ?? 0);
    this.#state = { failures, suspectTo, place };
    if (!isAgain) return { kind: 'first' };
    const found = this.#found(before.place, place, failures);
    return found === undefined ? { kind: 'search', suspectTo } : { kind: 'giveUp', place: found, failures };
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
