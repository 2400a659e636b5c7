/** A series as a small picture of text: time to the right, each column the median of its samples. */
import { median } from '../measure.ts';
import type { Point } from './slope.ts';

const columns = 72;
const rows = 12;

export function plotOf(points: readonly Point[], unit: string): string {
  const from = points[0]!.atS;
  const span = Math.max(1e-9, points.at(-1)!.atS - from);
  const cells: number[][] = Array.from({ length: columns }, () => []);
  for (const { atS, value } of points) {
    cells[Math.min(columns - 1, Math.floor(((atS - from) / span) * columns))]!.push(value);
  }
  const top = 1.1 * Math.max(...points.map(({ value }) => value));
  const heights = cells.map((cell) => (cell.length === 0 ? -1 : Math.round((median(cell) / top) * rows)));
  const lines = Array.from({ length: rows + 1 }, (_, fromTop) => {
    const row = rows - fromTop;
    const label = row % 4 === 0 ? ((top * row) / rows).toFixed(0) : '';
    return `${label.padStart(7)} |${heights.map((height) => (height === row ? '*' : ' ')).join('')}`;
  });
  const seconds = `${from.toFixed(0)} s`;
  const end = `${(from + span).toFixed(0)} s`;
  return [unit.padStart(7), ...lines, `${''.padStart(8)}+${'-'.repeat(columns)}`]
    .concat(`${''.padStart(9)}${seconds}${end.padStart(columns - seconds.length)}`)
    .join('\n');
}
