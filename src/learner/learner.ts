/**
 * The learner's loop, without a broker's details. A batch is what has arrived; its rows are pulled, every event
 * is applied in order, the changed rows are staged on all shards, and then committed. The commit of a batch rides
 * on the pull of the next one, or goes alone when nothing is waiting. While shards stage a batch, the next one is
 * decoded and hashed.
 */
import { bytesOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import { type FaultPoints, noFaults } from '../base/fault-points.ts';
import type { OnlineModel } from '../kernels/online-model.ts';
import type { ModelDefinition } from '../model/definition.ts';
import { addToSums, noBucket, sumCount } from '../model/metrics.ts';
import { differenceRows } from '../model/row-join.ts';
import type { BatchTally } from '../protocol/internal.ts';
import { anchorNumbers, anchorOf } from '../protocol/log-anchor.ts';
import type { RejectedEvent } from '../protocol/messages.ts';
import { Batch } from './batch.ts';
import { type BatchBuilder, rejectedEvent } from './batch-builder.ts';
import { Duplicates } from './duplicates.ts';
import type { EntryQueue } from './entry-queue.ts';
import type { GapAlarm } from './gap-alarm.ts';
import type { ShardClient, ShardRows } from './shard-client.ts';
import type { WorkBoard } from './work-board.ts';

export interface LearnerParts {
  readonly definition: ModelDefinition;
  readonly model: OnlineModel;
  readonly modelName: string;
  readonly learners: number;
  readonly shards: ShardClient;
  readonly builder: BatchBuilder;
  readonly queue: EntryQueue;
  /** Says where the learner is. */
  readonly board: WorkBoard;
  /** Ids of learned events that shard 0 remembers; 0: ids mean nothing. */
  readonly recentIdsMax: number;
  /** Keeps what was refused; resolves when that is durable. */
  keepRejected(events: readonly RejectedEvent[]): Promise<void>;
  /** Told of what the stream no longer held, before learning passes it. */
  readonly gapFound: GapAlarm;
  /** Progressive sums so far (src/model/metrics.ts), as the shards have them. */
  readonly sums: Float64Array;
  /** Whether the learner starts out paused. */
  readonly paused: boolean;
  readonly faults?: FaultPoints;
}

interface Prepared {
  readonly batch: Batch;
  readonly rejected: RejectedEvent[];
}

export class Learner {
  readonly #parts: LearnerParts;
  readonly #batches: readonly Batch[];
  #next = 0;
  /** A batch that was decoded while the one before it was being staged. */
  #overlapped: Prepared | undefined;
  #table = new Float32Array(0);
  #before = new Float32Array(0);
  #buckets = new Uint16Array(0);
  #sums: Float64Array;
  #stopping = false;
  #paused: boolean;
  #cuts: string[] = [];

  constructor(parts: LearnerParts) {
    this.#parts = parts;
    this.#batches = [new Batch(parts.model.layout), new Batch(parts.model.layout)];
    this.#sums = parts.sums;
    this.#paused = parts.paused;
  }

  /** Runs until stop(); rejects when a shard refuses this learner. */
  async run(): Promise<void> {
    const { queue, shards } = this.#parts;
    let uncommitted = 0;
    let prepared: Prepared | undefined;
    while (!this.#stopping) {
      if (!this.#paused) prepared ??= this.#prepare();
      if (this.#paused || prepared === undefined) {
        uncommitted = await this.#settle(uncommitted);
        if (this.#isIdle(prepared)) await queue.wakeUp();
        continue;
      }
      await this.#learn(prepared, uncommitted);
      uncommitted = prepared.batch.toSeq;
      prepared = undefined;
      if (this.#cuts.length > 0) uncommitted = await this.#settle(uncommitted);
      prepared = this.#overlapped;
      this.#overlapped = undefined;
    }
    await this.#settle(uncommitted);
    shards.close();
  }

  /** Asks for a marker between two batches. */
  cut(cut: string): void {
    if (!this.#cuts.includes(cut)) this.#cuts.push(cut);
    this.#parts.queue.wake();
  }

  /** A paused learner keeps its place, still takes part in cuts, and learns nothing. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#parts.queue.wake();
  }

  /** Lets the batch at hand be committed, then ends the loop. */
  stop(): void {
    this.#stopping = true;
    this.#parts.queue.wake();
  }

  /** Nothing to do until somebody calls wake(): checked right before waiting, so that no call is missed. */
  #isIdle(prepared: Prepared | undefined): boolean {
    if (this.#stopping || this.#cuts.length > 0) return false;
    return this.#paused || (prepared === undefined && this.#parts.queue.length === 0);
  }

  /** Commits what is staged, and sends the markers that were asked for: the place between two batches. */
  async #settle(uncommitted: number): Promise<number> {
    const { shards, board } = this.#parts;
    if (uncommitted > 0) {
      await shards.commit(uncommitted);
      board.settle(uncommitted);
    }
    for (const cut of this.#cuts.splice(0)) await shards.marker(cut);
    return 0;
  }

  /** Entries that have arrived, up to a full batch; undefined when none have. */
  #prepare(): Prepared | undefined {
    const { queue, builder, board } = this.#parts;
    if (queue.length === 0) return undefined;
    const batch = this.#batches[this.#next]!;
    this.#next = 1 - this.#next;
    batch.clear();
    const rejected: RejectedEvent[] = [];
    board.takeUp(queue.seqAt(this.#isSuspectNext ? 0 : builder.messagesMax - 1));
    do {
      rejected.push(...builder.take(queue.shift(), batch));
    } while (
      queue.length > 0 &&
      builder.accepts(batch) &&
      !board.isSuspect(batch.toSeq) &&
      !this.#isSuspectNext
    );
    board.rest();
    return { batch, rejected };
  }

  get #isSuspectNext(): boolean {
    return this.#parts.board.isSuspect(this.#parts.queue.seqAt(0));
  }

  async #learn({ batch, rejected }: Prepared, uncommitted: number): Promise<void> {
    const { shards, board, keepRejected, faults = noFaults } = this.#parts;
    this.#blame(batch);
    const keys = batch.keys.keys.subarray(0, batch.keys.count);
    const parts = shards.split(keys);
    this.#reserve(keys.length, batch.count);
    faults.reach('learner.beforePull');
    const known = this.#duplicatesIn(batch, uncommitted);
    const pulled = shards.pull(parts, uncommitted, this.#table);
    board.rest();
    const [duplicates] = await Promise.all([known, pulled]);
    if (uncommitted > 0) board.done(uncommitted);
    faults.reach('learner.afterPull');
    for (const [first, last] of batch.gaps) this.#parts.gapFound(first, last);
    const tally = this.#apply(batch, rejected, keys.length, duplicates);
    // What was refused is durable before the batch counts as applied: an event is never in neither place.
    const kept = rejected.length > 0 ? keepRejected(rejected) : undefined;
    board.rest();
    await kept;
    this.#blame(batch);
    await this.#push(parts, batch.toSeq, tally, duplicates?.learnedIds);
  }

  /** What is done for the batch as a whole is the fault of a message only when it is the only one. */
  #blame({ toSeq }: Batch): void {
    const { board } = this.#parts;
    if (board.isSuspect(toSeq)) board.begin('learner.learning', toSeq);
  }

  /** Undefined when no event of the batch has an id. */
  async #duplicatesIn({ ids, idCount, count }: Batch, uncommitted: number): Promise<Duplicates | undefined> {
    const { shards, recentIdsMax } = this.#parts;
    if (recentIdsMax === 0 || idCount === 0) return undefined;
    const own = ids.subarray(0, 2 * count);
    return new Duplicates(recentIdsMax, own, await shards.knownIds(own, uncommitted));
  }

  async #push(
    parts: readonly ShardRows[],
    toSeq: number,
    tally: BatchTally,
    learnedIds: Uint32Array | undefined,
  ): Promise<void> {
    const { shards, board } = this.#parts;
    const pushed = shards.push(parts, this.#table, toSeq, tally, learnedIds);
    board.rest();
    if (!board.isSuspect(toSeq)) this.#overlapped = this.#prepare();
    await pushed;
  }

  /** Every event in order against the working set. */
  #apply(
    batch: Batch,
    rejected: RejectedEvent[],
    rows: number,
    duplicates: Duplicates | undefined,
  ): BatchTally {
    const { model, board, definition, learners } = this.#parts;
    const sums = learners > 1 ? new Float64Array(sumCount) : this.#sums;
    if (learners > 1) this.#before.set(this.#table.subarray(0, rows * model.layout.width));
    let learned = 0;
    let counted = 0;
    let repeated = 0;
    for (let i = 0; i < batch.count; i++) {
      if (duplicates?.has(i)) {
        repeated++;
        continue;
      }
      board.begin('learner.learning', batch.seqs[i]!, batch.indices[i]!);
      try {
        const [label, weight] = [batch.labelOf(i), batch.weights[i]!];
        const raw = model.learn(this.#table, batch.view(i), label, weight);
        const bucket = addToSums(sums, definition, raw, label, weight, model.classes);
        if (bucket !== noBucket) this.#buckets[counted++] = bucket;
        learned++;
        duplicates?.add(i);
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        rejected.push(this.#refusedWhileLearning(batch, i, error));
      }
    }
    this.#blame(batch);
    if (learners > 1)
      differenceRows(model.layout, batch.keys.keys.subarray(0, rows), this.#before, this.#table);
    return {
      learned,
      rejected: rejected.length,
      excluded: batch.excluded,
      duplicates: repeated,
      missing: batch.gaps.reduce((sum, [first, last]) => sum + last - first + 1, 0),
      ...(batch.last === undefined
        ? {}
        : { anchor: bytesOf(Float64Array.from(anchorNumbers(anchorOf(batch.last)))) }),
      sums: bytesOf(sums.slice()),
      buckets: bytesOf(this.#buckets.slice(0, counted)),
      stamps: bytesOf(new Float64Array(batch.stamps)),
    };
  }

  #refusedWhileLearning(batch: Batch, event: number, error: MillraceError): RejectedEvent {
    const at = {
      seq: batch.seqs[event]!,
      index: batch.indices[event]!,
      timeMs: batch.times[event]!,
      key: batch.messageKeys[event],
    };
    return rejectedEvent(this.#parts.modelName, at, error, batch.originals[event]!.value);
  }

  #reserve(rows: number, events: number): void {
    const floats = rows * this.#parts.model.layout.width;
    if (this.#table.length < floats) {
      this.#table = new Float32Array(floats * 2);
      if (this.#parts.learners > 1) this.#before = new Float32Array(floats * 2);
    }
    if (this.#buckets.length < events) this.#buckets = new Uint16Array(events * 2);
  }
}
