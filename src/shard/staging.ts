/**
 * Stage, then commit: a batch is all or nothing across shards (docs/runtime-semantics.md). A learner stages its
 * rows on every shard; when all hold them it commits. Committing first works out what the rows and the ledger
 * will be (the redo log), then marks the area as applying, then stores. Storing twice is the same as once, so a
 * thread that dies anywhere in between is made good by its next life.
 */
import { assert } from '../base/assert.ts';
import { doublesOf, shortsOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import { sumCount, sums } from '../model/metrics.ts';
import { mergeRow } from '../model/row-join.ts';
import { type BatchTally, countNames } from '../protocol/internal.ts';
import { anchorLength } from '../protocol/log-anchor.ts';
import type { ShardMemory, StagingArea } from './memory.ts';
import { touch } from './touched-rows.ts';

const status = { empty: 0, filling: 1, staged: 2, applying: 3 } as const;
const head = { status: 0, rows: 1, buckets: 2, parts: 3, ids: 4 } as const;
const tally = {
  toSeq: 0,
  counts: 1,
  sums: 1 + countNames.length,
  anchor: 1 + countNames.length + sumCount,
} as const;
const tallyTargets = { counts: 0, sums: countNames.length, saturated: countNames.length + sumCount } as const;

export interface PushPart {
  readonly toSeq: number;
  readonly part: number;
  readonly parts: number;
  readonly keys: Uint32Array;
  readonly rows: Float32Array;
  /** Shard 0 only. Pairs: ids of learned events, in order. */
  readonly ids?: Uint32Array;
  readonly tally?: BatchTally;
}

/** What the replicas must hear of a committed batch: keys are local row numbers. */
export type RowsWritten = (localRows: Uint32Array) => void;
/** Called before rows are overwritten. */
export type BeforeWrite = (localRow: number) => void;
/** Called in the middle of each row's writing. */
export type InsideRow = () => void;
/** Called around every store into the ring of recent ids. */
export interface IdsWritten {
  forget(slot: number): void;
  remember(slot: number): void;
}

/** End of the batch that is staged for this learner; 0 when none is. */
export function stagedTo(memory: ShardMemory, learner: number): number {
  const area = memory.staging[learner]!;
  return area.head[head.status] === status.staged ? area.tally[tally.toSeq]! : 0;
}

/** Ids that the staged batch has learned; pairs. */
export function stagedIds(memory: ShardMemory, learner: number): Uint32Array {
  const area = memory.staging[learner]!;
  const count = area.head[head.status] === status.staged ? area.head[head.ids]! : 0;
  return area.ids.subarray(0, 2 * count);
}

export function drop(memory: ShardMemory, learner: number): void {
  memory.staging[learner]!.head[head.status] = status.empty;
}

/** Adds one part of a batch; the last one completes it. A batch that is pushed again replaces itself; a later part that comes again is there already. */
export function stage(memory: ShardMemory, learner: number, push: PushPart): void {
  const area = memory.staging[learner]!;
  if (push.part > 0 && isThere(area, push)) return;
  if (push.part === 0) begin(area, push.toSeq);
  const inOrder = area.head[head.status] === status.filling && area.head[head.parts] === push.part;
  if (!inOrder)
    throw new MillraceError('conflict', `part ${push.part} of batch ${push.toSeq} is out of order`);
  appendRows(memory, area, push);
  if (push.ids !== undefined) appendIds(area, push.ids);
  area.head[head.parts] = push.part + 1;
  if (push.part + 1 < push.parts) return;
  writeTally(area, push.tally);
  area.head[head.status] = status.staged;
}

/** The sender did not hear our answer and repeats itself. */
function isThere(area: StagingArea, { toSeq, part }: PushPart): boolean {
  const holds = area.head[head.status] === status.filling || area.head[head.status] === status.staged;
  return holds && area.tally[tally.toSeq] === toSeq && part < area.head[head.parts]!;
}

function begin(area: StagingArea, toSeq: number): void {
  area.head[head.status] = status.filling;
  area.tally[tally.toSeq] = toSeq;
  area.head[head.rows] = 0;
  area.head[head.buckets] = 0;
  area.head[head.parts] = 0;
  area.head[head.ids] = 0;
}

function appendRows(memory: ShardMemory, area: StagingArea, push: PushPart): void {
  const { range, layout, stagedRowsMax } = memory.shape;
  const count = area.head[head.rows]!;
  assert(push.rows.length === push.keys.length * layout.width, 'a push carries one row for each key');
  assert(count + push.keys.length <= stagedRowsMax, 'a batch fits its staging area');
  for (const key of push.keys)
    assert(key >= range.start && key < range.end, 'a shard gets its own keys only');
  area.keys.set(push.keys, count);
  area.rows.set(push.rows, count * layout.width);
  area.head[head.rows] = count + push.keys.length;
}

function appendIds(area: StagingArea, ids: Uint32Array): void {
  const count = area.head[head.ids]!;
  assert(2 * count + ids.length <= area.ids.length, 'a batch has no more ids than events');
  area.ids.set(ids, 2 * count);
  area.head[head.ids] = count + ids.length / 2;
}

function writeTally(area: StagingArea, given: BatchTally | undefined): void {
  for (const [at, name] of countNames.entries()) area.tally[tally.counts + at] = given?.[name] ?? 0;
  area.tally.fill(Number.NaN, tally.sums, tally.anchor);
  area.tally.fill(0, tally.anchor);
  if (given?.anchor !== undefined) area.tally.set(doublesOf(given.anchor), tally.anchor);
  if (given?.sums !== undefined) area.tally.set(doublesOf(given.sums), tally.sums);
  const buckets = given?.buckets === undefined ? new Uint16Array(0) : shortsOf(given.buckets);
  assert(buckets.length <= area.buckets.length, 'a batch counts no more buckets than it has events');
  area.buckets.set(buckets);
  area.head[head.buckets] = buckets.length;
}

/**
 * Makes the staged batch part of the shard. Returns false when it already was; throws MillraceError('conflict')
 * when another batch, or none, is staged.
 */
export function commit(
  memory: ShardMemory,
  learner: number,
  toSeq: number,
  beforeWrite: BeforeWrite,
  written: RowsWritten,
  insideRow: InsideRow = ignore,
  ids: IdsWritten = noIndex,
): boolean {
  if (memory.ledger.committedTo[learner] === toSeq) return false;
  const area = memory.staging[learner]!;
  if (area.head[head.status] !== status.staged || area.tally[tally.toSeq] !== toSeq) {
    throw new MillraceError('conflict', `batch ${toSeq} of learner ${learner} is not staged here`);
  }
  workOutTargets(memory, area);
  area.head[head.status] = status.applying;
  apply(memory, learner, { beforeWrite, insideRow, written, ids });
  return true;
}

/** Whether a batch is half in the rows and the ledger, as another thread sees it. */
export const isApplying = ({ staging }: ShardMemory): boolean =>
  staging.some((area) => Atomics.load(area.head, head.status) === status.applying);

/** What a new life of a shard does first: finishes a batch that was being applied, forgets one half pushed. */
export function recover(memory: ShardMemory): void {
  for (let learner = 0; learner < memory.staging.length; learner++) {
    const present = memory.staging[learner]!.head[head.status];
    if (present === status.applying)
      apply(memory, learner, { beforeWrite: ignore, insideRow: ignore, written: ignore, ids: noIndex });
    if (present === status.filling) drop(memory, learner);
  }
}

const ignore = (): void => undefined;
/** Nobody has looked into the ring yet in this life. */
const noIndex: IdsWritten = { forget: ignore, remember: ignore };

/**
 * From what was pushed to what will be stored. Reads rows, ledger and what was pushed, writes targets only: a life
 * that ends in here leaves the batch staged, and the next one works the same targets out.
 */
function workOutTargets(memory: ShardMemory, area: StagingArea): void {
  const { ledger, shape, rows } = memory;
  const { width } = shape.layout;
  const several = shape.learners > 1;
  const count = area.head[head.rows]!;
  let saturated = 0;
  for (let i = 0; several && i < count; i++) {
    const from = (area.keys[i]! - shape.range.start) * width;
    area.targets.set(rows.subarray(from, from + width), i * width);
    if (mergeRow(shape.layout, area.keys[i]!, area.rows, i * width, area.targets, i * width)) saturated++;
  }
  for (let at = 0; at < countNames.length; at++)
    area.tallyTargets[tallyTargets.counts + at] = ledger.counts[at]! + area.tally[tally.counts + at]!;
  // Where a batch carries no sums they are not numbers, and stay so.
  for (let sum = 0; sum < sumCount; sum++) {
    const before = several ? ledger.totals[sum]! : 0;
    area.tallyTargets[tallyTargets.sums + sum] = before + area.tally[tally.sums + sum]!;
  }
  area.tallyTargets[tallyTargets.saturated] = ledger.saturated[0]! + saturated;
  area.idsFrom[0] = ledger.idsAdded[0]!;
  workOutBuckets(memory, area);
}

/** The n-th mention of a bucket leads to its count plus n, so that storing the targets in order is repeatable. */
function workOutBuckets(memory: ShardMemory, area: StagingArea): void {
  const counted = new Map<number, number>();
  for (let i = 0; i < area.head[head.buckets]!; i++) {
    const bucket = area.buckets[i]!;
    const target = (counted.get(bucket) ?? memory.ledger.totals[bucket]!) + 1;
    counted.set(bucket, target);
    area.bucketTargets[i] = target;
  }
}

interface Watcher {
  readonly beforeWrite: BeforeWrite;
  readonly insideRow: InsideRow;
  readonly written: RowsWritten;
  readonly ids: IdsWritten;
}

function apply(
  memory: ShardMemory,
  learner: number,
  { beforeWrite, insideRow, written, ids }: Watcher,
): void {
  const { ledger, shape, rows } = memory;
  const { width } = shape.layout;
  const area = memory.staging[learner]!;
  const count = area.head[head.rows]!;
  const local = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const row = area.keys[i]! - shape.range.start;
    local[i] = row;
    beforeWrite(row);
    touch(memory, row);
    for (let slot = 0; slot < width; slot++) {
      if (slot === width - 1) insideRow();
      rows[row * width + slot] = area.targets[i * width + slot]!;
    }
  }
  const toSeq = area.tally[tally.toSeq]!;
  ledger.counts.set(area.tallyTargets.subarray(tallyTargets.counts, tallyTargets.sums));
  if (!Number.isNaN(area.tallyTargets[tallyTargets.sums + sums.events]!))
    ledger.totals.set(area.tallyTargets.subarray(tallyTargets.sums, tallyTargets.saturated));
  ledger.saturated[0] = area.tallyTargets[tallyTargets.saturated]!;
  for (let i = 0; i < area.head[head.buckets]!; i++) ledger.totals[area.buckets[i]!] = area.bucketTargets[i]!;
  storeIds(memory, area, ids);
  for (let partition = learner; partition < shape.partitions; partition += shape.learners) {
    ledger.marks[partition] = Math.max(ledger.marks[partition]!, toSeq);
  }
  const anchor = area.tally.subarray(tally.anchor);
  if (anchor[0]! > 0) ledger.anchors.set(anchor, learner * anchorLength);
  ledger.committedTo[learner] = toSeq;
  area.head[head.status] = status.empty;
  written(local);
}

function storeIds({ ledger, recentIds }: ShardMemory, area: StagingArea, written: IdsWritten): void {
  const idsMax = recentIds.length / 2;
  const from = area.idsFrom[0]!;
  const count = area.head[head.ids]!;
  for (let i = 0; i < count; i++) {
    const slot = (from + i) % idsMax;
    written.forget(slot);
    recentIds[2 * slot] = area.ids[2 * i]!;
    recentIds[2 * slot + 1] = area.ids[2 * i + 1]!;
    written.remember(slot);
  }
  ledger.idsAdded[0] = from + count;
}
