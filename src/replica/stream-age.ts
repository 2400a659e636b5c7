/**
 * How old a replica's knowledge is: the time since it last knew that it held all of the stream. A check asks the
 * stream for its end; when the replica has reached that end, it was complete as of the moment of asking.
 */
interface Check {
  readonly askedAtMs: number;
  readonly lastSeq: number;
}

/** Checks that wait for the replica at most; beyond it every second one is forgotten. */
const checksMax = 256;

export class StreamAge {
  #lastSeq = 0;
  /** A replica that has never known it yet is as old as the clock itself: any maxAgeMs finds it too old. */
  #completeAtMs = 0;
  #checks: Check[] = [];

  /** The stream's end as last seen. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  checked(askedAtMs: number, lastSeq: number, replicaSeq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
    this.#checks.push({ askedAtMs, lastSeq });
    if (this.#checks.length > checksMax) this.#checks = this.#checks.filter((_, place) => place % 2 === 1);
    this.reached(replicaSeq);
  }

  reached(replicaSeq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, replicaSeq);
    let passed = 0;
    while (passed < this.#checks.length && this.#checks[passed]!.lastSeq <= replicaSeq) passed++;
    if (passed === 0) return;
    this.#completeAtMs = Math.max(this.#completeAtMs, this.#checks[passed - 1]!.askedAtMs);
    this.#checks.splice(0, passed);
  }

  ageMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#completeAtMs);
  }
}
