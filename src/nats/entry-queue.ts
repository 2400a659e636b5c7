/**
 * Between a callback that pushes and a loop that asks: what waits is handed out in order, and who asks too
 * early waits. The end is seen at once; a failure only after what came before it was read.
 */
import type { LogEntry } from './channel.ts';

interface Waiter {
  readonly resolve: (result: IteratorResult<LogEntry>) => void;
  readonly reject: (error: Error) => void;
}

const done: IteratorResult<LogEntry> = { done: true, value: undefined };

export class EntryQueue {
  readonly #onTaken: () => void;
  #waiting: LogEntry[] = [];
  #head = 0;
  #bytes = 0;
  #askers: Waiter[] = [];
  #ended = false;
  #failure: Error | undefined;

  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: LogEntry): void {
    if (this.#ended) return;
    const asker = this.#askers.shift();
    if (asker !== undefined) {
      asker.resolve({ done: false, value: entry });
      return;
    }
    this.#waiting.push(entry);
    this.#bytes += entry.data.byteLength;
  }

  next(): Promise<IteratorResult<LogEntry>> {
    if (this.length > 0) return Promise.resolve({ done: false, value: this.#take() });
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(done);
    return new Promise((resolve, reject) => this.#askers.push({ resolve, reject }));
  }

  #take(): LogEntry {
    const entry = this.#waiting[this.#head]!;
    this.#head += 1;
    this.#bytes -= entry.data.byteLength;
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
    this.#onTaken();
    return entry;
  }

  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
    for (const asker of this.#askers.splice(0)) asker.resolve(done);
  }

  fail(error: Error): void {
    this.#ended = true;
    this.#failure = error;
    for (const asker of this.#askers.splice(0)) asker.reject(error);
  }
}
