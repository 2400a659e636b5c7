/**
 * What a predictor serves: the replica of one epoch, and how fresh it is. A change of epoch builds the next
 * replica beside the present one and swaps when that is whole, so that no request waits and none reads two epochs.
 */
import { LatencyHistogram } from '../base/latency-histogram.ts';
import type { ServedState } from '../protocol/internal.ts';
import type { ServingState } from './answer-service.ts';
import { Gate, type GateSettings } from './gate.ts';
import { ReplicaFeed, type ReplicaFeedSettings } from './replica-feed.ts';
import { StreamAge } from './stream-age.ts';

export interface ServingSettings extends ReplicaFeedSettings {
  readonly limits: GateSettings;
  /** Milliseconds that only go forward, far from 0, for ages. */
  readonly now: () => number;
  /** Milliseconds since the epoch, comparable with the broker's stamps. */
  readonly wallNow: () => number;
}

/** Where the stream ended when it was asked. */
interface StreamEnd {
  readonly askedAtMs: number;
  readonly lastSeq: number;
}

export class Serving {
  readonly gate: Gate;
  /** From a message's publish to its being part of every row here. */
  readonly freshness = new LatencyHistogram();
  readonly #settings: ServingSettings;
  #age = new StreamAge();
  #feed: ReplicaFeed;
  /** The replica that is being built for a later epoch. */
  #next: ReplicaFeed | undefined;

  constructor(settings: ServingSettings) {
    this.#settings = settings;
    this.#feed = this.#open(settings.served);
    const view = () => ({
      seq: this.#feed.replica.seq,
      streamEnd: this.#age.lastSeq,
      leftOut: this.#feed.served.leftOut,
      ageMs: () => this.#age.ageMs(settings.now()),
    });
    this.gate = new Gate(settings.limits, view, () => this.checkEnd());
  }

  /** Resolves when every row is there. */
  async whole(): Promise<void> {
    await this.#feed.whole();
    await this.checkEnd();
  }

  get served(): ServedState {
    return this.#feed.served;
  }

  get seq(): number {
    return this.#feed.replica.seq;
  }

  state(): ServingState {
    const { replica, served } = this.#feed;
    const ageMs = Math.round(this.#age.ageMs(this.#settings.now()));
    const provenance = { model: this.#settings.model, version: served.version, seq: replica.seq, ageMs };
    return { table: replica.table, provenance };
  }

  /** Asks the stream for its end: how the replica learns that it holds everything. */
  async checkEnd(): Promise<void> {
    const end = await this.#askEnd();
    if (end !== undefined) this.#age.checked(end.askedAtMs, end.lastSeq, this.seq);
    this.gate.advanced();
  }

  async #askEnd(): Promise<StreamEnd | undefined> {
    const { channel, subjects, model, now } = this.#settings;
    const askedAtMs = now();
    const state = await channel.streamState(subjects.stream(model));
    return state && { askedAtMs, lastSeq: state.lastSeq };
  }

  /** Serves another state: at once when only the version moved, else when its replica is whole. Older ones are ignored. */
  async serve(served: ServedState): Promise<void> {
    const newest = this.#next ?? this.#feed;
    if (served.epoch === newest.served.epoch) newest.served = served;
    if (served.epoch > newest.served.epoch) {
      this.#next = this.#open(served);
      if (newest !== this.#feed) newest.close();
    }
    await this.#next?.whole();
    // Without an answer the new replica's age is unknown until the next check.
    const end = await this.#askEnd().catch(() => undefined);
    if (this.#next?.replica.whole) this.#swap(this.#next, end);
  }

  #swap(next: ReplicaFeed, end: StreamEnd | undefined): void {
    this.#next = undefined;
    this.#feed.close();
    this.#feed = next;
    // What the old replica was complete of says nothing of this one.
    this.#age = new StreamAge();
    if (end !== undefined) this.#age.checked(end.askedAtMs, end.lastSeq, this.seq);
    this.gate.advanced();
  }

  close(): void {
    this.gate.close();
    this.#next?.close();
    this.#feed.close();
  }

  #open(served: ServedState): ReplicaFeed {
    return ReplicaFeed.open({ ...this.#settings, served }, (feed) => this.#advanced(feed));
  }

  #advanced(feed: ReplicaFeed): void {
    if (feed !== this.#feed) return;
    const nowMs = this.#settings.wallNow();
    for (const publishedMs of feed.replica.takeVisible()) this.freshness.recordMs(nowMs - publishedMs);
    this.#age.reached(feed.replica.seq);
    this.gate.advanced();
  }
}
