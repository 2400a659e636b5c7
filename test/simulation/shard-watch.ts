/**
 * Looks at one shard's memory after each thing that the shard did: marks only grow, and rows and ledger are those
 * of the loop at the marks.
 */
import type { ShardSettings } from '../../actors/shard.ts';
import { idHashOf } from '../../src/base/event-id.ts';
import { countNames } from '../../src/protocol/internal.ts';
import { openShardMemory, type ShardBuffers, type ShardMemory } from '../../src/shard/memory.ts';
import { idsOfBlobs, recentIdsBlob } from '../../src/shard/recent-ids.ts';
import { must, sameNumbers } from './difference.ts';
import type { Oracle } from './oracle.ts';

/** Marks as last seen, by memory: a shard's next life goes on from them. */
export type MarksSeen = WeakMap<ShardBuffers, Float64Array>;

export class ShardWatch {
  readonly memory: ShardMemory;
  readonly epoch: number;
  readonly #oracle: Oracle;
  readonly #isExact: boolean;
  readonly #seen: Float64Array;
  #events = -1;

  constructor(settings: ShardSettings, oracle: Oracle, isExact: boolean, seen: MarksSeen) {
    this.memory = openShardMemory(settings.shape, settings.buffers);
    this.epoch = settings.epoch;
    this.#oracle = oracle;
    this.#isExact = isExact;
    this.#seen = seen.get(settings.buffers) ?? this.memory.ledger.marks.slice();
    seen.set(settings.buffers, this.#seen);
  }

  get #name(): string {
    return `epoch ${this.epoch}, shard ${this.memory.shape.shard}`;
  }

  /** Every entry up to here is in. */
  get seq(): number {
    return Math.min(...this.memory.ledger.marks);
  }

  check(): void {
    const { marks, counts } = this.memory.ledger;
    const events = counts.reduce((sum, count) => sum + count, 0);
    if (events === this.#events && marks.every((mark, at) => mark === this.#seen[at])) return;
    this.#events = events;
    marks.forEach((mark, partition) => {
      const before = this.#seen[partition]!;
      must(mark >= before, () => `${this.#name}: mark ${partition} went from ${before} back to ${mark}`);
    });
    this.#seen.set(marks);
    if (this.#isExact) this.#checkState();
    else this.#checkCounts();
  }

  #checkState(): void {
    const { ledger, rows, shape } = this.memory;
    const seq = ledger.marks[0]!;
    must(
      ledger.marks.every((mark) => mark === seq),
      () => `${this.#name}: one learner, and marks ${ledger.marks.join(' ')}`,
    );
    const state = this.#oracle.stateAt(this.epoch, seq);
    const { width } = shape.layout;
    const { start, end } = shape.range;
    sameNumbers(
      rows,
      state.table.subarray(start * width, end * width),
      (at) => `${this.#name}, at ${seq}: key ${start + Math.floor(at / width)}, slot ${at % width}`,
    );
    for (const name of ['learned', 'rejected', 'duplicates'] as const) {
      const found = ledger.counts[countNames.indexOf(name)];
      must(
        found === state[name],
        () => `${this.#name}, at ${seq}: ${found} events ${name}, the loop has ${state[name]}`,
      );
    }
    if (shape.shard > 0) return;
    sameNumbers(ledger.totals, state.totals, (at) => `${this.#name}, at ${seq}: total ${at}`);
    const ids = idsOfBlobs(recentIdsBlob(this.memory)).join();
    const wanted = state.ids.map((id) => idHashOf(id.replace(/^text /, '')).join(' ')).join();
    must(ids === wanted, () => `${this.#name}, at ${seq}: ids ${ids}; the loop has ${wanted}`);
  }

  #checkCounts(): void {
    const { counts, marks } = this.memory.ledger;
    const found = counts.reduce((sum, count) => sum + count, 0);
    const wanted = this.#oracle.eventsAt(this.epoch, marks);
    must(
      found === wanted,
      () => `${this.#name}, at ${marks.join(' ')}: ${found} events, the log has ${wanted}`,
    );
  }
}
