/**
 * Connections to the broker, each with a queue of bytes either way as a TCP connection has: what goes in first
 * comes out first, after a delay; what different connections send may overtake each other. A connection can
 * stall, or drop with all that is under way and come back later; single core messages can be lost.
 */
import { MillraceError } from '../../src/base/errors.ts';
import { StreamBucket } from '../../src/nats/bucket.ts';
import type * as channel from '../../src/nats/channel.ts';
import { errorOf, messageOf } from '../support/memory-channel.ts';
import type { Broker, Delivery, Interest } from './broker.ts';
import { logEntryOf, SimulatedReader } from './reader.ts';
import type { Owner, World } from './world.ts';

export interface Weather {
  /** Of one message on its way between a client and the broker. */
  delayMs(): number;
  /** Whether a core message gets lost. */
  loses(): boolean;
}

export interface Network {
  readonly world: World;
  readonly broker: Broker;
  /** The server's own thread. */
  readonly serverOwner: Owner;
  weather: Weather;
  /** Told of each core message as it comes to the broker, and of each answer; false when it goes no further. */
  passes: (verb: string, isAnswer: boolean) => boolean;
}

const apiTimeoutMs = 5_000;
const closeGraceMs = 1;

export class SimulatedChannel implements channel.Channel {
  readonly maxPayload = 1024 * 1024;
  readonly serverVersion = '2.10.0';
  readonly owner: Owner;
  readonly #network: Network;
  readonly #interests = new Set<Interest>();
  readonly #readers = new Set<SimulatedReader>();
  readonly #listeners: ((event: channel.ConnectionEvent, detail: string) => void)[] = [];
  /** A message of an earlier connection under this channel is lost. */
  #generation = 0;
  #state: 'connected' | 'away' | 'closed' = 'connected';
  #upAt = 0;
  #downAt = 0;
  #stalledUntil = 0;
  #sent = 0;
  #arrived = 0;
  /** Messages from this one on never reached the broker. */
  #cutFrom = Number.POSITIVE_INFINITY;

  constructor(network: Network, owner: Owner) {
    this.#network = network;
    this.owner = owner;
  }

  publish(subject: string, data: Uint8Array, headers: channel.Headers = {}): void {
    this.#send({ subject, data: Buffer.from(data), headers, answer: undefined });
  }

  request(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; headers?: channel.Headers },
  ): Promise<channel.Message> {
    const { timeoutMs, headers = {} } = options;
    return new Promise((resolve, reject) => {
      const late = () => reject(new MillraceError('deadline', `${subject}: no answer in ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      const answer = (body: Uint8Array, more: channel.Headers) =>
        this.down(() => {
          clearTimeout(timer);
          const error = errorOf(more);
          if (error === undefined) resolve(messageOf(subject, body, more, undefined));
          else reject(error);
        });
      const nobody = () =>
        this.down(() => {
          clearTimeout(timer);
          reject(new MillraceError('notReady', `nobody listens on ${subject}`));
        });
      this.#send({ subject, data: Buffer.from(data), headers, answer }, nobody);
    });
  }

  subscribe(
    subject: string,
    handler: (message: channel.Message) => void,
    options: { queue?: string } = {},
  ): channel.Subscription {
    let open = true;
    const interest: Interest = {
      subject,
      queue: options.queue,
      deliver: (delivery) => {
        if (this.#network.weather.loses()) return;
        this.down(() => {
          if (open) handler(this.#messageOf(delivery));
        });
      },
    };
    this.#interests.add(interest);
    this.up(() => this.#network.broker.join(interest));
    const leave = () => {
      this.#interests.delete(interest);
      this.up(() => this.#network.broker.leave((other) => other === interest));
    };
    const unsubscribe = () => {
      open = false;
      leave();
    };
    const drain = async () => {
      leave();
      await this.flush();
      open = false;
    };
    return { unsubscribe, drain };
  }

  ensureStream(spec: channel.StreamSpec): Promise<channel.StreamState> {
    return this.#call(`ensure stream ${spec.name}`, () => this.#network.broker.ensureStream(spec));
  }

  streamState(name: string): Promise<channel.StreamState | undefined> {
    return this.#call(`state of ${name}`, () => this.#network.broker.streamState(name));
  }

  deleteStream(name: string): Promise<void> {
    return this.#call(`delete ${name}`, () => this.#network.broker.deleteStream(name));
  }

  purgeStream(name: string, belowSeq: number): Promise<void> {
    return this.#call(`purge ${name}`, () => this.#network.broker.purge(name, belowSeq));
  }

  append(subject: string, data: Uint8Array, options: channel.AppendOptions = {}): Promise<channel.Appended> {
    const bytes = new Uint8Array(data);
    const append = () => this.#network.broker.append(subject, bytes, options);
    return this.#call(subject, append, options.timeoutMs);
  }

  entryAt(stream: string, seq: number): Promise<channel.LogEntry | undefined> {
    return this.#call(`entry ${seq} of ${stream}`, () => {
      const entry = this.#network.broker.entries(stream).find((candidate) => candidate.seq === seq);
      return entry && logEntryOf(entry, 0);
    });
  }

  lastEntry(stream: string, subject: string): Promise<channel.LogEntry | undefined> {
    return this.#call(`last entry of ${stream}`, () => {
      const entry = this.#network.broker.lastEntry(stream, subject);
      return entry && logEntryOf(entry, 0);
    });
  }

  nextEntry(stream: string, subject: string, seq: number): Promise<channel.LogEntry | undefined> {
    return this.#call(`next entry of ${stream}`, () => {
      const entries = this.#network.broker.entries(stream);
      const entry = entries.find((one) => one.seq >= seq && one.subject === subject);
      return entry && logEntryOf(entry, 0);
    });
  }

  removeEntry(stream: string, seq: number): Promise<boolean> {
    return this.#call(`remove from ${stream}`, () => this.#network.broker.remove(stream, seq));
  }

  async readFrom(stream: string, seq: number): Promise<channel.LogReader> {
    const reader = new SimulatedReader(this, this.#network.broker, stream, Math.max(1, seq));
    await this.#call(`read ${stream}`, () => reader.follow());
    this.#readers.add(reader);
    return reader;
  }

  /** Versions of the simulated process are files on its disk. */
  openObjects(): Promise<channel.ObjectBucket> {
    return Promise.reject(new Error('no objects are kept here'));
  }

  async openBucket(name: string, options: { ttlMs?: number } = {}): Promise<channel.Bucket> {
    const spec: channel.StreamSpec = {
      name: `KV_${name}`,
      subjects: [`$KV.${name}.>`],
      bytesMax: Number.MAX_SAFE_INTEGER,
      discard: 'new',
      duplicateWindowMs: 120_000,
    };
    await this.#call(`bucket ${name}`, () => this.#network.broker.ensureStream(spec, options.ttlMs));
    return new StreamBucket(this, name);
  }

  async serve(service: channel.ServiceSpec): Promise<channel.Service> {
    const subscriptions = service.endpoints.map(({ subject, queue, handle }) =>
      this.subscribe(subject, (message) => handle(message, () => undefined), { queue }),
    );
    await this.flush();
    return {
      stop: async () => {
        await Promise.all(subscriptions.map((subscription) => subscription.drain()));
      },
    };
  }

  onEvent(listener: (event: channel.ConnectionEvent, detail: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Repeats itself over a dropped connection, as a ping does. */
  async flush(): Promise<void> {
    for (;;) {
      const passed = await this.#call('flush', () => true).catch(() => false);
      if (passed || this.#state === 'closed') return;
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.flush();
    this.#detach();
    this.#tell('closed', '');
  }

  /** The owner is gone; of what it sent last, `kept` messages still reach the broker. */
  sever(kept: number): void {
    this.#cutFrom = kept;
    this.#detach();
  }

  /** Hears no requests any more; what it sends still leaves. */
  deafen(): void {
    this.#network.broker.leave((interest) => this.#interests.has(interest));
    this.#interests.clear();
  }

  get sent(): number {
    return this.#sent;
  }

  /** Of what was sent, at the broker or lost. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Loses all that is under way, in both directions, and comes back after a while. */
  drop(outageMs: number): void {
    if (this.#state !== 'connected') return;
    this.#state = 'away';
    this.#generation++;
    this.#forgetAtBroker();
    this.#network.world.after(this.owner, 0, () => this.#tell('disconnect', 'dropped'));
    this.#network.world.after(this.owner, outageMs, () => this.#reconnect());
  }

  /** Nothing arrives for a while; then everything does, in order. */
  stall(forMs: number): void {
    this.#stalledUntil = this.#network.world.now + forMs;
  }

  /** Acts at the broker, after a delay and in order. */
  up(act: () => void): void {
    if (this.#state !== 'connected') return;
    const generation = this.#generation;
    const number = this.#sent++;
    this.#upAt = this.#arrival(this.#upAt);
    this.#network.world.at(this.#network.serverOwner, this.#upAt, () => {
      this.#arrived = number + 1;
      if (generation === this.#generation && number < this.#cutFrom) act();
    });
  }

  /** Acts at the client, after a delay and in order. */
  down(act: () => void): void {
    if (this.#state !== 'connected') return;
    const generation = this.#generation;
    this.#downAt = this.#arrival(this.#downAt);
    this.#network.world.at(this.owner, this.#downAt, () => {
      if (generation === this.#generation && this.#state === 'connected') act();
    });
  }

  #arrival(lastAt: number): number {
    const { world, weather } = this.#network;
    return Math.max(lastAt, world.now + weather.delayMs(), this.#stalledUntil);
  }

  #send(delivery: Delivery, nobody: () => void = () => undefined): void {
    const { broker, weather } = this.#network;
    if (weather.loses()) return;
    const verb = verbOf(delivery.subject);
    this.up(() => {
      if (!this.#network.passes(verb, false)) return;
      if (!broker.publish(delivery)) nobody();
    });
  }

  #messageOf({ subject, data, headers, answer }: Delivery): channel.Message {
    const { weather } = this.#network;
    const verb = verbOf(subject);
    const reply =
      answer &&
      ((body: Uint8Array, more: channel.Headers) => {
        if (weather.loses()) return;
        this.up(() => {
          if (this.#network.passes(verb, true)) answer(body, more);
        });
      });
    return messageOf(subject, data, headers, reply);
  }

  /** A request to the server itself, whose answer may be lost after the deed is done. */
  #call<Result>(what: string, act: () => Result, timeoutMs = apiTimeoutMs): Promise<Result> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new MillraceError('deadline', `${what}: no answer in ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      if (this.#network.weather.loses()) return;
      this.up(() => {
        const settle = settled(act, resolve, reject);
        if (this.#network.weather.loses()) return;
        this.down(() => {
          clearTimeout(timer);
          settle();
        });
      });
    });
  }

  #detach(): void {
    if (this.#state === 'closed') return;
    const { world, serverOwner } = this.#network;
    this.#state = 'closed';
    world.at(serverOwner, this.#upAt + closeGraceMs, () => this.#forgetAtBroker());
    for (const reader of this.#readers) reader.end();
  }

  #forgetAtBroker(): void {
    this.#network.broker.leave((interest) => this.#interests.has(interest));
    for (const reader of this.#readers) this.#network.broker.unfollow(reader);
  }

  #reconnect(): void {
    if (this.#state !== 'away') return;
    this.#state = 'connected';
    this.#downAt = this.#upAt = this.#network.world.now;
    for (const interest of this.#interests) this.up(() => this.#network.broker.join(interest));
    for (const reader of this.#readers) this.up(() => reader.resume());
    this.#tell('reconnect', 'back');
  }

  #tell(event: channel.ConnectionEvent, detail: string): void {
    for (const listener of this.#listeners) listener(event, detail);
  }
}

/** What a message between actors is about: `commit` of a shard's, `delta`, `predict`. */
function verbOf(subject: string): string {
  const [, , to, , , , ofShard] = subject.split('.');
  if (to === 'shard') return ofShard ?? to;
  return to === 'learners' || to === 'predictor' ? subject.slice(subject.lastIndexOf('.') + 1) : (to ?? '');
}

function settled<Result>(
  act: () => Result,
  resolve: (result: Result) => void,
  reject: (error: unknown) => void,
): () => void {
  try {
    const result = act();
    return () => resolve(result);
  } catch (error) {
    return () => reject(error);
  }
}
