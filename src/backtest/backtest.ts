/**
 * A recorded log through one or more models, each event predicted and then learned by all of them before the
 * next one: progressive validation (Blum, Kalai, Langford 1999). So a comparison is one of models that have seen
 * the same events in the same order.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { EventRow } from '../formats/records.ts';
import type { Row } from '../formats/row.ts';
import type { KernelReport } from '../kernels/size-classes.ts';
import type { MetricsView } from '../protocol/messages.ts';
import { type Interval, PairedDifference } from './paired-difference.ts';
import { SequentialModel, type Step } from './sequential-model.ts';

export interface Candidate {
  readonly name: string;
  readonly config: ModelConfig;
}

export interface BacktestOptions {
  /** Stop at the first row that cannot be read or learned, with its line; else pass over it and count it. */
  readonly strict: boolean;
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
  /** This model's loss less the first one's, per event that both learned; absent for the first. */
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
  readonly models: readonly ModelOutcome[];
}

/** A model among those that are compared; the first has nobody to be compared with. */
interface Runner {
  readonly name: string;
  readonly model: SequentialModel;
  readonly difference: PairedDifference | undefined;
}

export async function backtest(
  candidates: readonly Candidate[],
  rows: AsyncIterable<Row<EventRow>>,
  options: BacktestOptions,
): Promise<BacktestOutcome> {
  const runners = candidates.map(({ name, config }, at) => ({
    name,
    model: new SequentialModel(config),
    difference: at === 0 ? undefined : new PairedDifference(),
  }));
  const passOver = (line: number, problem: string) => {
    if (options.strict) throw new MillraceError('badInput', `line ${line}: ${problem}`);
    options.note(`line ${line}: ${problem}; passed over`);
  };
  let unreadable = 0;
  for await (const row of rows) {
    if (row.kind === 'problem') {
      unreadable += 1;
      passOver(row.line, row.problem);
      continue;
    }
    const problem = learnAll(runners, row.value.event, options.onStep);
    if (problem !== undefined) passOver(row.line, problem);
  }
  await options.onEnd?.(runners.map(({ model }) => model));
  return { unreadable, models: runners.map(outcomeOf) };
}

/** Why a model refused the event, if one did. */
function learnAll(
  runners: readonly Runner[],
  event: unknown,
  onStep: BacktestOptions['onStep'],
): string | undefined {
  let problem: string | undefined;
  let first: Step | undefined;
  for (const { model, difference } of runners) {
    try {
      const step = model.stepOnce(event);
      if (step === undefined) continue;
      if (difference === undefined) first = step;
      else if (first !== undefined) difference.add(weightedLoss(step) - weightedLoss(first));
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      model.refuse();
      problem ??= error.message;
    }
  }
  if (first !== undefined) onStep?.(first, runners[0]!.model.learned);
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
