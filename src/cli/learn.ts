/** `millrace learn`: a recorded file, or standard input, into a model's stream. */
import type { Command } from 'commander';
import { openSource } from '../formats/source.ts';
import { caughtUp } from './caught-up.ts';
import { type EventOptions, eventHelp, recordsOf, withEventOptions } from './event-options.ts';
import { exitCodes, SilentFailure, UsageError } from './failure.ts';
import { feed } from './feed.ts';
import { learnBar } from './learn-bar.ts';
import { learnSummary, summaryText } from './learn-summary.ts';
import {
  countFromOne,
  positiveNumber,
  type ServerOptions,
  withClient,
  withServerOptions,
} from './options.ts';
import { printJson, type Terminal } from './terminal.ts';

export interface LearnCommandOptions extends ServerOptions, EventOptions {
  readonly key?: string;
  readonly eventsPerMessage: number;
  readonly rate?: number;
  readonly strict?: boolean;
}

const example = `${eventHelp}
Examples:
  millrace learn flights flights.csv.gz --label late --drop row_id
  tail -f clicks.jsonl | millrace learn clicks -`;

export function addLearn(program: Command, terminal: Terminal): void {
  withEventOptions(withServerOptions(program.command('learn')))
    .description('Send labelled events to a model')
    .argument('<model>', 'name of the model')
    .argument('[file]', 'file of events; - is standard input', '-')
    .option('--key <column>', 'events of one value keep their order among several learners')
    .option('--events-per-message <n>', 'events in one message', countFromOne, 256)
    .option('--rate <n>', 'events per second at most', positiveNumber)
    .option('--strict', 'stop at the first line that cannot be read')
    .addHelpText('after', example)
    .action(async (model: string, file: string, options: LearnCommandOptions) => {
      if (file === '-' && terminal.stdinIsTerminal) {
        throw new UsageError(`nothing to learn; name a file: millrace learn ${model} FILE`);
      }
      await run(model, file, options, terminal);
    });
}

async function run(
  model: string,
  file: string,
  options: LearnCommandOptions,
  terminal: Terminal,
): Promise<void> {
  // The file first: a wrong name needs no server to be told.
  const source = await openSource(file, terminal.stdin);
  const { rows } = await recordsOf(source, options);
  const summary = await withClient(options, async (client) => {
    const bar = learnBar(client, model, source, options.json === true ? false : terminal.stderrIsTerminal);
    try {
      const fed = await feed({
        client,
        model,
        rows,
        options,
        note: bar.above(terminal.note),
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
