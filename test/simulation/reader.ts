/** The ordered reader of a stream over a simulated connection: its position is its own, so a drop loses nothing. */
import type { LogEntry, LogReader } from '../../src/nats/channel.ts';
import type { Broker, Follower, StoredEntry } from './broker.ts';
import type { SimulatedChannel } from './network.ts';

export class SimulatedReader implements LogReader, Follower {
  readonly stream: string;
  /** What the broker sends next. */
  next: number;
  /** What is taken in next. */
  #wanted: number;
  readonly #channel: SimulatedChannel;
  readonly #broker: Broker;
  readonly #waiting: LogEntry[] = [];
  #ask: ((result: IteratorResult<LogEntry>) => void) | undefined;
  #ended = false;

  constructor(channel: SimulatedChannel, broker: Broker, stream: string, first: number) {
    this.#channel = channel;
    this.#broker = broker;
    this.stream = stream;
    this.next = first;
    this.#wanted = first;
  }

  /** At the broker: begins to send. */
  follow(): void {
    this.#broker.follow(this);
  }

  /** At the broker, on a new connection: begins again behind what was taken in. */
  resume(): void {
    if (this.#ended) return;
    this.#broker.unfollow(this);
    this.next = this.#wanted;
    this.follow();
  }

  take(entries: readonly StoredEntry[], lastSeq: number): void {
    this.#channel.down(() => {
      for (const entry of entries) {
        if (entry.seq < this.#wanted || this.#ended) continue;
        this.#wanted = entry.seq + 1;
        this.#hand(logEntryOf(entry, lastSeq - entry.seq));
      }
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<LogEntry> {
    return {
      next: () => this.#nextEntry(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    this.end();
    this.#channel.up(() => this.#broker.unfollow(this));
  }

  end(): void {
    this.#ended = true;
    this.#ask?.({ done: true, value: undefined });
    this.#ask = undefined;
  }

  #hand(entry: LogEntry): void {
    const ask = this.#ask;
    this.#ask = undefined;
    if (ask === undefined) this.#waiting.push(entry);
    else ask({ done: false, value: entry });
  }

  #nextEntry(): Promise<IteratorResult<LogEntry>> {
    const entry = this.#waiting.shift();
    if (entry !== undefined) return Promise.resolve({ done: false, value: entry });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#ask = resolve;
    });
  }
}

export function logEntryOf({ seq, subject, data, timeMs, headers }: StoredEntry, pending: number): LogEntry {
  const header = (name: string) =>
    Object.entries(headers).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  return { seq, subject, data, timeMs, pending, header };
}
