/**
 * Which rows were touched since a version, for a version that holds only those. Cuts are counted, and a row's byte is
 * the count at which it was last touched, so that a cut costs nothing and one that fails loses nothing: its version
 * is not confirmed, and the rows are still counted from the one before.
 *
 *   cut 1 (count 1)      version 7 confirmed: counted from 1
 *   rows touched -> 2    cut 2 (count 2) fails    rows touched -> 3    cut 3: rows with 2 or 3 belong to the next
 */
import type { ShardMemory } from './memory.ts';
import type { Marked } from './row-chunks.ts';

type Counted = Pick<ShardMemory, 'touched'> & { readonly ledger: Pick<ShardMemory['ledger'], 'cuts'> };

/** count of cuts, version that rows are counted from, count at that version's cut */
export const cutsLength = 3;
const at = { count: 0, version: 1, since: 2 } as const;
const countMax = 255;

/** What stands in new memory: rows as of this version, 0 for the empty model. */
export function countFrom({ touched, ledger: { cuts } }: Counted, version: number): void {
  touched.fill(0);
  cuts[at.count] = 1;
  cuts[at.version] = version;
  cuts[at.since] = 0;
}

export function touch({ touched, ledger: { cuts } }: Counted, row: number): void {
  touched[row] = cuts[at.count]!;
}

/** The version that rows are counted from; 0 when it is not known. */
export const countedFrom = ({ ledger: { cuts } }: Counted): number => cuts[at.version]!;

/** The rows that differ, or may differ, from what they were in that version. */
export const touchedRows = ({ touched, ledger: { cuts } }: Counted): Marked => ({
  bytes: touched,
  above: cuts[at.since]!,
});

/** Call when the rows are held still for a cut; returns its count, for `confirm`. */
export function countCut(memory: Counted): number {
  const { cuts } = memory.ledger;
  // A byte holds no more: the version of this cut holds all rows.
  if (cuts[at.count] === countMax) countFrom(memory, 0);
  const count = cuts[at.count]!;
  cuts[at.count] = count + 1;
  return count;
}

/** The version of that cut is stored: rows are counted from it. */
export function confirm({ ledger: { cuts } }: Counted, version: number, count: number): void {
  cuts[at.version] = version;
  cuts[at.since] = count;
}
