/**
 * One shard's memory, in SharedArrayBuffers that the main thread makes, so that the death of the shard's thread
 * loses nothing: the next life opens the same memory and goes on.
 *
 *   rows      float32   range rows of `width` slots, and a byte for each row: by which cut it was last touched
 *   ledger    float64   [ marks per partition | counts | totals | ids added, rows held | per learner: fence, committedTo, anchor | cuts ]
 *   recentIds uint32    shard 0: pairs, the 64-bit ids of the last learned events (src/shard/recent-ids.ts)
 *   staging   one area per learner: the batch that is staged, and the redo log of the one being applied
 *
 *   staging area: int32    status, rows, buckets, parts seen, ids
 *                 float64  toSeq, counts, sums, anchor
 *                 float64  the ledger's counts, sums and rows held that these lead to
 *                 float64  target of each counted bucket
 *                 float64  ids added before the batch
 *                 uint32   keys                       uint16   buckets                  uint32   ids
 *                 float32  rows as pushed, then, with several learners, the rows that they lead to
 *
 * A staging area's status says what a new life must do (src/shard/staging.ts):
 *   empty, filling -> nothing     staged -> wait for the verdict     applying -> apply again, which is idempotent
 */
import type { KeyRange } from '../base/key-range.ts';
import { sumCount, totalsLength } from '../model/metrics.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { memoryOfRows } from '../model/table-memory.ts';
import { countNames } from '../protocol/internal.ts';
import { anchorLength } from '../protocol/log-anchor.ts';
import { cutsLength } from './touched-rows.ts';

export interface ShardShape {
  readonly shard: number;
  readonly shards: number;
  readonly range: KeyRange;
  readonly layout: RowLayout;
  readonly partitions: number;
  readonly learners: number;
  /** Rows in one batch for this shard at most. */
  readonly stagedRowsMax: number;
  /** Events in one batch at most. */
  readonly batchEventsMax: number;
  /** Ids that are remembered here: none but on shard 0. */
  readonly recentIdsMax: number;
}

/** What is passed between threads. */
export interface ShardBuffers {
  readonly rows: SharedArrayBuffer;
  readonly ledger: SharedArrayBuffer;
  readonly recentIds: SharedArrayBuffer;
  readonly staging: readonly SharedArrayBuffer[];
}

export interface Ledger {
  /** Last sequence applied, per partition. */
  readonly marks: Float64Array;
  /** Events in the order of countNames. */
  readonly counts: Float64Array;
  readonly totals: Float64Array;
  /** How many ids have been put into the ring. */
  readonly idsAdded: Float64Array;
  /** How many rows were held within float32 when differences of several learners came together. */
  readonly saturated: Float64Array;
  /** Life of each learner that may push. */
  readonly fences: Float64Array;
  /** End of each learner's last committed batch. */
  readonly committedTo: Float64Array;
  /** Of each learner's last committed entry, as numbers (src/protocol/log-anchor.ts); zeros: none. */
  readonly anchors: Float64Array;
  /** What the touched bytes count from (src/shard/touched-rows.ts). */
  readonly cuts: Float64Array;
}

export interface StagingArea {
  /** status, row count, bucket count, parts seen, id count */
  readonly head: Int32Array;
  /** toSeq, the counts, the sums, then the anchor */
  readonly tally: Float64Array;
  /** What the ledger will hold: the counts, then the sums, then the rows held. Apart from the tally, so that working it out is repeatable. */
  readonly tallyTargets: Float64Array;
  readonly bucketTargets: Float64Array;
  /** Where in the ring the batch's ids begin: idsAdded as it was before. */
  readonly idsFrom: Float64Array;
  readonly keys: Uint32Array;
  readonly buckets: Uint16Array;
  /** Pairs: ids of the events that the batch learned. */
  readonly ids: Uint32Array;
  readonly rows: Float32Array;
  /** Rows to store: those pushed, or with several learners those merged. */
  readonly targets: Float32Array;
}

export interface ShardMemory {
  readonly shape: ShardShape;
  readonly rows: Float32Array;
  readonly touched: Uint8Array;
  readonly ledger: Ledger;
  /** Pairs; a ring. */
  readonly recentIds: Uint32Array;
  readonly staging: readonly StagingArea[];
}

const headLength = 5;
const tallyLength = 1 + countNames.length + sumCount + anchorLength;
const tallyTargetsLength = countNames.length + sumCount + 1;
const rangeRows = (shape: ShardShape) => shape.range.end - shape.range.start;
const align = (bytes: number) => Math.ceil(bytes / 8) * 8;

export function createShardBuffers(shape: ShardShape): ShardBuffers {
  const perLearner = 2 + anchorLength;
  const ledgerLength =
    shape.partitions + countNames.length + totalsLength + 2 + perLearner * shape.learners + cutsLength;
  const [rows, { width }] = [rangeRows(shape), shape.layout];
  return memoryOfRows(rows, width, () => ({
    rows: new SharedArrayBuffer(rows * (width * 4 + 1)),
    ledger: new SharedArrayBuffer(ledgerLength * 8),
    recentIds: new SharedArrayBuffer(shape.recentIdsMax * 8),
    staging: Array.from({ length: shape.learners }, () => new SharedArrayBuffer(stagingOffsets(shape).end)),
  }));
}

export function openShardMemory(shape: ShardShape, buffers: ShardBuffers): ShardMemory {
  const { ledger } = buffers;
  let at = 0;
  const doubles = (length: number) => {
    const view = new Float64Array(ledger, at, length);
    at += length * 8;
    return view;
  };
  const rowFloats = rangeRows(shape) * shape.layout.width;
  return {
    shape,
    rows: new Float32Array(buffers.rows, 0, rowFloats),
    touched: new Uint8Array(buffers.rows, rowFloats * 4),
    ledger: {
      marks: doubles(shape.partitions),
      counts: doubles(countNames.length),
      totals: doubles(totalsLength),
      idsAdded: doubles(1),
      saturated: doubles(1),
      fences: doubles(shape.learners),
      committedTo: doubles(shape.learners),
      anchors: doubles(anchorLength * shape.learners),
      cuts: doubles(cutsLength),
    },
    recentIds: new Uint32Array(buffers.recentIds),
    staging: buffers.staging.map((buffer) => openStaging(shape, buffer)),
  };
}

/** Byte offsets of the parts of a staging area. Memory that is never touched costs address space only. */
function stagingOffsets(shape: ShardShape) {
  const { stagedRowsMax, batchEventsMax, layout, learners, recentIdsMax } = shape;
  const tally = align(headLength * 4);
  const tallyTargets = tally + tallyLength * 8;
  const bucketTargets = tallyTargets + tallyTargetsLength * 8;
  const idsFrom = bucketTargets + batchEventsMax * 8;
  const keys = idsFrom + 8;
  const buckets = keys + align(stagedRowsMax * 4);
  const ids = buckets + align(batchEventsMax * 2);
  const rows = ids + (recentIdsMax > 0 ? batchEventsMax * 8 : 0);
  const rowBytes = align(stagedRowsMax * layout.width * 4);
  const targets = learners > 1 ? rows + rowBytes : rows;
  const end = targets + rowBytes;
  return { tally, tallyTargets, bucketTargets, idsFrom, keys, buckets, ids, rows, targets, end };
}

function openStaging(shape: ShardShape, buffer: SharedArrayBuffer): StagingArea {
  const at = stagingOffsets(shape);
  const rowFloats = shape.stagedRowsMax * shape.layout.width;
  return {
    head: new Int32Array(buffer, 0, headLength),
    tally: new Float64Array(buffer, at.tally, tallyLength),
    tallyTargets: new Float64Array(buffer, at.tallyTargets, tallyTargetsLength),
    bucketTargets: new Float64Array(buffer, at.bucketTargets, shape.batchEventsMax),
    idsFrom: new Float64Array(buffer, at.idsFrom, 1),
    keys: new Uint32Array(buffer, at.keys, shape.stagedRowsMax),
    buckets: new Uint16Array(buffer, at.buckets, shape.batchEventsMax),
    ids: new Uint32Array(buffer, at.ids, (at.rows - at.ids) / 4),
    rows: new Float32Array(buffer, at.rows, rowFloats),
    targets: new Float32Array(buffer, at.targets, rowFloats),
  };
}
