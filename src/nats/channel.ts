/**
 * The one narrow door to NATS. Everything that an actor, the server or the SDK does with a broker is one of
 * these calls, so that another client, or an in-memory channel in a test, is a swap of one object.
 *
 * Positions are stream sequences (1-based integers below 2^53); times are milliseconds since the epoch.
 */

export type Headers = Readonly<Record<string, string>>;

export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Case-insensitive look-up; undefined when absent. */
  header(name: string): string | undefined;
  /** Answers a request; does nothing when the sender wants no answer. Throws MillraceError('tooLarge') above maxPayload. */
  respond(data: Uint8Array, headers?: Headers): void;
  readonly wantsReply: boolean;
}

export interface Subscription {
  /** Stops delivery at once. */
  unsubscribe(): void;
  /** Handles what has arrived, then stops. */
  drain(): Promise<void>;
}

/** An entry of a stream, as a learner reads it. */
export interface LogEntry {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** The broker's stamp, ms since the epoch (fraction kept). */
  readonly timeMs: number;
  header(name: string): string | undefined;
  /** Entries of the stream that were behind this one when it was delivered; 0 means the end was reached. */
  readonly pending: number;
}

/**
 * An ordered reader of a stream from a position: every entry once, in order, also over a restart of the server.
 * Iteration applies back-pressure: what is not asked for is not buffered without bound. Where the stream begins
 * above the position, its first entry comes first (the caller compares sequences and sees the gap).
 * Iteration ends when the reader or the channel closes; it throws MillraceError 'conflict' when the stream was
 * replaced or ends before what was read (the server lost entries), 'notFound' when it was deleted.
 */
export interface LogReader extends AsyncIterable<LogEntry> {
  close(): Promise<void>;
}

export interface StreamState {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
  readonly bytes: number;
  /** Its limit in bytes. */
  readonly bytesMax: number;
  /** ISO time at which the stream was created: two streams of one name differ in it. */
  readonly created: string;
}

export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly bytesMax: number;
  /** 'new': publishers are refused when full. 'old': the oldest entries go. */
  readonly discard: 'new' | 'old';
  readonly duplicateWindowMs: number;
}

export interface AppendOptions {
  readonly msgId?: string;
  readonly headers?: Headers;
  readonly timeoutMs?: number;
  /** Refused with MillraceError('conflict') unless the stream's last sequence is this one. */
  readonly expectLastSeq?: number;
  /** The same for the last sequence on this very subject; 0: the subject must be empty. */
  readonly expectLastSubjectSeq?: number;
}

export interface Appended {
  readonly seq: number;
  readonly duplicate: boolean;
}

export interface ServiceEndpoint {
  /** Name in `nats micro info`: [A-Za-z0-9_-]. */
  readonly name: string;
  readonly subject: string;
  readonly queue: string;
  readonly metadata?: Record<string, string>;
  /** Must not throw; answers through message.respond, now or later, then calls done with the outcome for the statistics. */
  handle(message: Message, done: (error?: string) => void): void;
}

export interface ServiceSpec {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly endpoints: readonly ServiceEndpoint[];
}

export interface Service {
  stop(): Promise<void>;
}

/** A key-value bucket, as far as leases and pointers need one. Revisions only grow and are never used twice. */
export interface Bucket {
  /** Undefined when there is no such key, or it was removed or ran out. */
  get(key: string): Promise<BucketEntry | undefined>;
  /** Sets a key that has no value; the new revision. Refuses with MillraceError 'conflict' when it has one. */
  create(key: string, value: Uint8Array, timeoutMs?: number): Promise<number>;
  /** Sets a key whose revision is still this one; the new revision. Refuses with MillraceError 'conflict'. */
  update(key: string, value: Uint8Array, revision: number, timeoutMs?: number): Promise<number>;
  /** Removes a key whose revision is still this one. Refuses with MillraceError 'conflict'. */
  remove(key: string, revision: number, timeoutMs?: number): Promise<void>;
}

export interface BucketEntry {
  readonly value: Uint8Array;
  readonly revision: number;
}

/** Immutable objects of at most 32 MiB by name. */
export interface ObjectBucket {
  names(): Promise<string[]>;
  /** Undefined when there is no such object. */
  size(name: string): Promise<number | undefined>;
  /** Durable, and found to be what was given, when it resolves. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  get(name: string): Promise<ObjectFound | undefined>;
  /** Does nothing when there is no such object. */
  remove(name: string): Promise<void>;
}

export type ObjectFound =
  | { readonly kind: 'object'; readonly bytes: Uint8Array }
  | { readonly kind: 'damaged'; readonly reason: string };

/** 'error': the server refused something that no call waits for, such as a subscription without permission. */
export type ConnectionEvent = 'disconnect' | 'reconnect' | 'closed' | 'error';

export interface Channel {
  readonly maxPayload: number;
  readonly serverVersion: string;

  /** Fire and forget; while disconnected it may be lost (use append for what must not be). */
  publish(subject: string, data: Uint8Array, headers?: Headers): void;
  /** Rejects with MillraceError: 'notReady' when nobody listens, 'deadline' on time-out, or the kind of an error reply (Nats-Service-Error-Code). */
  request(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; headers?: Headers },
  ): Promise<Message>;
  /** The handler is called in order of arrival and must not await. */
  subscribe(subject: string, handler: (message: Message) => void, options?: { queue?: string }): Subscription;

  /** Creates the stream or updates its limits. Refuses (MillraceError 'conflict') when a stream of the name has other subjects. */
  ensureStream(spec: StreamSpec): Promise<StreamState>;
  /** Undefined when there is no such stream. */
  streamState(name: string): Promise<StreamState | undefined>;
  deleteStream(name: string): Promise<void>;
  /** Removes every entry below the sequence. */
  purgeStream(name: string, belowSeq: number): Promise<void>;
  /** JetStream publish, acked. 'notReady': no stream takes the subject; 'tooLarge'; 'overloaded': the stream is full; 'deadline'. */
  append(subject: string, data: Uint8Array, options?: AppendOptions): Promise<Appended>;
  /** Undefined when the sequence is not (or no longer) in the stream. */
  entryAt(stream: string, seq: number): Promise<LogEntry | undefined>;
  /** Oldest entry on the subject whose sequence is this one or above. */
  nextEntry(stream: string, subject: string, seq: number): Promise<LogEntry | undefined>;
  /** Overwrites one entry and takes it out of the stream; false when it is not there. */
  removeEntry(stream: string, seq: number): Promise<boolean>;
  /** Newest entry on a subject of the stream (exact subject or wildcard). */
  lastEntry(stream: string, subject: string): Promise<LogEntry | undefined>;
  /**
   * Reads from this sequence on; the one after the stream's end waits for the next entry. Rejects with
   * MillraceError 'notFound' (no such stream) or 'conflict' (the stream ends further below).
   */
  readFrom(stream: string, seq: number): Promise<LogReader>;

  /** Opens or creates a bucket; its entries run out this long after they were written, never when absent. */
  openBucket(name: string, options?: { ttlMs?: number }): Promise<Bucket>;

  /** Opens or creates an object store. */
  openObjects(name: string): Promise<ObjectBucket>;

  serve(service: ServiceSpec): Promise<Service>;

  onEvent(listener: (event: ConnectionEvent, detail: string) => void): void;
  /** Round trip to the server: all publishes before it have arrived there. */
  flush(): Promise<void>;
  /** Drains subscriptions and closes. */
  close(): Promise<void>;
}
