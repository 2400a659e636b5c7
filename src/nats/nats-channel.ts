/**
 * The Channel over a real connection: each call is one line here and one idea in a file beside this one.
 * Core publishes while the connection is away are lost without a word; an append that is lost is one that was
 * never acked, and its publisher knows.
 */
import {
  Events,
  type JetStreamClient,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  type Subscription as NatsSubscription,
} from 'nats';
import { MillraceError } from '../base/errors.ts';
import { append } from './append.ts';
import { openBucket } from './bucket.ts';
import type {
  Appended,
  AppendOptions,
  Bucket,
  Channel,
  ConnectionEvent,
  Headers,
  LogEntry,
  LogReader,
  Message,
  ObjectBucket,
  Service,
  ServiceSpec,
  StreamSpec,
  StreamState,
  Subscription,
} from './channel.ts';
import { openLogReader } from './log-reader.ts';
import { kindOfServiceCode, operatingError } from './nats-errors.ts';
import { openObjects } from './objects.ts';
import type { LogSource } from './ordered-consumer.ts';
import { crash, startService } from './service.ts';
import { deleteStream, ensureStream, lookUpEntry, purgeStream, removeEntry, streamState } from './streams.ts';
import { encodeHeaders, refuseOversize, type SendLimits, WireMessage } from './wire-message.ts';

/** How long a close waits for what is still on its way. */
const drainMs = 5_000;

type Listener = (event: ConnectionEvent, detail: string) => void;

export async function channelOver(
  connection: NatsConnection,
  inboxPrefix: string | undefined,
): Promise<Channel> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  return new NatsChannel(connection, manager, inboxPrefix);
}

class NatsChannel implements Channel, SendLimits, LogSource {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly inboxPrefix: string | undefined;
  readonly #client: JetStreamClient;
  readonly #listeners = new Set<Listener>();
  #connected = true;
  #maxPayload: number;
  #serverVersion: string;
  #closing: Promise<void> | undefined;

  constructor(connection: NatsConnection, manager: JetStreamManager, inboxPrefix: string | undefined) {
    this.connection = connection;
    this.manager = manager;
    this.inboxPrefix = inboxPrefix;
    this.#client = connection.jetstream();
    this.#maxPayload = connection.info!.max_payload;
    this.#serverVersion = connection.info!.version;
    void this.#watchStatus();
  }

  /** The server's facts vanish while the connection is away; the last known ones go on holding. */
  get maxPayload(): number {
    this.#maxPayload = this.connection.info?.max_payload ?? this.#maxPayload;
    return this.#maxPayload;
  }

  get serverVersion(): string {
    this.#serverVersion = this.connection.info?.version ?? this.#serverVersion;
    return this.#serverVersion;
  }

  get closed(): boolean {
    return this.connection.isClosed();
  }

  get connected(): boolean {
    return this.#connected && !this.closed;
  }

  get apiPrefix(): string {
    return this.#client.apiPrefix;
  }

  publish(subject: string, data: Uint8Array, headers?: Headers): void {
    refuseOversize(subject, data, headers, this.maxPayload);
    try {
      this.connection.publish(
        subject,
        data,
        headers === undefined ? undefined : { headers: encodeHeaders(headers) },
      );
    } catch (thrown) {
      throw operatingError(thrown, `publish to ${subject}`);
    }
  }

  async request(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; headers?: Headers },
  ): Promise<Message> {
    refuseOversize(subject, data, options.headers, this.maxPayload);
    const reply = await this.#ask(subject, data, options);
    const message = new WireMessage(reply, this);
    const code = message.header('Nats-Service-Error-Code');
    if (code === undefined) return message;
    const words = message.header('Nats-Service-Error') || `error ${code} from ${subject}`;
    throw new MillraceError(kindOfServiceCode(Number(code)), words);
  }

  async #ask(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; headers?: Headers },
  ): Promise<Msg> {
    const headers = options.headers === undefined ? undefined : encodeHeaders(options.headers);
    const timeout = Math.max(1, options.timeoutMs);
    try {
      return await this.connection.request(
        subject,
        data,
        headers === undefined ? { timeout } : { timeout, headers },
      );
    } catch (thrown) {
      if (this.closed) throw new MillraceError('notReady', `request to ${subject}: the connection is closed`);
      throw operatingError(thrown, `request to ${subject}`);
    }
  }

  subscribe(
    subject: string,
    handler: (message: Message) => void,
    options?: { queue?: string },
  ): Subscription {
    try {
      const subscription = this.connection.subscribe(subject, {
        ...(options?.queue !== undefined && { queue: options.queue }),
        callback: (error, raw) => {
          // Refusals come as an 'error' event with the subject.
          if (error) return;
          try {
            handler(new WireMessage(raw, this));
          } catch (thrown) {
            // What nobody of ours could have sent is passed over: an actor must not be ended by a message.
            if (thrown instanceof MillraceError && thrown.kind === 'badInput')
              this.#emit('error', `a message on ${raw.subject} was passed over: ${thrown.message}`);
            else crash(thrown);
          }
        },
      });
      return subscriptionOf(subscription, this);
    } catch (thrown) {
      throw operatingError(thrown, `subscribe to ${subject}`);
    }
  }

  ensureStream(spec: StreamSpec): Promise<StreamState> {
    return ensureStream(this.manager, spec);
  }

  streamState(name: string): Promise<StreamState | undefined> {
    return streamState(this.manager, name);
  }

  deleteStream(name: string): Promise<void> {
    return deleteStream(this.manager, name);
  }

  purgeStream(name: string, belowSeq: number): Promise<void> {
    return purgeStream(this.manager, name, belowSeq);
  }

  append(subject: string, data: Uint8Array, options: AppendOptions = {}): Promise<Appended> {
    return append(this.connection, this.maxPayload, subject, data, options);
  }

  entryAt(stream: string, seq: number): Promise<LogEntry | undefined> {
    return lookUpEntry(this.manager, stream, { seq });
  }

  nextEntry(stream: string, subject: string, seq: number): Promise<LogEntry | undefined> {
    return lookUpEntry(this.manager, stream, { seq: Math.max(1, seq), next_by_subj: subject });
  }

  removeEntry(stream: string, seq: number): Promise<boolean> {
    return removeEntry(this.manager, stream, seq);
  }

  lastEntry(stream: string, subject: string): Promise<LogEntry | undefined> {
    return lookUpEntry(this.manager, stream, { last_by_subj: subject });
  }

  readFrom(stream: string, seq: number): Promise<LogReader> {
    return openLogReader(this, stream, seq);
  }

  openBucket(name: string, options?: { ttlMs?: number }): Promise<Bucket> {
    return openBucket(this, this.#client, this.manager, name, options?.ttlMs);
  }

  openObjects(name: string): Promise<ObjectBucket> {
    return openObjects(this.#client, this.manager, name);
  }

  serve(spec: ServiceSpec): Promise<Service> {
    return startService(this.connection, this, spec, (detail) => this.#emit('error', detail));
  }

  onEvent(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async flush(): Promise<void> {
    try {
      await this.connection.flush();
    } catch (thrown) {
      throw operatingError(thrown, 'flush');
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#drainAndClose();
    return this.#closing;
  }

  async #drainAndClose(): Promise<void> {
    if (this.closed) return;
    // A drain waits for the server's answer: without a server there is none.
    if (this.#connected) await settledWithin(this.connection.drain(), drainMs);
    if (!this.closed) await this.connection.close();
  }

  async #watchStatus(): Promise<void> {
    void this.connection.closed().then((error) => {
      this.#connected = false;
      this.#emit('closed', error instanceof Error ? error.message : '');
    });
    for await (const status of this.connection.status()) {
      if (status.type === Events.Disconnect) {
        this.#connected = false;
        this.#emit('disconnect', String(status.data));
      } else if (status.type === Events.Reconnect) {
        this.#connected = true;
        this.#emit('reconnect', String(status.data));
      } else if (status.type === Events.Error) {
        const { operation, subject } = status.permissionContext ?? {};
        this.#emit(
          'error',
          operation === undefined ? String(status.data) : `no permission: ${operation} ${subject}`,
        );
      }
    }
  }

  #emit(event: ConnectionEvent, detail: string): void {
    for (const listener of [...this.#listeners]) listener(event, detail);
  }
}

function subscriptionOf(subscription: NatsSubscription, limits: SendLimits): Subscription {
  return {
    unsubscribe: () => subscription.unsubscribe(),
    drain: async () => {
      if (!limits.closed && !subscription.isClosed() && !subscription.isDraining())
        await subscription.drain();
    },
  };
}

async function settledWithin(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work.catch(() => {}), limit]);
  clearTimeout(timer);
}
