/** `millrace weights`: the features that weigh most. */
import type { Command } from 'commander';
import type { FeatureWeight, Weights } from '../protocol/score-messages.ts';
import { countFromOne, type ServerOptions, withClient, withServerOptions } from './options.ts';
import { printJson, type Terminal } from './terminal.ts';
import { counted, countText, tableText } from './words.ts';

interface WeightsCommandOptions extends ServerOptions {
  readonly top: number;
  readonly events: number;
}

export function addWeights(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('weights'))
    .description(
      'Show the largest weights of a model by the names of their features, among those of the latest events',
    )
    .argument('<model>', 'name of the model')
    .option('--top <count>', 'how many to show', countFromOne, 20)
    .option('--events <count>', 'latest events whose features are looked at', countFromOne, 1_000)
    .action(async (model: string, { top, events, ...options }: WeightsCommandOptions) => {
      const found = await withClient(options, (client) => client.weights(model, { top, events }));
      if (options.json === true) printJson(terminal, found);
      else terminal.print(weightsText(found));
    });
}

function weightsText({ model, version, seq, events, rows, weights }: Weights): string {
  const source = `the latest ${counted(events, 'event')} of ${model}`;
  if (weights.length === 0) return `${source} have no features; learn some, or look at more with --events`;
  const lines = weights.map((one) => [nameText(one), one.weight.toPrecision(6)]);
  const place = `${countText(rows)} rows are named by ${source}; version ${version}, seq ${countText(seq)}`;
  return [tableText(['feature', 'weight'], lines, 1), place].join('\n');
}

/** Features that share a row have one weight. */
const nameText = ({ name, also = [] }: FeatureWeight): string => [name, ...also].join(' | ');
