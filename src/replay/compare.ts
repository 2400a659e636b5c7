/**
 * What was recomputed beside what a version holds. With one learner every bit must agree; with several, batches that
 * were made at the same time have not seen each other, so that only counts must, and the losses are for people.
 */
import type { ShardImage } from '../checkpoint/store.ts';
import { sums } from '../model/metrics.ts';
import { unpackTotals } from '../model/stored-totals.ts';
import { type Counts, countNames } from '../protocol/internal.ts';

import type { ReplayComparison, ReplayDifference } from '../protocol/messages.ts';
import type { SequentialState, StoredParameters } from './sequential-state.ts';

export function compareStates(
  state: SequentialState,
  stored: StoredParameters,
  rowWidth: number,
  several: boolean,
): ReplayComparison {
  const { counts, totals } = unpackTotals(stored.totals);
  const first =
    (several ? undefined : firstRow(state.table, stored.images, rowWidth)) ??
    firstCount(state.counts, counts) ??
    (several ? undefined : firstSum(state.totals, totals));
  return {
    compared: several ? 'counts' : 'bits',
    identical: first === undefined,
    ...(first === undefined ? {} : { first }),
    counts: { recomputed: { ...state.counts }, stored: counts },
    averageLoss: { recomputed: averageLoss(state.totals), stored: averageLoss(totals) },
  };
}

function firstRow(
  table: Float32Array,
  images: readonly ShardImage[],
  width: number,
): ReplayDifference | undefined {
  const wanted = new Float32Array(table.length);
  for (const { keys, rows } of images) {
    for (let i = 0; i < keys.length; i++)
      wanted.set(rows.subarray(i * width, (i + 1) * width), keys[i]! * width);
  }
  let first: number | undefined;
  let rows = 0;
  let lastKey = -1;
  for (let at = 0; at < table.length; at++) {
    if (Object.is(table[at], wanted[at])) continue;
    first ??= at;
    const key = Math.floor(at / width);
    if (key !== lastKey) rows++;
    lastKey = key;
  }
  if (first === undefined) return undefined;
  const key = Math.floor(first / width);
  const shard = images.findIndex(({ start, end }) => key >= start && key < end);
  const values = { recomputed: table[first]!, stored: wanted[first]! };
  return { kind: 'row', key, shard, slot: first % width, ...values, rows };
}

function firstCount(recomputed: Counts, stored: Counts): ReplayDifference | undefined {
  const name = countNames.find((one) => recomputed[one] !== stored[one]);
  return name && { kind: 'count', name, recomputed: recomputed[name], stored: stored[name] };
}

function firstSum(recomputed: Float64Array, stored: Float64Array): ReplayDifference | undefined {
  const at = recomputed.findIndex((sum, place) => !Object.is(sum, stored[place]));
  if (at < 0) return undefined;
  const name = Object.entries(sums).find(([, place]) => place === at)?.[0] ?? `total ${at}`;
  return { kind: 'sum', name, recomputed: recomputed[at]!, stored: stored[at]! };
}

const averageLoss = (totals: Float64Array): number | null =>
  totals[sums.weight]! > 0 ? totals[sums.loss]! / totals[sums.weight]! : null;
