/**
 * Core messaging in memory, one channel for everybody: publish, subscribe, request, in one order, each message as
 * its own bytes, delivered in a later turn of the event loop. Streams, buckets and services are not here. A test
 * can lose messages: what `loses` names is never delivered.
 */
import { type ErrorKind, errorCodes, MillraceError } from '../../src/base/errors.ts';
import type {
  Appended,
  Bucket,
  Channel,
  Headers,
  LogEntry,
  LogReader,
  Message,
  ObjectBucket,
  Service,
  StreamState,
  Subscription,
} from '../../src/nats/channel.ts';

type Handler = (message: Message) => void;
export type Answer = (data: Uint8Array, headers: Headers) => void;

const noStreams = () => Promise.reject(new MillraceError('notReady', 'a channel in memory has no streams'));

export class MemoryChannel implements Channel {
  readonly maxPayload = 1024 * 1024;
  readonly serverVersion = '0.0.0';
  /** Messages that get lost on their way; `reply` is true for answers. */
  loses: (subject: string, reply: boolean) => boolean = () => false;
  readonly streams = new Map<string, StreamState>();
  readonly appended: { subject: string; data: Uint8Array; msgId: string | undefined }[] = [];
  readonly #handlers = new Map<string, Set<Handler>>();
  #queue: (() => void)[] = [];

  publish(subject: string, data: Uint8Array, headers: Headers = {}): void {
    this.#deliver(subject, data, headers, undefined);
  }

  request(subject: string, data: Uint8Array, { timeoutMs }: { timeoutMs: number }): Promise<Message> {
    if (!this.#handlers.has(subject)) {
      return Promise.reject(new MillraceError('notReady', `nobody listens on ${subject}`));
    }
    return new Promise((resolve, reject) => {
      const late = () => reject(new MillraceError('deadline', `${subject}: no answer in ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      this.#deliver(subject, data, {}, (answer, headers) => {
        if (this.loses(subject, true)) return;
        this.#later(() => {
          clearTimeout(timer);
          const error = errorOf(headers);
          if (error === undefined) resolve(messageOf(subject, answer, headers, undefined));
          else reject(error);
        });
      });
    });
  }

  subscribe(subject: string, handler: Handler): Subscription {
    const handlers = this.#handlers.get(subject) ?? new Set();
    this.#handlers.set(subject, handlers.add(handler));
    const unsubscribe = () => {
      handlers.delete(handler);
      if (handlers.size === 0) this.#handlers.delete(subject);
    };
    return { unsubscribe, drain: async () => unsubscribe() };
  }

  async append(subject: string, data: Uint8Array, options: { msgId?: string } = {}): Promise<Appended> {
    const duplicate = this.appended.some(({ msgId }) => msgId !== undefined && msgId === options.msgId);
    if (!duplicate) this.appended.push({ subject, data, msgId: options.msgId });
    return { seq: this.appended.length, duplicate };
  }

  async streamState(name: string): Promise<StreamState | undefined> {
    return this.streams.get(name);
  }

  async entryAt(_stream: string, seq: number): Promise<LogEntry | undefined> {
    const found = this.appended[seq - 1];
    if (found === undefined) return undefined;
    return { seq, subject: found.subject, data: found.data, timeMs: 0, pending: 0, header: () => undefined };
  }

  ensureStream = (): Promise<StreamState> => noStreams();
  deleteStream = (): Promise<void> => noStreams();
  purgeStream = (): Promise<void> => noStreams();
  nextEntry = (): Promise<LogEntry | undefined> => noStreams();
  removeEntry = (): Promise<boolean> => noStreams();
  lastEntry = (): Promise<LogEntry | undefined> => noStreams();
  readFrom = (): Promise<LogReader> => noStreams();
  openBucket = (): Promise<Bucket> => noStreams();
  openObjects = (): Promise<ObjectBucket> => noStreams();
  serve = (): Promise<Service> => noStreams();
  onEvent(): void {}
  async flush(): Promise<void> {}
  async close(): Promise<void> {}

  #deliver(subject: string, data: Uint8Array, headers: Headers, answer: Answer | undefined): void {
    if (this.loses(subject, false)) return;
    const bytes = Uint8Array.from(data);
    this.#later(() => {
      for (const handler of this.#handlers.get(subject) ?? []) {
        handler(messageOf(subject, bytes, headers, answer));
      }
    });
  }

  #later(act: () => void): void {
    this.#queue.push(act);
    if (this.#queue.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const due = this.#queue;
    this.#queue = [];
    for (const act of due) act();
  }
}

export function messageOf(
  subject: string,
  data: Uint8Array,
  headers: Headers,
  answer: Answer | undefined,
): Message {
  const header = (name: string) =>
    Object.entries(headers).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  const respond = (bytes: Uint8Array, more: Headers = {}) => answer?.(Buffer.from(bytes), more);
  return { subject, data, header, respond, wantsReply: answer !== undefined };
}

export function errorOf(headers: Headers): MillraceError | undefined {
  if (headers['Nats-Service-Error-Code'] === undefined) return undefined;
  const code = Number(headers['Nats-Service-Error-Code']);
  const known = Object.entries(errorCodes).find(([, value]) => value === code);
  return known && new MillraceError(known[0] as ErrorKind, headers['Nats-Service-Error'] ?? '');
}
