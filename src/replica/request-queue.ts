/**
 * Requests that have been read and wait for their turn. A predictor that gets more than it can serve must go on
 * reading: what is not read waits in the socket and at the broker, where nothing bounds or answers it. So requests
 * are taken off the connection first and served in slices, between which the thread reads what has come. A request
 * that finds the queue full, or has waited too long when its turn comes, is refused: the others stay within their
 * latency. The wait begins where the broker had the request, as far as that can be told (src/replica/reading-lag.ts).
 *
 *   read, read, read | serve a slice | read, read | serve a slice | ...
 */
export interface RequestQueueSettings {
  readonly predictQueueMax: number;
  /** Of what the requests carry; one alone may be larger. */
  readonly predictQueueBytesMax: number;
  readonly predictQueueMs: number;
}

/** `full`: there were too many before it; `late`: it has waited too long. */
export type Shed = 'full' | 'late';

interface Waiting<Request> {
  readonly request: Request;
  readonly bytes: number;
  readonly sinceMs: number;
}

/** Time for requests in one turn of the event loop: short beside any latency, long beside what a turn costs. */
const sliceMs = 2;

export class RequestQueue<Request> {
  readonly #settings: RequestQueueSettings;
  readonly #serve: (request: Request) => void;
  readonly #shed: (request: Request, why: Shed) => void;
  readonly #now: () => number;
  readonly #readingLagMs: () => number;
  #waiting: Waiting<Request>[] = [];
  /** How many of these have had their turn. */
  #taken = 0;
  #bytes = 0;
  #isDue = false;

  /** Neither `serve` nor `shed` may throw. `now` is in milliseconds, monotonic. */
  constructor(
    settings: RequestQueueSettings,
    serve: (request: Request) => void,
    shed: (request: Request, why: Shed) => void,
    now: () => number,
    readingLagMs: () => number,
  ) {
    this.#settings = settings;
    this.#serve = serve;
    this.#shed = shed;
    this.#now = now;
    this.#readingLagMs = readingLagMs;
  }

  get length(): number {
    return this.#waiting.length - this.#taken;
  }

  /** Serves or sheds the request, in a later turn of the event loop or at once. */
  offer(request: Request, bytes: number): void {
    const { predictQueueMs } = this.#settings;
    const lagMs = this.#readingLagMs();
    if (this.#isFullFor(bytes)) this.#shed(request, 'full');
    else if (lagMs > predictQueueMs) this.#shed(request, 'late');
    else {
      this.#bytes += bytes;
      this.#waiting.push({ request, bytes, sinceMs: this.#now() - lagMs });
      this.#schedule();
    }
  }

  /** Serves everything that waits: nothing more is coming. */
  close(): void {
    while (this.length > 0) this.#serve(this.#next().request);
  }

  #isFullFor(bytes: number): boolean {
    const { predictQueueMax, predictQueueBytesMax } = this.#settings;
    return this.length >= predictQueueMax || (this.length > 0 && this.#bytes + bytes > predictQueueBytesMax);
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { predictQueueMs } = this.#settings;
    const untilMs = this.#now() + sliceMs;
    while (this.length > 0) {
      const nowMs = this.#now();
      if (nowMs >= untilMs) {
        this.#schedule();
        return;
      }
      const { request, sinceMs } = this.#next();
      if (nowMs - sinceMs > predictQueueMs) this.#shed(request, 'late');
      else this.#serve(request);
    }
  }

  #next(): Waiting<Request> {
    const next = this.#waiting[this.#taken++]!;
    this.#bytes -= next.bytes;
    // What has been served is let go of in halves: to shift each one would move all the others.
    if (this.#taken * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#taken);
      this.#taken = 0;
    }
    return next;
  }
}
