/**
 * Entries of a stream, from the two places they come from: a consumer's delivery and a single look-up.
 * Both give the same entry the same `timeMs`, to the last bit: the server's nanoseconds are split into whole
 * milliseconds and a rest before anything becomes a floating-point number.
 */
import type { Msg, StoredMsg } from 'nats';
import { assert } from '../base/assert.ts';
import type { LogEntry } from './channel.ts';
import { findHeader } from './wire-message.ts';

const nanosPerMs = 1e6;
const digitsBelowMs = 6;

/** What the server writes into the reply subject of a delivered entry. */
export interface Delivery {
  readonly seq: number;
  /** 1, 2, 3 ... within one consumer: a gap is an entry lost on the way. */
  readonly deliverySeq: number;
  readonly timeMs: number;
  readonly pending: number;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<deliverySeq>.<nanos>.<pending>`; servers may put a
 * domain and an account hash after `ACK`, and a random token at the end.
 */
export function readDelivery(reply: string): Delivery {
  const tokens = reply.split('.');
  const first = tokens.length === 9 ? 5 : 7;
  assert(
    tokens[0] === '$JS' && tokens[1] === 'ACK' && tokens.length >= 9,
    `a delivered entry has the reply subject ${reply}, which is none of JetStream`,
  );
  return {
    seq: Number(tokens[first]),
    deliverySeq: Number(tokens[first + 1]),
    timeMs: msOfNanos(tokens[first + 2]!),
    pending: Number(tokens[first + 3]),
  };
}

function msOfNanos(nanos: string): number {
  const cut = nanos.length - digitsBelowMs;
  return Number(nanos.slice(0, cut)) + Number(nanos.slice(cut)) / nanosPerMs;
}

/** RFC 3339 with up to nine digits of a second, such as 2026-11-23T10:00:00.123456789Z. */
export function msOfTimestamp(timestamp: string): number {
  const match = /^(.*?\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(timestamp);
  assert(match !== null, `the server stamped an entry "${timestamp}", which is no time`);
  const nanos = (match[2] ?? '').padEnd(9, '0');
  const cut = nanos.length - digitsBelowMs;
  const wholeMs = Date.parse(`${match[1]}${match[3]}`) + Number(nanos.slice(0, cut));
  return wholeMs + Number(nanos.slice(cut)) / nanosPerMs;
}

export class DeliveredEntry implements LogEntry {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly timeMs: number;
  readonly pending: number;
  readonly #message: Msg;

  constructor(message: Msg, delivery: Delivery) {
    this.seq = delivery.seq;
    this.subject = message.subject;
    this.data = message.data;
    this.timeMs = delivery.timeMs;
    this.pending = delivery.pending;
    this.#message = message;
  }

  header(name: string): string | undefined {
    return findHeader(this.#message.headers, name);
  }
}

/** An entry that was looked up alone; how much lies behind it is computed from the stream's end. */
export function storedEntry(stored: StoredMsg, lastSeq: number): LogEntry {
  const { seq, subject, data, header: headers } = stored;
  return {
    seq,
    subject,
    data,
    timeMs: msOfTimestamp(stored.timestamp),
    pending: Math.max(0, lastSeq - seq),
    header: (name) => findHeader(headers, name),
  };
}
