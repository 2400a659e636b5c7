/**
 * A cut is one consistent point across all learners (Chandy, Lamport 1985, with the learners as the only
 * senders): each learner sends a marker between two batches; a shard holds back whoever is past its marker until
 * all markers are in, takes its picture, and lets everybody go on. One cut at a time.
 */
import { MillraceError } from '../base/errors.ts';

export class CutBarrier {
  readonly #learners: number;
  #cut: string | undefined;
  readonly #arrived = new Set<number>();
  readonly #held: (() => void)[] = [];
  #complete: ((error?: MillraceError) => void) | undefined;

  constructor(learners: number) {
    this.#learners = learners;
  }

  /** Opens a cut; `complete` is called once, when all markers are in, or with an error when another cut replaces it. */
  open(cut: string, complete: (error?: MillraceError) => void): void {
    this.abandon(this.#cut, new MillraceError('conflict', `cut ${this.#cut} was replaced by ${cut}`));
    this.#cut = cut;
    this.#complete = complete;
  }

  /** A marker of a cut that is not open here (given up, or not known yet) holds nobody: that cut will time out. */
  marker(cut: string, learner: number): void {
    if (cut !== this.#cut) return;
    this.#arrived.add(learner);
    this.#check();
  }

  /** Runs the work now, or after the cut when this learner is past its marker. */
  pass(learner: number, work: () => void): void {
    if (this.#complete !== undefined && this.#arrived.has(learner)) this.#held.push(work);
    else work();
  }

  /** Gives the cut up, if it is still waiting, and lets everybody go on. */
  abandon(cut: string | undefined, reason: MillraceError): void {
    if (cut === undefined || cut !== this.#cut) return;
    const complete = this.#complete;
    this.#reset();
    complete?.(reason);
  }

  #check(): void {
    if (this.#complete === undefined || this.#arrived.size < this.#learners) return;
    const complete = this.#complete;
    this.#complete = undefined;
    complete();
    this.#reset();
  }

  #reset(): void {
    this.#cut = undefined;
    this.#complete = undefined;
    this.#arrived.clear();
    for (const work of this.#held.splice(0)) work();
  }
}
