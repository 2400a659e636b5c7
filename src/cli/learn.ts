/** `millrace learn`: a recorded file, or standard input, into a model's stream. */
import { type Command, Option } from 'commander';
import type { Mapping } from '../formats/mapping.ts';
import { type RecordFormat, readRecords, recordFormats } from '../formats/records.ts';
import { openSource } from '../formats/source.ts';
import { caughtUp } from './caught-up.ts';
import { exitCodes, SilentFailure, UsageError } from './failure.ts';
import { feed } from './feed.ts';
import { learnBar } from './learn-bar.ts';
import { learnSummary, summaryText } from './learn-summary.ts';
import {
  columnList,
  countFromOne,
  positiveNumber,
  type ServerOptions,
  withClient,
  withServerOptions,
} from './options.ts';
import { printJson, type Terminal } from './terminal.ts';

export interface LearnCommandOptions extends ServerOptions, Omit<Mapping, 'drop'> {
  readonly format?: RecordFormat;
  readonly key?: string;
  readonly categorical?: readonly string[];
  readonly drop?: readonly string[];
  readonly eventsPerMessage: number;
  readonly rate?: number;
  readonly strict?: boolean;
}

const example = `
Records are events as on the wire, {"features": {...}, "label": ...}, one per line; or, with --label, flat
JSON lines or a table with a header (comma, tab, semicolon or bar). In a table a cell that is a finite decimal
number is a number, true and false are booleans, an empty one or NA is absent, all else is categorical.
Gzip is unpacked by itself. A --time is seconds or milliseconds since 1970, or ISO 8601.

Examples:
  millrace learn flights flights.csv.gz --label late --drop row_id
  tail -f clicks.jsonl | millrace learn clicks -`;

export function addLearn(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('learn'))
    .description('Send labelled events to a model')
    .argument('<model>', 'name of the model')
    .argument('[file]', 'file of events; - is standard input', '-')
    .addOption(new Option('--format <name>', 'told by the content when absent').choices(recordFormats))
    .option('--label <column>', 'records are flat, and this is the label')
    .option('--positive <value>', 'value of the label that means 1; all others mean 0')
    .option('--id <column>', "the event's id")
    .option('--time <column>', "the event's time")
    .option('--weight <column>', "the event's importance")
    .option('--drop <columns>', 'columns that are no features, separated by commas', columnList)
    .option('--categorical <columns>', 'columns whose numbers are names', columnList)
    .option('--key <column>', 'events of one value keep their order among several learners')
    .option('--events-per-message <n>', 'events in one message', countFromOne, 256)
    .option('--rate <n>', 'events per second at most', positiveNumber)
    .option('--strict', 'stop at the first line that cannot be read')
    .addHelpText('after', example)
    .action(async (model: string, file: string, options: LearnCommandOptions) => {
      if (file === '-' && terminal.stdinIsTerminal) {
        throw new UsageError(`nothing to learn; name a file: millrace learn ${model} FILE`);
      }
      refuseWithoutLabel(options);
      await run(model, file, options, terminal);
    });
}

/** On the wire an event's parts have their names; there is nothing to map. */
function refuseWithoutLabel(options: LearnCommandOptions): void {
  if (options.label !== undefined) return;
  const given = (['positive', 'id', 'time', 'weight', 'drop'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (given !== undefined) throw new UsageError(`--${given} needs --label COLUMN beside it`);
}

async function run(
  model: string,
  file: string,
  options: LearnCommandOptions,
  terminal: Terminal,
): Promise<void> {
  // The file first: a wrong name needs no server to be told.
  const source = await openSource(file, terminal.stdin);
  const { rows } = await readRecords(source, {
    ...(options.format === undefined ? {} : { format: options.format }),
    categorical: new Set(options.categorical),
  });
  const summary = await withClient(options, async (client) => {
    const bar = learnBar(client, model, source, options.json === true ? false : terminal.stderrIsTerminal);
    try {
      const fed = await feed({
        client,
        model,
        rows,
        options,
        note: bar.note(terminal),
        onProgress: bar.update,
      });
      const status = fed.progress.events === 0 ? undefined : await caughtUp(client, model, fed.progress.seq);
      return learnSummary(model, source.name, fed, status);
    } finally {
      bar.stop();
    }
  });
  if (options.json === true) printJson(terminal, summary);
  else terminal.print(summaryText(summary));
  if (summary.events === 0 && summary.unreadable > 0) throw new SilentFailure(exitCodes.badInput);
}
