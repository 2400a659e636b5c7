/**
 * Gathers events into packs, one pack per key at a time, and hands out a pack when it is full or old. What is
 * held is bounded: above the bound the oldest pack goes as it is. Order within a key is kept.
 */
import type { LearnEvent } from '../protocol/messages.ts';

export interface Pack {
  readonly key: string | undefined;
  readonly events: LearnEvent[];
}

interface HeldPack extends Pack {
  /** Ticks seen since the first event. */
  age: number;
}

export class Packer {
  readonly #packs = new Map<string | undefined, HeldPack>();
  readonly #eventsPerPack: number;
  readonly #eventsMax: number;
  #events = 0;

  constructor(eventsPerPack: number, packsMax: number) {
    this.#eventsPerPack = eventsPerPack;
    this.#eventsMax = eventsPerPack * packsMax;
  }

  /** The pack that is to be sent now, if any. */
  add(event: LearnEvent, key: string | undefined): Pack | undefined {
    let pack = this.#packs.get(key);
    if (pack === undefined) {
      pack = { key, events: [], age: 0 };
      this.#packs.set(key, pack);
    }
    pack.events.push(event);
    this.#events += 1;
    if (pack.events.length >= this.#eventsPerPack) return this.#take(pack);
    return this.#events >= this.#eventsMax ? this.takeOldest() : undefined;
  }

  takeOldest(): Pack | undefined {
    const first = this.#packs.values().next();
    return first.done === true ? undefined : this.#take(first.value);
  }

  /** Called at an interval: the packs that have waited for at least a whole one. */
  takeOld(): Pack[] {
    return [...this.#packs.values()].filter((pack) => ++pack.age > 1).map((pack) => this.#take(pack));
  }

  #take(pack: HeldPack): Pack {
    this.#packs.delete(pack.key);
    this.#events -= pack.events.length;
    return pack;
  }
}
