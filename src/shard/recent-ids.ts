/**
 * The ids of the last learned events, so that an event that comes again, however late, is learned once. A ring in
 * shard 0's memory beside the progressive sums: staged, committed and restored as they are (src/shard/staging.ts).
 *
 *   added = 7, idsMax = 4:   ring [ 4 | 5 | 6 | 3 ]     place p lies at p mod idsMax; places below added - idsMax are gone
 *
 * The ring is state; the index is not, and every life makes its own. It is made when the first id is asked for:
 * a model whose events have no ids pays nothing.
 */
import { bytesOf, keysOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import type { LearnerIdentity } from '../protocol/internal.ts';
import { IdIndex } from './id-index.ts';
import type { ShardMemory } from './memory.ts';
import { stagedIds } from './staging.ts';

/** A place that no number of further ids makes old: another learner's batch has the id and is not committed yet. */
export const claimedElsewhere = Number.POSITIVE_INFINITY;

/** Name of the part of a version that holds them: pairs of uint32, oldest first. */
const blobName = 'recent-ids';

/** Named bytes that go into a version as they are (docs/checkpoint-format.md). */
export type Blobs = Readonly<Record<string, Uint8Array>>;

/** Which ids of a list are known. */
export interface KnownIds {
  /** Ids remembered so far, forgotten ones counted too. */
  readonly added: number;
  /** Indices in the list, and for each the place of its id. */
  readonly at: number[];
  readonly places: number[];
}

export class RecentIds {
  readonly #memory: ShardMemory;
  #index: IdIndex | undefined;
  /** With several learners: whose batch under way has an id, and who has asked this life of the shard. */
  readonly #claims = new Map<string, number>();
  readonly #asked = new Set<number>();

  /** Claims die with the shard's thread; those of batches that are staged are in its memory. */
  constructor(memory: ShardMemory) {
    this.#memory = memory;
    if (memory.shape.learners === 1) return;
    for (let learner = 0; learner < memory.shape.learners; learner++)
      for (const [high, low] of pairsOf(stagedIds(memory, learner))) this.#claim(learner, high, low);
  }

  /**
   * Throws MillraceError('conflict') when another learner may have been told, too, that it is the one to learn an
   * event with one of these ids: an earlier life of this shard has answered, and its claims died with it.
   */
  admit({ learner }: LearnerIdentity, ids: Uint32Array): void {
    if (this.#memory.shape.learners === 1 || ids.length === 0) return;
    const isOthers = pairsOf(ids).some(([high, low]) => !this.#claim(learner, high, low));
    if (isOthers || !this.#asked.has(learner))
      throw new MillraceError('conflict', `learner ${learner} must ask again which ids were learned`);
  }

  /** The last commit is over: what its learner claimed is in the ring, or free. */
  release({ learner }: LearnerIdentity): void {
    for (const [id, owner] of this.#claims) if (owner === learner) this.#claims.delete(id);
  }

  known({ learner }: LearnerIdentity, ids: Uint32Array): KnownIds {
    const { recentIds, ledger, shape } = this.#memory;
    const idsMax = recentIds.length / 2;
    const added = ledger.idsAdded[0]!;
    const known: KnownIds = { added, at: [], places: [] };
    if (idsMax === 0) return known;
    this.#asked.add(learner);
    const index = this.#indexed();
    const newest = (added - 1) % idsMax;
    for (let i = 0; 2 * i < ids.length; i++) {
      const [high, low] = [ids[2 * i]!, ids[2 * i + 1]!];
      if (high === 0 && low === 0) continue;
      const slot = index.find(high, low);
      const place = slot >= 0 ? placeOf(slot, newest, added, idsMax) : undefined;
      const claimed = place === undefined && shape.learners > 1 && !this.#claim(learner, high, low);
      if (place === undefined && !claimed) continue;
      known.at.push(i);
      known.places.push(place ?? claimedElsewhere);
    }
    return known;
  }

  /** Called around every store into the ring. */
  readonly forget = (slot: number): void => {
    this.#index?.remove(slot);
  };
  readonly remember = (slot: number): void => {
    this.#index?.add(slot);
  };

  #claim(learner: number, high: number, low: number): boolean {
    const id = `${high} ${low}`;
    const owner = this.#claims.get(id) ?? learner;
    if (owner === learner) this.#claims.set(id, learner);
    return owner === learner;
  }

  #indexed(): IdIndex {
    if (this.#index !== undefined) return this.#index;
    const { recentIds, ledger } = this.#memory;
    this.#index = new IdIndex(recentIds);
    const held = Math.min(ledger.idsAdded[0]!, recentIds.length / 2);
    for (let slot = 0; slot < held; slot++) this.#index.add(slot);
    return this.#index;
  }
}

const pairsOf = (ids: Uint32Array): [high: number, low: number][] =>
  Array.from({ length: ids.length / 2 }, (_, i) => [ids[2 * i]!, ids[2 * i + 1]!]);

const placeOf = (slot: number, newest: number, added: number, idsMax: number): number =>
  added - 1 - ((newest - slot + idsMax) % idsMax);

/** For a version; nothing where nothing is remembered. */
export function recentIdsBlob({ ledger, recentIds }: ShardMemory): Blobs {
  const idsMax = recentIds.length / 2;
  const added = ledger.idsAdded[0]!;
  if (added === 0) return {};
  const held = Math.min(added, idsMax);
  const pairs = new Uint32Array(2 * held);
  const oldest = added > idsMax ? added % idsMax : 0;
  pairs.set(recentIds.subarray(2 * oldest, 2 * held));
  pairs.set(recentIds.subarray(0, 2 * oldest), 2 * (held - oldest));
  return { [blobName]: bytesOf(pairs) };
}

/** From a version, whose ring may have had another size: the newest stay. Only what comes after what counts here. */
export function loadRecentIds({ ledger, recentIds }: ShardMemory, blobs: Blobs): void {
  const blob = blobs[blobName];
  if (blob === undefined || recentIds.length === 0) return;
  const pairs = keysOf(blob).slice(-recentIds.length);
  recentIds.set(pairs);
  ledger.idsAdded[0] = pairs.length / 2;
}

/** The same as names, oldest first, for the plain loop. */
export function idsOfBlobs(blobs: Blobs): string[] {
  const pairs = keysOf(blobs[blobName] ?? new Uint8Array(0));
  return Array.from({ length: pairs.length / 2 }, (_, i) => `${pairs[2 * i]} ${pairs[2 * i + 1]}`);
}

export function blobsOfIds(ids: readonly string[]): Blobs {
  if (ids.length === 0) return {};
  return { [blobName]: bytesOf(Uint32Array.from(ids.flatMap((id) => id.split(' ').map(Number)))) };
}
