/** What `millrace backtest` says: a table of losses while it runs, and the figures at the end. */
import type { ClassLabel } from '../../config/class-label.ts';
import type { BacktestOutcome, ModelOutcome } from '../backtest/backtest.ts';
import type { LateLabels } from '../backtest/delayed-labels.ts';
import type { Step } from '../backtest/sequential-model.ts';
import type { MetricsView } from '../protocol/messages.ts';
import { counted, countText, figure, pairsText, tableText } from './words.ts';

const columns = ['average loss', 'since last', 'events', 'label', 'predicted', 'features'] as const;

/** One line at 1, 2, 4, 8, ... events: the loss so far, and since the line before. */
export class LossTable {
  readonly #print: ((text: string) => void) | undefined;
  #next = 1;
  #loss = 0;
  #weight = 0;
  #lossBefore = 0;
  #weightBefore = 0;

  constructor(print: ((text: string) => void) | undefined) {
    this.#print = print;
  }

  get average(): number | null {
    return this.#weight > 0 ? this.#loss / this.#weight : null;
  }

  add({ loss, weight, label, raw, chosen, features }: Step, events: number): void {
    this.#loss += loss * weight;
    this.#weight += weight;
    if (events < this.#next || this.#print === undefined) return;
    if (this.#next === 1) this.#print(lineOf(columns));
    const since = (this.#loss - this.#lossBefore) / (this.#weight - this.#weightBefore);
    const cells = [figure(this.average, 6), figure(Number.isFinite(since) ? since : null, 6)];
    const shown = [label, chosen ?? raw].map(labelText);
    this.#print(lineOf([...cells, countText(events), ...shown, countText(features)]));
    this.#next *= 2;
    this.#lossBefore = this.#loss;
    this.#weightBefore = this.#weight;
  }
}

/** Of several classes their names, cut to the column. */
const labelText = (label: ClassLabel): string =>
  typeof label === 'number' ? figure(label) : String(label).slice(0, 12);

const lineOf = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(12)).join(' ');

/** For programs. With several models the figures at the top are those of the first. */
export function reportOf({ unreadable, lateLabels, models }: BacktestOutcome, elapsedSeconds: number) {
  const [first] = models;
  const events = first!.events;
  const report = {
    events,
    unreadable,
    rejected: first!.rejected,
    duplicates: first!.duplicates,
    ...(lateLabels && { lateLabels }),
    metrics: first!.metrics,
    eventsPerSecond: events / elapsedSeconds,
    elapsedSeconds,
    fingerprint: first!.fingerprint,
    kernels: first!.kernels,
  };
  return models.length === 1 ? report : { ...report, models };
}

export function outcomeText({ unreadable, lateLabels, models }: BacktestOutcome, seconds: number): string {
  const { events, rejected, duplicates, metrics, fingerprint, kernels } = models[0]!;
  const pairs: [string, string][] = [
    ['events', `${countText(events)} in ${seconds.toFixed(1)} s, ${countText(events / seconds)} per second`],
    ['quality', qualityText(metrics)],
    ['parameters', `${fingerprint}, learned by gpu.js ${kernels.executor}`],
  ];
  if (lateLabels !== undefined) pairs.push(['labels', labelsText(lateLabels)]);
  if (rejected + unreadable > 0) {
    pairs.push([
      'passed over',
      `${counted(unreadable, 'line')}, ${counted(rejected, 'event')} not to be learned`,
    ]);
  }
  if (duplicates > 0)
    pairs.push(['known already', `${counted(duplicates, 'event')} with the id of an earlier one`]);
  return `\n${pairsText(pairs)}`;
}

function labelsText({ waitingMost, afterEnd, never }: LateLabels): string {
  const parts = [`at most ${counted(waitingMost, 'event')} waited`];
  if (afterEnd > 0) parts.push(`${counted(afterEnd, 'label')} came after the last event`);
  if (never > 0) parts.push(`${counted(never, 'label')} never came`);
  return parts.join(', ');
}

function qualityText(metrics: MetricsView): string {
  const { averageLoss, logLoss, auc, accuracy, macroF1 = null, normalizedEntropy, mae, rmse } = metrics;
  const named: [string, number | null][] = [
    ['loss', averageLoss],
    ['log loss', logLoss === averageLoss ? null : logLoss],
    ['normalised entropy', normalizedEntropy],
    ['AUC', auc],
    ['accuracy', accuracy],
    ['macro F1', macroF1],
    ['MAE', mae],
    ['RMSE', rmse],
  ];
  return named
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');
}

export function comparisonText({ models }: BacktestOutcome, seconds: number): string {
  const first = models[0]!;
  const rows = models.map((model) => [
    model.name,
    figure(model.metrics.averageLoss, 5),
    figure(model.metrics.auc ?? model.metrics.rmse ?? model.metrics.accuracy),
    model.difference === undefined ? '' : signed(model.difference.mean),
    intervalText(model),
    model.fingerprint,
  ]);
  const against = `loss less ${first.name}'s`;
  const table = tableText(
    ['model', 'loss', 'AUC, RMSE or accuracy', against, '95 % interval', 'parameters'],
    rows,
    1,
  );
  const verdicts = models.slice(1).map((model) => verdictOf(model, first.name));
  const count = `${counted(first.events, 'event')} through ${models.length} models in ${seconds.toFixed(1)} s`;
  return ['', table, '', ...verdicts, count].join('\n');
}

const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(5)}`;

function intervalText({ difference }: ModelOutcome): string {
  if (difference === undefined) return '';
  const { interval } = difference;
  return interval === undefined ? 'too few events' : `${signed(interval.low)} to ${signed(interval.high)}`;
}

function verdictOf({ name, difference }: ModelOutcome, first: string): string {
  if (difference === undefined)
    return `${name} and ${first} descend different losses, which cannot be compared; AUC, RMSE or accuracy can.`;
  const { interval } = difference;
  if (interval === undefined) return `${name} and ${first}: too few events to tell.`;
  if (interval.high < 0) return `${name} is better than ${first} on these events.`;
  if (interval.low > 0) return `${name} is worse than ${first} on these events.`;
  return `${name} and ${first} cannot be told apart on these events.`;
}
