/**
 * Messages as they go over the connection: headers, sizes, and the Message that a handler is given.
 *
 * The limit that the server enforces counts payload and headers together, and it closes a connection that
 * goes over it; so every send is measured here first.
 */
import { headers as emptyHeaders, type MsgHdrs } from 'nats';
import { MillraceError } from '../base/errors.ts';
import type { Headers, Message } from './channel.ts';

/** "NATS/1.0" and the two line ends around the header lines. */
const headerFrameBytes = 12;
const headerLineBytes = 4;

/** A header value is one line: whatever breaks a line becomes a space (error texts come from anywhere). */
const oneLine = (value: string): string => value.replace(/[\r\n]+/g, ' ');

/** Of headers that are frozen: the same object is sent many times, and encoded once. */
const encodedOnce = new WeakMap<Headers, MsgHdrs>();

export function encodeHeaders(headers: Headers): MsgHdrs {
  const known = encodedOnce.get(headers);
  if (known !== undefined) return known;
  const encoded = emptyHeaders();
  for (const [name, value] of Object.entries(headers)) encoded.append(name, oneLine(value));
  if (Object.isFrozen(headers)) encodedOnce.set(headers, withBytes(encoded));
  return encoded;
}

/** The library makes the bytes anew for each message, by a method that its types do not show. */
function withBytes(encoded: MsgHdrs): MsgHdrs {
  const bytes = (encoded as MsgHdrs & { encode(): Uint8Array }).encode();
  return Object.assign(encoded, { encode: () => bytes });
}

export function headerBytes(headers: Headers | undefined): number {
  if (headers === undefined) return 0;
  let bytes = headerFrameBytes;
  for (const [name, value] of Object.entries(headers)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + headerLineBytes;
  }
  return bytes;
}

export function refuseOversize(
  subject: string,
  data: Uint8Array,
  headers: Headers | undefined,
  maxPayload: number,
): void {
  const bytes = data.byteLength + headerBytes(headers);
  if (bytes <= maxPayload) return;
  throw new MillraceError(
    'tooLarge',
    `message to ${subject} has ${bytes} bytes, the server takes ${maxPayload}: send fewer at once or raise its max_payload`,
  );
}

/** Header look-up that ignores case; the library's own is exact. */
export function findHeader(headers: MsgHdrs | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  const wanted = name.toLowerCase();
  for (const [key, values] of headers) {
    if (key.toLowerCase() === wanted) return values[0];
  }
  return undefined;
}

/** What a library message must have to become ours; plain and service messages both do. */
export interface RawMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs;
  readonly reply?: string;
  respond(data: Uint8Array, options?: { headers?: MsgHdrs }): boolean;
}

/**
 * Whether an answer may go there. The server checks what a client publishes and not where it wants its answer, so a
 * client that may only ask could have us publish, with our rights, to the subjects of actors and streams or to the
 * server's own `$JS.API`. Inboxes never begin like any of these.
 */
function isInbox(reply: string, asked: string): boolean {
  return !reply.startsWith('$') && firstToken(reply) !== firstToken(asked);
}

const firstToken = (subject: string): string => subject.split('.', 1)[0]!;

export interface SendLimits {
  readonly maxPayload: number;
  readonly closed: boolean;
}

export class WireMessage implements Message {
  readonly #raw: RawMessage;
  readonly #limits: SendLimits;

  constructor(raw: RawMessage, limits: SendLimits) {
    this.#raw = raw;
    this.#limits = limits;
  }

  get subject(): string {
    return this.#raw.subject;
  }

  get data(): Uint8Array {
    return this.#raw.data;
  }

  get wantsReply(): boolean {
    return this.#raw.reply !== undefined && this.#raw.reply !== '';
  }

  header(name: string): string | undefined {
    return findHeader(this.#raw.headers, name);
  }

  respond(data: Uint8Array, headers?: Headers): void {
    // After a close nobody can be answered, and the caller learns it from its own time-out.
    if (!this.wantsReply || this.#limits.closed || !isInbox(this.#raw.reply!, this.subject)) return;
    refuseOversize(`the sender of ${this.subject}`, data, headers, this.#limits.maxPayload);
    this.#raw.respond(data, headers === undefined ? undefined : { headers: encodeHeaders(headers) });
  }
}
