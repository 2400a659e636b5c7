/**
 * A nats-server in memory, as far as Millrace can tell it from a real one: subjects with wildcards and queue
 * groups, streams with sequences, duplicate ids, conditional appends, limits and ages, and readers that follow a
 * stream. It answers at once; what delays and losses there are is the network's business (network.ts).
 */
import { MillraceError } from '../../src/base/errors.ts';
import type { Appended, AppendOptions, Headers, StreamSpec, StreamState } from '../../src/nats/channel.ts';
import type { Random } from './random.ts';
import { worldBeganMs } from './world.ts';

export interface StoredEntry {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly timeMs: number;
  readonly headers: Headers;
}

export interface Delivery {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** Undefined when the sender wants no answer. */
  readonly answer: ((data: Uint8Array, headers: Headers) => void) | undefined;
}

export interface Interest {
  readonly subject: string;
  readonly queue: string | undefined;
  deliver(delivery: Delivery): void;
}

/** Follows a stream: told of every entry from `next` on. */
export interface Follower {
  readonly stream: string;
  next: number;
  take(entries: readonly StoredEntry[], lastSeq: number): void;
}

interface Stream {
  spec: StreamSpec;
  readonly created: string;
  entries: StoredEntry[];
  lastSeq: number;
  bytes: number;
  readonly ids: Map<string, { readonly seq: number; readonly atMs: number }>;
  ageMaxMs: number | undefined;
}

export class Broker {
  readonly #clock: () => number;
  readonly #random: Random;
  #interests: Interest[] = [];
  readonly #matching = new Map<string, Interest[]>();
  readonly #streams = new Map<string, Stream>();
  /** Which stream takes a subject, as found before. */
  readonly #taking = new Map<string, Stream>();
  readonly #followers = new Set<Follower>();

  constructor(clock: () => number, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  join(interest: Interest): void {
    this.#interests.push(interest);
    this.#matching.clear();
  }

  leave(gone: (interest: Interest) => boolean): void {
    this.#interests = this.#interests.filter((interest) => !gone(interest));
    this.#matching.clear();
  }

  /** False when nobody listens. */
  publish(delivery: Delivery): boolean {
    const interests = this.#interestsIn(delivery.subject);
    const groups = new Map<string, Interest[]>();
    for (const interest of interests) {
      if (interest.queue === undefined) interest.deliver(delivery);
      else groups.set(interest.queue, [...(groups.get(interest.queue) ?? []), interest]);
    }
    for (const group of groups.values()) this.#random.pick(group).deliver(delivery);
    return interests.length > 0;
  }

  ensureStream(spec: StreamSpec, ageMaxMs?: number): StreamState {
    const found = this.#streams.get(spec.name);
    if (found !== undefined) {
      if (found.spec.subjects.join() !== spec.subjects.join())
        throw new MillraceError('conflict', `stream ${spec.name} has other subjects`);
      found.spec = spec;
      found.ageMaxMs = ageMaxMs;
      return stateOf(found);
    }
    const created = new Date(worldBeganMs + this.#clock()).toISOString();
    const stream: Stream = { spec, created, entries: [], lastSeq: 0, bytes: 0, ids: new Map(), ageMaxMs };
    this.#streams.set(spec.name, stream);
    return stateOf(stream);
  }

  streamState(name: string): StreamState | undefined {
    const stream = this.#streams.get(name);
    if (stream === undefined) return undefined;
    this.#expire(stream);
    return stateOf(stream);
  }

  deleteStream(name: string): void {
    this.#streams.delete(name);
    this.#taking.clear();
  }

  purge(name: string, belowSeq: number): void {
    const stream = this.#streamOf(name);
    while (stream.entries.length > 0 && stream.entries[0]!.seq < belowSeq) this.#removeOldest(stream);
  }

  remove(name: string, seq: number): boolean {
    const stream = this.#streamOf(name);
    const kept = stream.entries.filter((entry) => entry.seq !== seq);
    const removed = kept.length < stream.entries.length;
    stream.entries = kept;
    return removed;
  }

  entries(name: string): readonly StoredEntry[] {
    return this.#streams.get(name)?.entries ?? [];
  }

  lastEntry(name: string, subject: string): StoredEntry | undefined {
    const stream = this.#streamOf(name);
    this.#expire(stream);
    return stream.entries.findLast((entry) => matches(subject, entry.subject));
  }

  append(subject: string, data: Uint8Array, options: AppendOptions): Appended {
    const stream = this.#streamTaking(subject);
    if (stream === undefined) throw new MillraceError('notReady', `${subject}: no stream takes this subject`);
    this.#expire(stream);
    const { msgId } = options;
    const known = msgId === undefined ? undefined : stream.ids.get(msgId);
    if (known !== undefined && this.#clock() - known.atMs < stream.spec.duplicateWindowMs)
      return { seq: known.seq, duplicate: true };
    this.#refuseUnexpected(stream, subject, options);
    const bytes = subject.length + data.length;
    while (stream.bytes + bytes > stream.spec.bytesMax) {
      if (stream.spec.discard === 'new')
        throw new MillraceError('overloaded', `${subject}: the stream is full`);
      this.#removeOldest(stream);
    }
    const seq = ++stream.lastSeq;
    const timeMs = worldBeganMs + this.#clock();
    const headers = { ...options.headers, ...(msgId === undefined ? {} : { 'Nats-Msg-Id': msgId }) };
    stream.entries.push({ seq, subject, data, timeMs, headers });
    stream.bytes += bytes;
    if (msgId !== undefined) stream.ids.set(msgId, { seq, atMs: this.#clock() });
    for (const follower of this.#followers) if (follower.stream === stream.spec.name) this.#feed(follower);
    return { seq, duplicate: false };
  }

  /** Throws MillraceError 'notFound' or 'conflict' as a real reader would find it. */
  follow(follower: Follower): void {
    const stream = this.#streams.get(follower.stream);
    if (stream === undefined) throw new MillraceError('notFound', `there is no stream ${follower.stream}`);
    if (stream.lastSeq < follower.next - 1)
      throw new MillraceError('conflict', `stream ${follower.stream} ends at ${stream.lastSeq}`);
    this.#followers.add(follower);
    this.#feed(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
  }

  #feed(follower: Follower): void {
    const { entries, lastSeq } = this.#streamOf(follower.stream);
    if (follower.next > lastSeq) return;
    const first = entries.findIndex((entry) => entry.seq >= follower.next);
    if (first < 0) return;
    const next = entries.slice(first);
    follower.next = lastSeq + 1;
    follower.take(next, lastSeq);
  }

  #interestsIn(subject: string): Interest[] {
    const known = this.#matching.get(subject);
    if (known !== undefined) return known;
    const found = this.#interests.filter((interest) => matches(interest.subject, subject));
    this.#matching.set(subject, found);
    return found;
  }

  #streamTaking(subject: string): Stream | undefined {
    const known = this.#taking.get(subject);
    if (known !== undefined) return known;
    for (const stream of this.#streams.values()) {
      if (!stream.spec.subjects.some((pattern) => matches(pattern, subject))) continue;
      this.#taking.set(subject, stream);
      return stream;
    }
    return undefined;
  }

  #refuseUnexpected(stream: Stream, subject: string, options: AppendOptions): void {
    const { expectLastSeq, expectLastSubjectSeq } = options;
    if (expectLastSeq !== undefined && expectLastSeq !== stream.lastSeq)
      throw new MillraceError('conflict', `${subject}: wrong last sequence ${stream.lastSeq}`);
    if (expectLastSubjectSeq === undefined) return;
    const last = stream.entries.findLast((entry) => entry.subject === subject)?.seq ?? 0;
    if (last !== expectLastSubjectSeq)
      throw new MillraceError('conflict', `${subject}: wrong last sequence ${last}`);
  }

  #expire(stream: Stream): void {
    if (stream.ageMaxMs === undefined) return;
    const oldest = worldBeganMs + this.#clock() - stream.ageMaxMs;
    while (stream.entries.length > 0 && stream.entries[0]!.timeMs < oldest) this.#removeOldest(stream);
  }

  #removeOldest(stream: Stream): void {
    const entry = stream.entries.shift();
    if (entry !== undefined) stream.bytes -= entry.subject.length + entry.data.length;
  }

  #streamOf(name: string): Stream {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new MillraceError('notFound', `there is no stream ${name}`);
    return stream;
  }
}

function stateOf({ entries, lastSeq, bytes, created }: Stream): StreamState {
  const firstSeq = entries[0]?.seq ?? lastSeq + 1;
  const bytesMax = Number.POSITIVE_INFINITY;
  return { firstSeq, lastSeq, messages: entries.length, bytes, bytesMax, created };
}

function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  if (!pattern.includes('*') && !pattern.endsWith('>')) return false;
  const wanted = pattern.split('.');
  const found = subject.split('.');
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return found.length > at;
    if (token !== '*' && token !== found[at]) return false;
  }
  return wanted.length === found.length;
}
