/** `millrace backtest`: what models would have predicted on a recorded log, learning as they go; no server needed. */
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import { type BacktestOutcome, backtest, type Candidate } from '../backtest/backtest.ts';
import type { SequentialModel, Step } from '../backtest/sequential-model.ts';
import type { Mapping } from '../formats/mapping.ts';
import { eventsOf, holdsEvents, type RecordFormat } from '../formats/records.ts';
import { openSource } from '../formats/source.ts';
import { comparisonText, LossTable, outcomeText, reportOf } from './backtest-report.ts';
import { type EventOptions, eventHelp, recordsOf, withEventOptions } from './event-options.ts';
import { UsageError } from './failure.ts';
import { fileBar } from './file-bar.ts';
import { firstVersionOf } from './first-version.ts';
import { type Delay, type DelayOptions, delayColumnOf, delayOf, withDelayOptions } from './label-delay.ts';
import {
  chosenModel,
  type ModelOptions,
  modelFlagOf,
  modelOfFile,
  placeOfModel,
  withModelOptions,
} from './model-options.ts';
import { countFromOne } from './options.ts';
import { passesOver, requireFewPasses } from './passes.ts';
import { printJson, type Terminal } from './terminal.ts';

interface BacktestCommandOptions extends ModelOptions, EventOptions, DelayOptions {
  readonly compare?: readonly string[];
  readonly lenient?: boolean;
  readonly passes?: number;
  readonly save?: boolean;
  readonly json?: boolean;
}

const example = `${eventHelp}
Each event is predicted before it is learned, by the model and the kernels that a server would run. The same log
gives the parameters that a server with one learner has after it; the fingerprint names them. In the table "predicted"
is the raw score (log-odds with logistic loss), "features" counts the constant term. In LIBSVM's and Vowpal Wabbit's text
a label of a binary model is 1, or else -1 or 0, unless --positive says which value means 1.

With --delay an event is predicted at its own time, and learned when its label is there, before what happens then or
later. The figures are those of the predictions. A label that comes after the last event is learned at the end; one
whose column is empty never comes.

Examples:
  millrace backtest flights.csv.gz --label late --drop row_id
  millrace backtest a9a.libsvm.gz --optimizer adagrad --set optimizer.learningRate=0.05
  millrace backtest flights.csv.gz --label late --time departure --delay arrival
  millrace backtest flights.csv.gz --label late --compare narrow.json wide.json
  millrace backtest flights.csv.gz --label late --config millrace.json --save && millrace serve`;

export function addBacktest(program: Command, terminal: Terminal): void {
  withModelOptions(withDelayOptions(withEventOptions(program.command('backtest'))))
    .description('Try a model on a recorded log, without a server')
    .argument('[file]', 'file of events; - is standard input')
    .option('--compare <configs...>', 'run the models of these config files on the same events')
    .option('--passes <n>', 'learn the file so many times, one after the other', countFromOne)
    .option('--lenient', 'pass over what cannot be read or learned, as a server does')
    .option('--save', 'store what was learned where the server of --config starts from it')
    .option('--json', 'write JSON for programs')
    .addHelpText('after', example)
    .action((file: string | undefined, options: BacktestCommandOptions) =>
      run(chosenFiles(file, options), options, terminal),
    );
}

interface Chosen {
  readonly file: string;
  readonly candidates: readonly Candidate[];
}

/** The last word after --compare is the file when no other was named: `backtest --compare A.json B.json FILE`. */
function chosenFiles(file: string | undefined, options: BacktestCommandOptions): Chosen {
  const { compare } = options;
  if (compare === undefined) {
    return { file: file ?? '-', candidates: [{ name: 'model', config: chosenModel(options) }] };
  }
  if (options.config !== undefined) throw new UsageError('give --config or --compare, not both');
  if (options.save === true)
    throw new UsageError('--save stores one model; it has no meaning with --compare');
  const flag = modelFlagOf(options);
  if (flag !== undefined)
    throw new UsageError(`--${flag} has no meaning with --compare, whose models are those of its files`);
  const configs = file === undefined ? compare.slice(0, -1) : compare;
  if (configs.length < 2) {
    throw new UsageError(
      '--compare needs at least two config files: millrace backtest FILE --compare A.json B.json',
    );
  }
  const candidates = configs.map((path) => ({
    name: basename(path).replace(/\.jsonc?$/, ''),
    config: modelOfFile(path, options.model),
  }));
  const other = candidates.find(({ config }) => config.task !== candidates[0]!.config.task);
  if (other !== undefined) {
    const tasks = `${candidates[0]!.name} is ${candidates[0]!.config.task}, ${other.name} is ${other.config.task}`;
    throw new UsageError(`models of one task can be compared, and ${tasks}`);
  }
  return { file: file ?? compare.at(-1)!, candidates };
}

async function run(
  { file, candidates }: Chosen,
  options: BacktestCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (file === '-' && terminal.stdinIsTerminal) {
    throw new UsageError('no events; name a file: millrace backtest FILE');
  }
  const source = await openSource(file, terminal.stdin);
  const { rows, format } = await recordsOf(source, options, delayColumnOf(options));
  const delay = delayOf(options, options, format);
  const { passes = 1 } = options;
  requireFewPasses(passes, file, delay !== undefined);
  const saving = await savingTo(options);
  const bar = fileBar(source, options.json !== true && terminal.stderrIsTerminal);
  const table = new LossTable(options.json === true ? undefined : bar.above((text) => terminal.print(text)));
  const mapping = mappingOf(options, format, candidates, delay);
  const again = async () =>
    eventsOf((await recordsOf(await openSource(file, terminal.stdin), options)).rows, mapping);
  const startedAt = performance.now();
  let outcome: BacktestOutcome;
  try {
    outcome = await backtest(candidates, passesOver(passes, eventsOf(rows, mapping), again), {
      delay: delay?.labels,
      strict: options.lenient !== true,
      note: bar.above(terminal.note),
      onEnd: async ([learned]) => {
        const version = learned!.learned > 0 ? await saving?.(learned!) : undefined;
        if (version !== undefined)
          bar.above(terminal.note)(`saved as version ${version}; millrace serve starts from it`);
      },
      onStep: (step: Step, events: number) => {
        table.add(step, events);
        if (events % barEvery !== 0) return;
        bar.update(events);
        bar.loss(table.average);
      },
    });
  } finally {
    bar.stop();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const report = reportOf(outcome, seconds);
  if (options.json === true) printJson(terminal, report);
  else if (report.events > 0)
    terminal.print(candidates.length > 1 ? comparisonText(outcome, seconds) : outcomeText(outcome, seconds));
  if (report.events === 0) throw new UsageError(`no event of ${source.name} could be learned`);
}

/** How to save what is learned; refused before anything is learned when it cannot be. Undefined without --save. */
async function savingTo(
  options: BacktestCommandOptions,
): Promise<((learned: SequentialModel) => Promise<number>) | undefined> {
  if (options.save !== true) return undefined;
  if (options.config === undefined)
    throw new UsageError('--save needs --config FILE: that of the server that goes on');
  return firstVersionOf(placeOfModel(options.config, options.model));
}

const barEvery = 500;

/** In LIBSVM's and VW's text the labels of a binary model are usually -1 and 1. */
function mappingOf(
  options: EventOptions,
  format: RecordFormat,
  candidates: readonly Candidate[],
  delay: Delay | undefined,
): Mapping {
  const timed = delay?.column === undefined ? options : { ...options, labelTime: delay.column };
  if (candidates.every(({ config }) => config.task === 'multiclass')) return { ...timed, classes: true };
  const isBinary = candidates.every(({ config }) => config.task === 'binary');
  return holdsEvents(format) && isBinary ? { signed: true, ...timed } : timed;
}
