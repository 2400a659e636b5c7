/**
 * Decides when a request may be answered: at once, or when the replica has reached `minSeq` and is no older than
 * `maxAgeMs`. Requests that must wait do so in a bounded room, and at most `waitMs`.
 */
import { MillraceError } from '../base/errors.ts';
import type { Freshness } from '../protocol/messages.ts';

export interface ReplicaView {
  readonly seq: number;
  readonly streamEnd: number;
  readonly leftOut: readonly (readonly [number, number])[];
  ageMs(): number;
}

export interface GateSettings {
  readonly waitMs: number;
  readonly waitersMax: number;
}

type Answer = (refusal?: MillraceError) => void;

interface Waiter {
  readonly options: Freshness;
  readonly answer: Answer;
  readonly timer: NodeJS.Timeout;
}

export class Gate {
  readonly #settings: GateSettings;
  readonly #view: () => ReplicaView;
  /** Asks for the stream's end again, now. */
  readonly #refresh: () => Promise<void>;
  readonly #waiters = new Set<Waiter>();

  constructor(settings: GateSettings, view: () => ReplicaView, refresh: () => Promise<void>) {
    this.#settings = settings;
    this.#view = view;
    this.#refresh = refresh;
  }

  /** Calls the answer exactly once, now or later. */
  admit(options: Freshness, answer: Answer): void {
    const refusal = this.#leftOut(options.minSeq);
    if (refusal !== undefined) answer(refusal);
    else if (this.#met(options)) answer();
    else if (this.#waiters.size >= this.#settings.waitersMax) answer(roomIsFull(this.#settings.waitersMax));
    else this.#wait(options, answer);
  }

  /** The replica or the stream's end has moved. */
  advanced(): void {
    for (const waiter of this.#waiters) {
      const refusal = this.#leftOut(waiter.options.minSeq);
      if (refusal !== undefined || this.#met(waiter.options)) this.#finish(waiter, refusal);
    }
  }

  close(): void {
    const refusal = new MillraceError('notReady', 'this predictor is stopping');
    for (const waiter of this.#waiters) this.#finish(waiter, refusal);
  }

  #wait(options: Freshness, answer: Answer): void {
    const timer = setTimeout(() => this.#finish(waiter, this.#tooLate(options)), this.#settings.waitMs);
    const waiter: Waiter = { options, answer, timer };
    this.#waiters.add(waiter);
    this.#refresh().then(
      () => this.#refuseBeyondEnd(waiter),
      // Without an answer about the stream's end the request waits for its time, and no longer.
      () => undefined,
    );
  }

  /** A sequence that the stream does not have yet was never anybody's receipt. */
  #refuseBeyondEnd(waiter: Waiter): void {
    const { minSeq } = waiter.options;
    const { streamEnd } = this.#view();
    if (minSeq === undefined || minSeq <= streamEnd || !this.#waiters.has(waiter)) return;
    this.#finish(
      waiter,
      new MillraceError('badInput', `minSeq: ${minSeq} is beyond the stream's end, ${streamEnd}`),
    );
  }

  #met({ minSeq, maxAgeMs }: Freshness): boolean {
    const view = this.#view();
    return (
      (minSeq === undefined || view.seq >= minSeq) && (maxAgeMs === undefined || view.ageMs() <= maxAgeMs)
    );
  }

  #leftOut(minSeq: number | undefined): MillraceError | undefined {
    if (minSeq === undefined) return undefined;
    const range = this.#view().leftOut.find(([first, last]) => minSeq >= first && minSeq <= last);
    if (range === undefined) return undefined;
    return new MillraceError(
      'conflict',
      `minSeq: ${minSeq} was left out by a rollback (${range[0]} to ${range[1]})`,
    );
  }

  #tooLate({ minSeq, maxAgeMs }: Freshness): MillraceError {
    const view = this.#view();
    const wanted = [
      ...(minSeq === undefined ? [] : [`minSeq ${minSeq} (the replica is at ${view.seq})`]),
      ...(maxAgeMs === undefined
        ? []
        : [`maxAgeMs ${maxAgeMs} (the replica's age is ${Math.round(view.ageMs())} ms)`]),
    ];
    return new MillraceError(
      'deadline',
      `not reached within ${this.#settings.waitMs} ms: ${wanted.join(', ')}`,
    );
  }

  #finish(waiter: Waiter, refusal: MillraceError | undefined): void {
    if (!this.#waiters.delete(waiter)) return;
    clearTimeout(waiter.timer);
    waiter.answer(refusal);
  }
}

const roomIsFull = (max: number): MillraceError =>
  new MillraceError('overloaded', `${max} requests already wait for minSeq or maxAgeMs (limits.waitersMax)`);
