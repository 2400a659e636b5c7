/** A model's parameters in memory: shared buffers for each shard, filled from a version's rows. */
import { keyRangeOf } from '../base/key-range.ts';
import type { ShardImage } from '../checkpoint/store.ts';
import { unpackTotals } from '../model/stored-totals.ts';
import { countNames } from '../protocol/internal.ts';
import { anchorLength, anchorNumbers, type LogAnchor } from '../protocol/log-anchor.ts';
import {
  createShardBuffers,
  openShardMemory,
  type ShardBuffers,
  type ShardMemory,
  type ShardShape,
} from '../shard/memory.ts';
import { loadRecentIds } from '../shard/recent-ids.ts';
import { countFrom } from '../shard/touched-rows.ts';

export interface ParameterState {
  /** Version that the images are of; 0: the empty model. */
  readonly version: number;
  readonly images: readonly ShardImage[];
  readonly marks: Float64Array;
  /** Entry at the marks. */
  readonly anchor?: LogAnchor | undefined;
  /** As src/model/stored-totals.ts packs them; empty for an empty model. */
  readonly totals: readonly number[];
  /** What is kept beside rows, by name. */
  readonly blobs?: Readonly<Record<string, Uint8Array>>;
}

/** The images may come from any number of shards. */
export function loadParameters(shapes: readonly ShardShape[], state: ParameterState): ShardBuffers[] {
  return shapes.map((shape) => {
    const buffers = createShardBuffers(shape);
    const memory = openShardMemory(shape, buffers);
    countFrom(memory, state.version);
    for (const image of state.images) copyRows(image, memory.rows, shape);
    memory.ledger.marks.set(state.marks);
    const { counts, totals } = unpackTotals(state.totals);
    memory.ledger.counts.set(countNames.map((name) => counts[name]));
    memory.ledger.totals.set(totals);
    setAnchor(memory, state.anchor);
    loadRecentIds(memory, state.blobs ?? {});
    return buffers;
  });
}

/** The same for every learner, until it commits a batch of its own. */
export function setAnchor({ ledger, shape }: ShardMemory, anchor: LogAnchor | undefined): void {
  ledger.anchors.fill(0);
  for (let learner = 0; anchor !== undefined && learner < shape.learners; learner++)
    ledger.anchors.set(anchorNumbers(anchor), learner * anchorLength);
}

function copyRows(image: ShardImage, rows: Float32Array, shape: ShardShape): void {
  const { start, end } = keyRangeOf(shape.shard, shape.shards, shape.layout.keyCount);
  const { width } = shape.layout;
  for (let i = 0; i < image.keys.length; i++) {
    const key = image.keys[i]!;
    if (key < start || key >= end) continue;
    rows.set(image.rows.subarray(i * width, (i + 1) * width), (key - start) * width);
  }
}
