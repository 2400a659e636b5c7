/**
 * The ids of the last learned events as the plain loop remembers them: a list that is shifted. What a server does
 * with hashes in a ring (src/shard/recent-ids.ts) must come to the same.
 */
import { type IdHash, idHashOf } from '../base/event-id.ts';

export class LearnedIds {
  #idsMax: number;
  /** Oldest first. */
  readonly #ids: Set<string>;

  constructor(idsMax: number, ids: Iterable<string> = []) {
    this.#ids = new Set(ids);
    this.#idsMax = idsMax;
    this.#shift();
  }

  /** From here on so many are remembered. */
  limit(idsMax: number): void {
    this.#idsMax = idsMax;
    this.#shift();
  }

  has(id: string | undefined): boolean {
    return id !== undefined && this.#ids.has(id);
  }

  /** The event with this id, if it has one, was learned. */
  add(id: string | undefined): void {
    if (id === undefined) return;
    this.#ids.add(id);
    this.#shift();
  }

  get ids(): readonly string[] {
    return [...this.#ids];
  }

  #shift(): void {
    while (this.#ids.size > this.#idsMax) this.#ids.delete(this.#ids.values().next().value!);
  }
}

/** Of an event as it came. Texts and finite numbers are ids, and a number is not its digits. */
export function idNameOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const { id } = item as { id?: unknown };
  if (typeof id === 'string' && id !== '') return `text ${id}`;
  return typeof id === 'number' && Number.isFinite(id) ? `number ${id}` : undefined;
}

/** What a server remembers of an id of this name. */
export function idHashOfName(name: string): IdHash {
  const [kind] = name.split(' ', 1);
  const id = name.slice(kind!.length + 1);
  return idHashOf(kind === 'number' ? Number(id) : id);
}
