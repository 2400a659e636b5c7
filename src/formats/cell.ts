/**
 * The type of a cell of a table, which is text: decided by the cell alone, so that the same text means the same
 * in every row, file and run.
 *
 *   empty, NA, N/A, NaN, null, ?  absent (null)
 *   a finite decimal number       a number     -3, 0.5, 1e6 (not 0x10, not Infinity, not "12 km")
 *   true, false                   a boolean
 *   anything else                 a categorical string
 *
 * Columns whose numbers are names (a postcode, a store's number) are declared categorical and stay text.
 */
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

const absent: ReadonlySet<string> = new Set(['', 'NA', 'N/A', 'NaN', 'null', '?']);

export const isAbsent = (text: string): boolean => absent.has(text);

export type Cell = string | number | boolean | null;

/** Undefined when the text is not a finite decimal number. */
export function numberOf(text: string): number | undefined {
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export function cellOf(text: string): Cell {
  if (isAbsent(text)) return null;
  const number = numberOf(text);
  if (number !== undefined) return number;
  const word = text.toLowerCase();
  if (word === 'true') return true;
  return word === 'false' ? false : text;
}
