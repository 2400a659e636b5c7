/**
 * How long requests have waited before this thread reads them: in the socket, and at the broker when that is full.
 * The answer to a ping stands in one line with them, so its round trip is their wait. Asked while requests come, at
 * most every `intervalMs`, and after a long wait until it is over; a ping that is under way says already that the wait
 * is no shorter than this.
 */
const intervalMs = 50;

export class ReadingLag {
  readonly #ping: () => Promise<void>;
  readonly #now: () => number;
  #lastMs = 0;
  #sentMs: number | undefined;
  #nextMs = 0;

  /** `now` is in milliseconds, monotonic. */
  constructor(ping: () => Promise<void>, now: () => number) {
    this.#ping = ping;
    this.#now = now;
  }

  /** Of what is read at this moment. */
  ms(): number {
    const nowMs = this.#now();
    if (this.#sentMs === undefined && nowMs >= this.#nextMs) {
      // Where requests wait, others are read all the while: after a pause the last wait says nothing.
      if (nowMs >= this.#nextMs + intervalMs) this.#lastMs = 0;
      this.#ask(nowMs);
    }
    return Math.max(this.#lastMs, nowMs - (this.#sentMs ?? nowMs));
  }

  #ask(sentMs: number): void {
    this.#sentMs = sentMs;
    const heard = (lagMs: number) => {
      const nowMs = this.#now();
      this.#sentMs = undefined;
      this.#nextMs = nowMs + intervalMs;
      this.#lastMs = lagMs;
      if (lagMs > intervalMs) this.#ask(nowMs);
    };
    this.#ping().then(
      () => heard(this.#now() - sentMs),
      // Away from the broker nothing comes, and nothing waits there.
      () => heard(0),
    );
  }
}
