/**
 * Counts and progressive sums as one list of numbers, as a version holds them: learned, rejected, the totals of
 * src/model/metrics.ts, then the other counts. What came later stands behind what earlier versions have, and is 0
 * where they end.
 */
import { type Counts, countNames } from '../protocol/internal.ts';
import { totalsLength } from './metrics.ts';

const before = 2;

export interface StoredTotals {
  readonly counts: Counts;
  readonly totals: Float64Array;
}

export function packTotals({ counts, totals }: StoredTotals): number[] {
  const ordered = countNames.map((name) => counts[name]);
  return [...ordered.slice(0, before), ...totals, ...ordered.slice(before)];
}

/** Of an empty list, all zeros. */
export function unpackTotals(stored: readonly number[]): StoredTotals {
  const totals = new Float64Array(totalsLength);
  totals.set(stored.slice(before, before + totalsLength));
  const ordered = [...stored.slice(0, before), ...stored.slice(before + totalsLength)];
  const counts = Object.fromEntries(countNames.map((name, at) => [name, ordered[at] ?? 0]));
  return { counts: counts as Record<(typeof countNames)[number], number>, totals };
}
