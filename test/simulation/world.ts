/**
 * Time and turns of a simulated system in one thread. Everything that happens is an event with a time and an
 * owner; after each event all promises that it settled run to their end before the next event begins, so an
 * owner can be stopped between any two of its awaits, and nowhere else.
 *
 *   alive   its events run when they are due
 *   hung    they are kept, in order, and run when it wakes
 *   dead    they never run
 *
 * Timers and clocks of the platform are replaced while a world runs: a timer belongs to the owner at work when
 * it was set. No real time passes and nothing real is waited for.
 */
export interface Owner {
  readonly name: string;
  state: 'alive' | 'hung' | 'dead';
  /** Events that came due while it was hung. */
  backlog: WorldEvent[];
  /** Something was thrown in one of its events and caught by nobody. */
  stray(error: unknown): void;
}

export interface WorldEvent {
  at: number;
  order: number;
  readonly owner: Owner;
  readonly act: () => void;
  cancelled: boolean;
}

/** Where simulated clocks begin, ms since the epoch. */
export const worldBeganMs = Date.UTC(2026, 10, 2, 9);

export class World {
  now = 0;
  /** Whose event is at work. */
  current: Owner;
  readonly fate: Owner;
  /** Events that ran. */
  steps = 0;
  /** A fingerprint of what happened when to whom. */
  digest = 0x811c9dc5;
  /** Called after each event and all that followed from it. */
  inspect: () => void = () => undefined;
  readonly #heap: WorldEvent[] = [];
  #order = 0;
  #failure: unknown;

  constructor() {
    this.fate = this.owner('fate', (error) => this.fail(error));
    this.current = this.fate;
  }

  owner(name: string, stray: (error: unknown) => void): Owner {
    return { name, state: 'alive', backlog: [], stray };
  }

  /** Ends the run with this error. */
  fail(error: unknown): void {
    this.#failure ??= error ?? new Error('failed without an error');
  }

  after(owner: Owner, delayMs: number, act: () => void): WorldEvent {
    return this.at(owner, this.now + delayMs, act);
  }

  at(owner: Owner, at: number, act: () => void): WorldEvent {
    const event = { at, order: this.#order++, owner, act, cancelled: false };
    this.#push(event);
    return event;
  }

  hang(owner: Owner): void {
    if (owner.state === 'alive') owner.state = 'hung';
  }

  wake(owner: Owner): void {
    if (owner.state !== 'hung') return;
    owner.state = 'alive';
    for (const event of owner.backlog.splice(0)) {
      event.at = this.now;
      event.order = this.#order++;
      this.#push(event);
    }
  }

  kill(owner: Owner): void {
    owner.state = 'dead';
    owner.backlog.length = 0;
  }

  /** Mixes something that happened into the fingerprint. */
  note(number: number): void {
    this.digest = Math.imul(this.digest ^ number, 0x01000193);
  }

  /** Runs events until `done`, checked after each; rejects with what failed, or when the time is up. */
  run(done: () => boolean, limitMs: number, what: string): Promise<void> {
    const until = this.now + limitMs;
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          this.inspect();
          if (this.#failure !== undefined) throw this.#failure;
          if (done()) return resolve();
          const event = this.#next();
          if (event === undefined) throw new Error(`nothing more happens, and still not: ${what}`);
          if (event.at > until) throw new Error(`not within ${limitMs} simulated ms: ${what}`);
          this.#take(event);
        } catch (error) {
          return reject(error);
        }
        void settled.then(turn);
      };
      // A tick that is asked for in a microtask comes after all microtasks, and before anything real. (A promise's
      // is the cheapest microtask: queueMicrotask makes an asynchronous resource for each.)
      const settled = Promise.resolve();
      const turn = () => process.nextTick(step);
      process.nextTick(step);
    });
  }

  #take(event: WorldEvent): void {
    this.now = Math.max(this.now, event.at);
    if (event.owner.state === 'hung') {
      event.owner.backlog.push(event);
      return;
    }
    this.steps++;
    this.note(event.order);
    this.note(Math.round(this.now * 1000));
    this.current = event.owner;
    try {
      event.act();
    } catch (error) {
      event.owner.stray(error);
    }
  }

  #next(): WorldEvent | undefined {
    for (;;) {
      const event = this.#pop();
      if (event === undefined || (!event.cancelled && event.owner.state !== 'dead')) return event;
    }
  }

  #push(event: WorldEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): WorldEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (one: WorldEvent, other: WorldEvent): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);
