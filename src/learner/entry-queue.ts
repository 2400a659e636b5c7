/** Entries on their way from the stream to the learner: bounded by count and bytes; the reader waits when it is full. */
import { assert } from '../base/assert.ts';
import type { LogEntry } from '../nats/channel.ts';

export class EntryQueue {
  readonly #countMax: number;
  readonly #bytesMax: number;
  /** Places before the head are empty, so that nothing is held that is not queued. */
  #entries: (LogEntry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  push(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
    this.wake();
  }

  shift(): LogEntry {
    const entry = this.#entries[this.#head];
    assert(entry !== undefined, 'the queue is asked only when it holds something');
    this.#entries[this.#head++] = undefined;
    this.#bytes -= entry.data.length;
    if (this.#head === this.#entries.length || this.#head > 4096) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    if (!this.full) this.#wakeProducer?.();
    return entry;
  }

  /** Sequence of the entry at this place, or of the last one before it; only when there is any. */
  seqAt(place: number): number {
    const entry = this.#entries[this.#head + Math.min(place, this.length - 1)];
    assert(entry !== undefined, 'the queue is asked only when it holds something');
    return entry.seq;
  }

  get full(): boolean {
    return this.length >= this.#countMax || this.#bytes >= this.#bytesMax;
  }

  /** Resolves at the next push() or wake(). */
  wakeUp(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeConsumer = resolve;
    });
  }

  /** Resolves when there is room. */
  room(): Promise<void> {
    if (!this.full) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wakeProducer = resolve;
    });
  }

  wake(): void {
    this.#wakeConsumer?.();
    this.#wakeConsumer = undefined;
  }
}
