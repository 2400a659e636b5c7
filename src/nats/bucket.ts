/**
 * Key-value buckets in the layout that `nats kv` and every client know (stream KV_<bucket>, one subject per
 * key). Writes are conditional publishes of our own, so that each has its own time-out: a lease that must be
 * renewed within a second cannot wait five for an answer.
 */
import { type JetStreamClient, type JetStreamManager, nanos } from 'nats';
import { MillraceError } from '../base/errors.ts';
import type { Bucket, BucketEntry, Channel, LogEntry } from './channel.ts';
import { operatingError } from './nats-errors.ts';

const operationHeader = 'KV-Operation';
const removed = 'DEL';
const nothing = new Uint8Array(0);

/** The server's own window for duplicates; it may not be longer than entries live. */
const duplicateWindowMs = 120_000;

export async function openBucket(
  channel: Channel,
  client: JetStreamClient,
  manager: JetStreamManager,
  name: string,
  ttlMs: number | undefined,
): Promise<Bucket> {
  try {
    const store = await client.views.kv(name, { history: 1, ...(ttlMs !== undefined && { ttl: ttlMs }) });
    const status = await store.status();
    if (status.ttl !== (ttlMs ?? 0)) await setTtl(manager, name, ttlMs);
  } catch (thrown) {
    throw operatingError(thrown, `bucket ${name}`);
  }
  return new StreamBucket(channel, name);
}

async function setTtl(manager: JetStreamManager, name: string, ttlMs: number | undefined): Promise<void> {
  const window = Math.min(duplicateWindowMs, ttlMs ?? duplicateWindowMs);
  await manager.streams.update(`KV_${name}`, { max_age: nanos(ttlMs ?? 0), duplicate_window: nanos(window) });
}

/** A bucket whose stream exists. */
export class StreamBucket implements Bucket {
  readonly #channel: Channel;
  readonly #name: string;

  constructor(channel: Channel, name: string) {
    this.#channel = channel;
    this.#name = name;
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    const entry = await this.#newest(key);
    if (entry === undefined || isRemoval(entry)) return undefined;
    return { value: entry.data, revision: entry.seq };
  }

  async create(key: string, value: Uint8Array, timeoutMs?: number): Promise<number> {
    try {
      return await this.update(key, value, 0, timeoutMs);
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.kind !== 'conflict') throw thrown;
      // A removed key has an entry that says so, and its revision is the one to expect.
      const entry = await this.#newest(key);
      if (entry === undefined || !isRemoval(entry)) throw thrown;
      return this.update(key, value, entry.seq, timeoutMs);
    }
  }

  async update(key: string, value: Uint8Array, revision: number, timeoutMs?: number): Promise<number> {
    const { seq } = await this.#channel.append(this.#subject(key), value, {
      expectLastSubjectSeq: revision,
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    return seq;
  }

  async remove(key: string, revision: number, timeoutMs?: number): Promise<void> {
    await this.#channel.append(this.#subject(key), nothing, {
      expectLastSubjectSeq: revision,
      headers: { [operationHeader]: removed },
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  #newest(key: string): Promise<LogEntry | undefined> {
    return this.#channel.lastEntry(`KV_${this.#name}`, this.#subject(key));
  }

  #subject(key: string): string {
    return `$KV.${this.#name}.${key}`;
  }
}

/** `DEL` and `PURGE` both leave a key without a value. */
const isRemoval = (entry: LogEntry): boolean => entry.header(operationHeader) !== undefined;
