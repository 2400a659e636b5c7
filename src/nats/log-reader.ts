/**
 * The ordered reader of a stream. The position is ours: an ephemeral consumer without acks delivers from
 * position + 1, and on any doubt (a gap, silence, a lost consumer, a reconnect, a stream that grows while
 * nothing comes) it is thrown away and made again from there. So nothing is lost and nothing comes twice.
 *
 *   stream --pull(n)--> [ entries waiting ] --next()--> caller
 *
 * Invariant: entries waiting + entries asked for <= capacity, and a new pull waits while many bytes wait.
 * (The library's own ordered consumer pulls as fast as the server gives, whether anybody reads or not: the
 * backlog of a slow reader would end up in memory.)
 */
import type { ConsumerInfo, Msg } from 'nats';
import { createInbox, nanos, nuid, type Subscription } from 'nats';
import { type ErrorKind, MillraceError } from '../base/errors.ts';
import type { LogEntry, LogReader } from './channel.ts';
import { EntryQueue } from './entry-queue.ts';
import { DeliveredEntry, readDelivery } from './log-entry.ts';
import { operatingError } from './nats-errors.ts';
import { createConsumer, deleteConsumer, type LogSource, streamIdentity } from './ordered-consumer.ts';
import { lookUpEntry, streamState } from './streams.ts';

const capacity = 1_000;
const bytesWaitingMax = 8 * 1024 * 1024;
const pullBytesLeast = 16 * 1024 * 1024;
const expiresMs = 4_000;
const heartbeatMs = 1_000;
/**
 * Silence is counted in ticks of our own timer: a thread that computes for seconds gets one tick for all of
 * them, and then first the messages that have waited.
 */
const tickMs = 500;
/** A consumer that sends neither entries nor heartbeats for so long is gone. */
const silentTicksMax = 7;
/** So long without an entry, the stream's end is compared with the position. */
const stallTicks = 5;
const retryFirstMs = 50;
const retryMostMs = 1_000;
/** A server that comes back may not know its streams at once; what is refused for longer stays refused. */
const patienceMs = 5_000;

export async function openLogReader(source: LogSource, stream: string, seq: number): Promise<LogReader> {
  const reader = new PullReader(source, stream, Math.max(1, seq) - 1);
  await reader.open();
  return reader;
}

class PullReader implements LogReader {
  readonly #source: LogSource;
  readonly #stream: string;
  readonly #queue: EntryQueue;
  /** Last sequence that was taken into the queue. */
  #position: number;
  #last: LogEntry | undefined;
  #created = '';
  #consumer: ConsumerInfo | undefined;
  #inbox = '';
  #subscription: Subscription | undefined;
  /** Grows with every attempt to make the consumer anew; an older attempt that still runs gives up. */
  #attempt = 0;
  #rebuilding = false;
  #closed = false;
  #deliverySeq = 0;
  #askedFor = 0;
  #pullBytesFactor = 1;
  #barren = true;
  #silentTicks = 0;
  #entrylessTicks = 0;
  #stalledAt = -1;
  #ticker: NodeJS.Timeout | undefined;
  #forget: () => void = () => {};

  constructor(source: LogSource, stream: string, position: number) {
    this.#source = source;
    this.#stream = stream;
    this.#position = position;
    this.#queue = new EntryQueue(() => this.#refill());
  }

  async open(): Promise<void> {
    this.#created = (await streamIdentity(this.#source, this.#stream, this.#position)).created;
    await this.#build(this.#attempt);
    this.#ticker = setInterval(() => this.#tick(), tickMs).unref();
    this.#forget = this.#source.onEvent((event, detail) => {
      if (event === 'reconnect') this.#rebuild();
      if (event !== 'closed') return;
      if (detail === '') void this.close();
      else this.#fail(new MillraceError('notReady', `read stream ${this.#stream}: ${detail}`));
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<LogEntry> {
    return {
      next: () => this.#queue.next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#release();
    this.#queue.end();
  }

  #fail(error: MillraceError): void {
    if (this.#closed) return;
    this.#release();
    this.#queue.fail(error);
  }

  #release(): void {
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#forget();
    this.#drop();
  }

  /** Forgets the present consumer; whatever it still sends meets no subscription. */
  #drop(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    if (this.#consumer !== undefined) deleteConsumer(this.#source, this.#stream, this.#consumer.name);
    this.#consumer = undefined;
    this.#askedFor = 0;
  }

  async #build(attempt: number): Promise<void> {
    const name = `millrace-${nuid.next()}`;
    const consumer = await createConsumer(this.#source, this.#stream, name, this.#position + 1);
    if (this.#closed || attempt !== this.#attempt) {
      deleteConsumer(this.#source, this.#stream, name);
      return;
    }
    this.#consumer = consumer;
    this.#deliverySeq = 0;
    this.#askedFor = 0;
    this.#silentTicks = 0;
    this.#inbox = createInbox(this.#source.inboxPrefix);
    this.#subscription = this.#source.connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error) this.#fail(operatingError(error, `read stream ${this.#stream}`));
        else this.#receive(message);
      },
    });
    this.#refill();
  }

  #rebuild(): void {
    if (this.#closed) return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#rebuilding = true;
    this.#drop();
    this.#buildUntilDone(attempt)
      .catch((thrown: unknown) => {
        if (attempt === this.#attempt) this.#fail(operatingError(thrown, `read stream ${this.#stream}`));
      })
      .finally(() => {
        if (attempt === this.#attempt) this.#rebuilding = false;
      });
  }

  /** While the connection is away it rests: the reconnect starts the next attempt. */
  async #buildUntilDone(attempt: number): Promise<void> {
    const patienceEnds = performance.now() + patienceMs;
    let waitMs = retryFirstMs;
    while (!this.#closed && attempt === this.#attempt && this.#source.connected) {
      try {
        const { created, firstSeq } = await streamIdentity(this.#source, this.#stream, this.#position);
        if (created !== this.#created) throw replaced(this.#stream, this.#position);
        await this.#compareLast(firstSeq);
        return await this.#build(attempt);
      } catch (thrown) {
        const error = operatingError(thrown, `read stream ${this.#stream}`);
        const patient = transient.has(error.kind) || performance.now() < patienceEnds;
        if (error.kind === 'conflict' || !patient) throw error;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        waitMs = Math.min(retryMostMs, waitMs * 2);
      }
    }
  }

  /** A log that lost entries and grew again has others at sequences that were read. */
  async #compareLast(firstSeq: number): Promise<void> {
    const last = this.#last;
    if (last === undefined || last.seq !== this.#position || last.seq < firstSeq) return;
    const entry = await lookUpEntry(this.#source.manager, this.#stream, { seq: last.seq });
    if (entry !== undefined && entry.timeMs === last.timeMs && Buffer.compare(entry.data, last.data) === 0)
      return;
    throw new MillraceError(
      'conflict',
      `stream ${this.#stream} has another entry at ${last.seq}, which was read: the server lost entries`,
    );
  }

  #receive(message: Msg): void {
    this.#silentTicks = 0;
    // Entries keep the subject they were published on; only the consumer's own words come on the inbox.
    if (message.subject === this.#inbox) this.#hear(message);
    else this.#take(message);
  }

  #take(message: Msg): void {
    const delivery = readDelivery(message.reply ?? '');
    if (delivery.deliverySeq !== this.#deliverySeq + 1 || delivery.seq <= this.#position) {
      this.#rebuild();
      return;
    }
    this.#deliverySeq = delivery.deliverySeq;
    this.#position = delivery.seq;
    this.#askedFor = Math.max(0, this.#askedFor - 1);
    this.#entrylessTicks = 0;
    this.#barren = false;
    this.#pullBytesFactor = 1;
    this.#last = new DeliveredEntry(message, delivery);
    this.#queue.push(this.#last);
    this.#refill();
  }

  #hear(message: Msg): void {
    const { code = 0, description = '' } = message.headers ?? {};
    const gone = code === 503 || (code === 409 && /consumer deleted|server shutdown/i.test(description));
    if (gone) this.#rebuild();
    else if (code === 400) this.#fail(refusedDelivery(this.#stream, description));
    else if (code !== 100) this.#endPull(message, description);
  }

  #endPull(message: Msg, description: string): void {
    // An entry larger than the bytes asked for ends every pull before it comes: then more must be asked for.
    if (this.#barren && /maxbytes/i.test(description)) this.#pullBytesFactor *= 2;
    const left = Number(message.headers?.get('Nats-Pending-Messages') || this.#askedFor);
    this.#askedFor = Math.max(0, this.#askedFor - left);
    this.#refill();
  }

  #refill(): void {
    if (this.#consumer === undefined || this.#closed) return;
    const free = capacity - this.#queue.length - this.#askedFor;
    if (free < capacity / 2 || this.#queue.bytes > bytesWaitingMax) return;
    this.#askedFor += free;
    this.#barren = true;
    const request = {
      batch: free,
      max_bytes: Math.max(pullBytesLeast, 2 * this.#source.maxPayload) * this.#pullBytesFactor,
      expires: nanos(expiresMs),
      idle_heartbeat: nanos(heartbeatMs),
    };
    const subject = `${this.#source.apiPrefix}.CONSUMER.MSG.NEXT.${this.#stream}.${this.#consumer.name}`;
    this.#source.connection.publish(subject, JSON.stringify(request), { reply: this.#inbox });
  }

  #tick(): void {
    if (this.#rebuilding || !this.#source.connected || this.#askedFor === 0) return;
    this.#silentTicks += 1;
    this.#entrylessTicks += 1;
    if (this.#silentTicks > silentTicksMax) this.#rebuild();
    else if (this.#entrylessTicks % stallTicks === 0) void this.#compareWithEnd();
  }

  /** Two looks, a while apart, at a stream that has grown while nothing came: then the consumer is stuck. */
  async #compareWithEnd(): Promise<void> {
    const position = this.#position;
    const state = await streamState(this.#source.manager, this.#stream).catch(() => undefined);
    if (state === undefined || state.lastSeq <= position || position !== this.#position) return;
    const stuck = this.#stalledAt === position;
    this.#stalledAt = stuck ? -1 : position;
    if (stuck) this.#rebuild();
  }
}

const transient: ReadonlySet<ErrorKind> = new Set(['notReady', 'deadline', 'overloaded']);

const refusedDelivery = (stream: string, words: string): MillraceError =>
  new MillraceError('internal', `the server refused to deliver stream ${stream}: ${words}`);

const replaced = (stream: string, position: number): MillraceError =>
  new MillraceError(
    'conflict',
    `stream ${stream} was deleted and made anew while it was read at ${position}`,
  );
