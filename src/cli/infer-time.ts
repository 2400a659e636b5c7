/** Which column is the time of the event, if one is: by its name and by its values. */
import type { ColumnFacts } from '../formats/column-facts.ts';
import { timeOf } from '../formats/mapping.ts';

const timeName = /time|date|stamp|(^|_)(ts|at|when)$/i;
const valuesTried = 100;

/** Between these a number of seconds or milliseconds is a date that data has. */
const earliestMs = Date.UTC(1980, 0);
const latestMs = Date.UTC(2100, 0);

/** A column of dates is one whatever its name; a column of numbers needs the name of one too. */
export function timeColumn(columns: readonly ColumnFacts[]): ColumnFacts | undefined {
  const dated = columns.filter((column) => column.distinct.size > 1 && hasTimes(column));
  return dated.find((column) => timeName.test(column.name)) ?? dated.find((column) => column.strings > 0);
}

function hasTimes(column: ColumnFacts): boolean {
  const values = [...column.distinct.keys()].slice(0, valuesTried);
  if (column.strings === column.present) return values.every((text) => isBetween(text));
  return column.numbers === column.present && values.every((text) => isBetween(Number(text)));
}

function isBetween(value: string | number): boolean {
  try {
    const ms = timeOf(value, '');
    return ms >= earliestMs && ms <= latestMs;
  } catch {
    return false;
  }
}
