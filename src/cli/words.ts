/** Numbers, sizes and tables as people read them. */
import Table from 'cli-table3';
import type { MetricsView } from '../protocol/messages.ts';
import { styles } from './styles.ts';

export const countText = (count: number): string =>
  count.toLocaleString('en-US', { maximumFractionDigits: 0 });

/** "1 event", "2 events". */
export const counted = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;

export const figure = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? '-' : value.toFixed(digits);

/** Loss and what else has a meaning for the task; what is not known yet is left out. */
export function qualityText(metrics: MetricsView): string {
  const { averageLoss, logLoss, auc, accuracy, macroF1 = null, mae, rmse } = metrics;
  const named: readonly (readonly [string, number | null])[] = [
    // The logistic loss is the log loss: once is enough.
    logLoss === averageLoss ? ['log loss', logLoss] : ['loss', averageLoss],
    ['log loss', logLoss === averageLoss ? null : logLoss],
    ['AUC', auc],
    ['accuracy', accuracy],
    ['macro F1', macroF1],
    ['MAE', mae],
    ['RMSE', rmse],
  ];
  const known = named.filter(([, value]) => value !== null);
  return known.length === 0
    ? 'nothing yet'
    : known.map(([name, value]) => `${name} ${figure(value)}`).join(', ');
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

const noBorders = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((part) => [part, '']),
);

/** A value with a line end would look like two values. */
const inOneLine = (value: string): string => value.replace(/[\r\n]+/g, ' ');

/** Columns that line up, under a dim head; numbers belong to the right. */
export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  rightFrom = head.length,
): string {
  const table = new Table({
    head: head.map((name) => styles.dim(name)),
    chars: { ...noBorders, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, index) => (index < rightFrom ? 'left' : 'right')),
  });
  table.push(...rows.map((row) => row.map(inOneLine)));
  return table.toString();
}

/** Names and values, one pair per line. */
export const pairsText = (pairs: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${styles.dim(name.padEnd(width))}  ${inOneLine(value)}`).join('\n');
};
