/**
 * A recorded log through one or more models, each event predicted and then learned by all of them before the
 * next one: progressive validation (Blum, Kalai, Langford 1999). So a comparison is one of models that have seen
 * the same events in the same order. Where labels come later, so does the learning (delayed-labels.ts).
 */
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { EventRow } from '../formats/records.ts';
import type { Row } from '../formats/row.ts';
import type { KernelReport } from '../kernels/size-classes.ts';
import { modelDefinition } from '../model/definition.ts';
import type { LearnEvent, MetricsView } from '../protocol/messages.ts';
import { DelayedLabels, type LabelDelay, type LateLabels, type LoggedEvent } from './delayed-labels.ts';
import { type Interval, PairedDifference } from './paired-difference.ts';
import { SequentialModel, type Step } from './sequential-model.ts';

export interface Candidate {
  readonly name: string;
  readonly config: ModelConfig;
}

export interface BacktestOptions {
  /** Stop at the first row that cannot be read or learned, with its line; else pass over it and count it. */
  readonly strict: boolean;
  /** When labels come later than their events; with them when absent. */
  readonly delay?: LabelDelay | undefined;
  /** Says which row was passed over, and why. */
  readonly note: (text: string) => void;
  /** After each event that the first model learned. */
  readonly onStep?: (step: Step, events: number) => void;
  /** When all is learned, in the order of the candidates. */
  readonly onEnd?: (models: readonly SequentialModel[]) => Promise<void>;
}

export interface ModelOutcome {
  readonly name: string;
  readonly events: number;
  /** Events that could not be learned. */
  readonly rejected: number;
  /** Events with the id of one that was learned lately. */
  readonly duplicates: number;
  readonly metrics: MetricsView;
  readonly fingerprint: string;
  readonly kernels: KernelReport;
  /** This model's loss less the first one's, per event that both learned; absent for the first, and where the losses are different ones. */
  readonly difference?: Difference;
}

export interface Difference {
  readonly mean: number;
  /** Undefined when there are too few events to say. */
  readonly interval: Interval | undefined;
}

export interface BacktestOutcome {
  /** Rows from which no event could be taken. */
  readonly unreadable: number;
  /** Of labels that came later. */
  readonly lateLabels?: LateLabels;
  readonly models: readonly ModelOutcome[];
}

/** A model among those that are compared; the first has nobody to be compared with. */
interface Runner {
  readonly name: string;
  readonly model: SequentialModel;
  readonly isFirst: boolean;
  /** Undefined where it would be one of different losses. */
  readonly difference: PairedDifference | undefined;
  /** Events that it predicted and is to learn when their labels come. */
  readonly open: WeakSet<object>;
}

export async function backtest(
  candidates: readonly Candidate[],
  rows: AsyncIterable<Row<EventRow>>,
  options: BacktestOptions,
): Promise<BacktestOutcome> {
  const runners = candidates.map(({ name, config }, at) => ({
    name,
    model: new SequentialModel(config),
    isFirst: at === 0,
    difference:
      at > 0 && lossOf(config) === lossOf(candidates[0]!.config) ? new PairedDifference() : undefined,
    open: new WeakSet(),
  }));
  const passOver = (line: number, problem: string | undefined) => {
    if (problem === undefined) return;
    if (options.strict) throw new MillraceError('badInput', `line ${line}: ${problem}`);
    options.note(`line ${line}: ${problem}; passed over`);
  };
  const labels = options.delay && new DelayedLabels(options.delay);
  const learnLater = (events: Iterable<LoggedEvent>) => {
    for (const { line, row } of events) passOver(line, learnLabelled(runners, row.event));
  };
  let unreadable = 0;
  for await (const row of rows) {
    const time = row.kind === 'record' ? row.value.event.time : undefined;
    if (row.kind === 'problem' || (labels !== undefined && typeof time !== 'number')) {
      unreadable += 1;
      passOver(row.line, row.kind === 'problem' ? row.problem : 'time: missing, and labels come after it');
    } else if (labels === undefined) {
      passOver(
        row.line,
        stepAll(runners, row.value.event, (model, event) => model.stepOnce(event), options),
      );
    } else {
      learnLater(labels.before(time!));
      passOver(row.line, predictAll(runners, row.value.event, options));
      if (runners.some(({ open }) => open.has(row.value.event)))
        learnLater(labels.predicted({ line: row.line, row: row.value }, time!));
    }
  }
  if (labels !== undefined) learnLater(labels.rest());
  await options.onEnd?.(runners.map(({ model }) => model));
  return {
    unreadable,
    ...(labels && { lateLabels: labels.counts }),
    models: runners.map(outcomeOf),
  };
}

const lossOf = (config: ModelConfig): string => JSON.stringify(modelDefinition(config).loss);

/** Lets every model act on the event. Why a model refused it, if one did. */
function stepAll(
  runners: readonly Runner[],
  event: LearnEvent,
  act: (model: SequentialModel, event: LearnEvent, runner: Runner) => Step | undefined,
  { onStep }: BacktestOptions,
): string | undefined {
  let problem: string | undefined;
  let first: Step | undefined;
  for (const runner of runners) {
    const { model, isFirst, difference } = runner;
    try {
      const step = act(model, event, runner);
      if (step === undefined) continue;
      if (isFirst) first = step;
      else if (first !== undefined) difference?.add(weightedLoss(step) - weightedLoss(first));
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      model.refuse();
      problem ??= error.message;
    }
  }
  if (first !== undefined) onStep?.(first, runners[0]!.model.predicted);
  return problem;
}

const predictAll = (
  runners: readonly Runner[],
  event: LearnEvent,
  options: BacktestOptions,
): string | undefined =>
  stepAll(
    runners,
    event,
    (model, item, { open }) => {
      const step = model.predictOnce(item);
      if (step !== undefined) open.add(item);
      return step;
    },
    options,
  );

/** Every model learns what it predicted. Why one refused it, if one did. */
function learnLabelled(runners: readonly Runner[], event: LearnEvent): string | undefined {
  let problem: string | undefined;
  for (const { model, open } of runners) {
    if (!open.delete(event)) continue;
    try {
      model.learnPredicted(event);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      model.refuse();
      problem ??= error.message;
    }
  }
  return problem;
}

const weightedLoss = ({ loss, weight }: Step): number => loss * weight;

function outcomeOf({ name, model, difference }: Runner): ModelOutcome {
  return {
    name,
    events: model.learned,
    rejected: model.rejected,
    duplicates: model.duplicates,
    metrics: model.metrics,
    fingerprint: model.fingerprint,
    kernels: model.kernels,
    ...(difference && { difference: { mean: difference.mean, interval: difference.interval() } }),
  };
}
