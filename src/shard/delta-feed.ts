/**
 * What replicas hear of a shard: numbered deltas, and heartbeats that repeat the last number. Rows that do not
 * fit one message go in several; only the last of them may claim the new sequence.
 */
import { bytesOf } from '../base/bytes.ts';
import type { Delta } from '../protocol/internal.ts';
import type { Shard } from './shard.ts';

const nothing = new Uint8Array(0);

export class DeltaFeed {
  readonly source: string;
  #number = 0;
  #seq = 0;
  /** (sequence, publish time) pairs of committed messages that no delta has carried yet. */
  #stamps: number[] = [];

  /** The source tells this life of the shard's thread from every other. */
  constructor(source: string) {
    this.source = source;
  }

  get number(): number {
    return this.#number;
  }

  committed(stamps: Float64Array | undefined): void {
    if (stamps !== undefined) this.#stamps.push(...stamps);
  }

  /** Everything that replicas have not heard, in order. */
  collect(shard: Shard): Delta[] {
    const deltas: Delta[] = [];
    for (;;) {
      const delta = shard.takeDelta();
      if (delta === undefined) break;
      if (!shard.hasDelta) this.#seq = shard.seq;
      this.#number++;
      deltas.push(this.#delta(bytesOf(delta.keys), bytesOf(delta.rows)));
    }
    return deltas;
  }

  /** Says that nothing was lost, and passes marks on that came without rows. */
  heartbeat(shard: Shard): Delta {
    if (!shard.hasDelta) this.#seq = shard.seq;
    return this.#delta(nothing, nothing);
  }

  #delta(keys: Uint8Array, rows: Uint8Array): Delta {
    const stamps = this.#stamps.length > 0 ? { stamps: bytesOf(new Float64Array(this.#stamps)) } : {};
    this.#stamps = [];
    return { number: this.#number, source: this.source, seq: this.#seq, keys, rows, ...stamps };
  }
}
