/** What goes on all the time while things break: events are published, predictions asked, both through the SDK. */
import { MillraceError, messageOf } from '../../src/base/errors.ts';
import type { Millrace } from '../../src/client/millrace.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { madeEvent, madeFeatures, randomOf } from '../support/data.ts';
import type { Scene } from './plan.ts';

export interface Sent {
  readonly msgId: string;
  readonly events: readonly LearnEvent[];
  /** Undefined until the stream has said that it took it. */
  seq: number | undefined;
}

export interface FailedPrediction {
  readonly error: string;
  readonly startedMs: number;
  readonly endedMs: number;
}

const publishEveryMs = 20;
/** Longer than anything here is away: a publisher that does not give up. */
const publishTimeoutMs = 120_000;
const inFlightMax = 64;
const askEveryMs = 25;
const askers = 2;

/** Small whole numbers whose sums are exact in any order: each event has a category of its own. */
function countedEvent(at: string, random: () => number): LearnEvent {
  const weight = 1 + Math.floor(random() * 3);
  const label = random() < 0.3 ? 0.5 : -0.5;
  return { features: { event: at, group: `g${Math.floor(random() * 7)}` }, label, weight };
}

export class Traffic {
  readonly sent: Sent[] = [];
  readonly failed: FailedPrediction[] = [];
  readonly giveUps: string[] = [];
  predictions = 0;
  readonly #model = 'm';
  readonly #publisher: Millrace;
  readonly #asker: Millrace;
  readonly #scene: Scene;
  readonly #random: () => number;
  readonly #underWay = new Set<Promise<unknown>>();
  #going = true;
  readonly #loops: Promise<void>[];

  constructor(publisher: Millrace, asker: Millrace, scene: Scene, seed: number) {
    this.#publisher = publisher;
    this.#asker = asker;
    this.#scene = scene;
    this.#random = randomOf(seed);
    this.#loops = [this.#publishing(), ...Array.from({ length: askers }, (_, at) => this.#asking(seed + at))];
  }

  /** A message of the stream's kind, published and acked; the sequence. */
  async probe(): Promise<number> {
    return this.#publish(this.#next());
  }

  /** The same messages again, later ones before earlier ones, or some held back: each still counts once. */
  async misbehave(how: 'duplicate' | 'reorder' | 'delay'): Promise<void> {
    const some = Array.from({ length: 8 }, () => this.#next());
    if (how === 'duplicate') {
      // At the same time, and again when all is acked.
      await Promise.all(some.flatMap((sent) => [this.#publish(sent), this.#publish(sent)]));
      await Promise.all(some.map((sent) => this.#publish(sent)));
    }
    if (how === 'reorder') for (const sent of some.reverse()) await this.#publish(sent);
    if (how === 'delay') {
      await Promise.all(
        some.map(async (sent, at) => {
          await new Promise((resolve) => setTimeout(resolve, (at % 3) * 400));
          await this.#publish(sent);
        }),
      );
      await this.#publish(some[0]!);
    }
  }

  /** Resolves when everything that was sent is acked or given up. */
  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#loops);
    await Promise.all(this.#underWay);
  }

  #next(): Sent {
    const random = this.#random;
    const at = this.sent.length;
    const count = random() < 0.7 ? 1 : 1 + Math.floor(random() * 6);
    const events = Array.from({ length: count }, (_, index) => {
      if (random() < 0.01) return { features: { group: 'bad' }, label: 'none' } as unknown as LearnEvent;
      if (this.#scene === 'counting') return countedEvent(`${at}.${index}`, random);
      return madeEvent(random, 'binary');
    });
    const sent: Sent = { msgId: `chaos-${at}`, events, seq: undefined };
    this.sent.push(sent);
    return sent;
  }

  async #publish(sent: Sent): Promise<number> {
    const { seq } = await this.#publisher.learn(this.#model, sent.events, {
      msgId: sent.msgId,
      timeoutMs: publishTimeoutMs,
    });
    sent.seq ??= seq;
    return seq;
  }

  async #publishing(): Promise<void> {
    while (this.#going) {
      await new Promise((resolve) => setTimeout(resolve, publishEveryMs));
      if (this.#underWay.size >= inFlightMax) continue;
      const publishing = this.#publish(this.#next())
        .catch((error) => this.giveUps.push(messageOf(error)))
        .finally(() => this.#underWay.delete(publishing));
      this.#underWay.add(publishing);
    }
  }

  async #asking(seed: number): Promise<void> {
    const random = randomOf(seed);
    while (this.#going) {
      const startedMs = performance.now();
      this.predictions++;
      try {
        await this.#asker.predict(this.#model, madeFeatures(random));
      } catch (error) {
        const kind = error instanceof MillraceError ? error.kind : 'unexpected';
        this.failed.push({ error: `${kind}: ${messageOf(error)}`, startedMs, endedMs: performance.now() });
      }
      await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    }
  }
}
