/**
 * Many events, packed into messages, with a window of publishes under way. Memory is bounded by the window and
 * the packs; the source is asked for no more while the window is full. The first failure ends the run.
 *
 * Messages enter the stream in the order of the source, unless one must be sent again: `inFlight: 1` keeps the
 * order then too.
 */
import { MillraceError } from '../base/errors.ts';
import type { LearnEvent } from '../protocol/messages.ts';
import { append, type Receipt } from './learn.ts';
import { type Link, type Payload, payloadOf } from './link.ts';
import { type Pack, Packer } from './packer.ts';
import { keyToken, nameOf } from './tokens.ts';

export interface LearnStreamOptions {
  readonly eventsPerMessage?: number;
  /** Messages published and not yet acked. */
  readonly inFlight?: number;
  /** The key of an event, see LearnOptions.key. */
  readonly key?: (event: LearnEvent) => string | undefined;
  /** An incomplete message goes after this long, so that a slow source is not held back. */
  readonly lingerMs?: number;
  readonly timeoutMs?: number;
  /** Called after every ack. */
  readonly onProgress?: (progress: LearnProgress) => void;
}

export interface LearnProgress {
  readonly events: number;
  readonly messages: number;
  readonly bytes: number;
  /** Sequence that covers every event acked so far; 0 before the first. */
  readonly seq: number;
}

const defaults = { eventsPerMessage: 256, inFlight: 32, lingerMs: 20 };
/** Packs held at a time when there are keys. */
const packsMax = 64;

/** Resolves when every event is acked. */
export async function learnStream(
  link: Link,
  model: string,
  events: AsyncIterable<LearnEvent> | Iterable<LearnEvent>,
  options: LearnStreamOptions,
): Promise<LearnProgress> {
  nameOf(model);
  const packer = new Packer(options.eventsPerMessage ?? defaults.eventsPerMessage, packsMax);
  const window = new Window(options.inFlight ?? defaults.inFlight);
  const progress = { events: 0, messages: 0, bytes: 0, seq: 0 };

  const send = (pack: Pack) => {
    const subject = link.subjects.learn(model, pack.key);
    for (const { count, payload } of payloadsOf(link, pack.events)) {
      window.add(append(link, model, subject, payload, options), (receipt) => {
        progress.events += count;
        progress.messages += 1;
        progress.bytes += payload.data.length;
        progress.seq = Math.max(progress.seq, receipt.seq);
        options.onProgress?.({ ...progress });
      });
    }
  };

  const linger = setInterval(() => {
    if (window.hasRoom) window.guard(() => packer.takeOld().forEach(send));
  }, options.lingerMs ?? defaults.lingerMs);
  try {
    for await (const event of events) {
      const key = options.key?.(event);
      const pack = packer.add(event, key === undefined ? undefined : keyToken(key));
      if (pack !== undefined) send(pack);
      if (pack !== undefined || window.failed) await window.room();
    }
    for (let pack = packer.takeOldest(); pack !== undefined; pack = packer.takeOldest()) {
      send(pack);
      await window.room();
    }
  } finally {
    clearInterval(linger);
    await window.empty();
  }
  await window.room();
  return progress;
}

/** The pack as one message, or as halves of it when it is too large for one. */
function payloadsOf(link: Link, events: readonly LearnEvent[]): { count: number; payload: Payload }[] {
  try {
    return [{ count: events.length, payload: payloadOf(link, events) }];
  } catch (error) {
    if (!(error instanceof MillraceError) || error.kind !== 'tooLarge' || events.length < 2) throw error;
    const middle = events.length >> 1;
    return [...payloadsOf(link, events.slice(0, middle)), ...payloadsOf(link, events.slice(middle))];
  }
}

/** Publishes under way; remembers the first failure. */
class Window {
  readonly #most: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  get hasRoom(): boolean {
    return this.#underWay.size < this.#most;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  add(publish: Promise<Receipt>, acked: (receipt: Receipt) => void): void {
    const settled = publish
      .then(acked)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
  }

  /** For what is done on a timer, where a throw would be nobody's. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Resolves when another publish may start; throws the first failure. */
  async room(): Promise<void> {
    while (!this.hasRoom && !this.failed) await Promise.race(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async empty(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }
}
