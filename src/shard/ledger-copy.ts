/**
 * What a shard's ledger says at one moment, for a reader on another thread while batches are being applied: a copy
 * that was taken between two looks at which no batch was half applied, and the same ones were committed.
 */
import { MillraceError } from '../base/errors.ts';
import type { ShardMemory } from './memory.ts';
import { isApplying } from './staging.ts';

const triesMax = 2_000;

/** Throws MillraceError('notReady') when the shard does not come to rest: its thread is away. */
export async function ledgerCopy(
  memory: ShardMemory,
): Promise<{ readonly marks: Float64Array; readonly anchors: Float64Array }> {
  const { ledger } = memory;
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const before = committed(memory);
    const copy = { marks: ledger.marks.slice(), anchors: ledger.anchors.slice() };
    if (before !== undefined && before === committed(memory)) return copy;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new MillraceError('notReady', 'the shard is in the middle of a batch');
}

/** Undefined while a batch is being applied. */
const committed = (memory: ShardMemory): string | undefined =>
  isApplying(memory) ? undefined : memory.ledger.committedTo.join();
