/** `millrace export --predict-only`: a model as one file, for programs without a server. */
import { type Command, Option } from 'commander';
import type { PredictOnlyOptions } from '../client/version-files.ts';
import { UsageError } from './failure.ts';
import { countFromOne, type ServerOptions, withClient, withServerOptions } from './options.ts';
import { printJson, type Terminal } from './terminal.ts';
import { bytesText } from './words.ts';
import { writeChunks } from './write-chunks.ts';

interface ExportOptions extends ServerOptions, PredictOnlyOptions {
  readonly predictOnly?: boolean;
  readonly out?: string;
  readonly force?: boolean;
}

const example = `
Examples:
  millrace export flights --predict-only
  millrace export flights --predict-only --quantize q2.13 -o flights.edge`;

export function addExport(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('export'))
    .description(
      'Write a model that only predicts to one file, for `millrace/edge` in a browser or elsewhere',
    )
    .argument('<model>', 'name of the model')
    .option('--predict-only', 'without what learning needs (the only kind there is here)')
    .option('--version <number>', 'version to export; the current one when absent', countFromOne)
    .addOption(new Option('--quantize <type>', 'round weights to 16 bits').choices(['q2.13', 'f16']))
    .option('-o, --out <file>', 'file to write; <model>-<version>.edge when absent')
    .option('--force', 'replace the file when it exists')
    .addHelpText('after', example)
    .action(async (model: string, options: ExportOptions) => {
      if (options.predictOnly !== true) {
        const whole = `with all that learning needs is \`millrace checkpoints export ${model}\``;
        throw new UsageError(`say --predict-only for a model that only predicts; a version ${whole}`);
      }
      const { version, quantize } = options;
      const done = await withClient(options, async (client) => {
        const asked = { ...(version !== undefined && { version }), ...(quantize && { quantize }) };
        const exported = await client.exportPredictOnly(model, asked);
        const file = options.out ?? `${model}-${exported.version}.edge`;
        await writeChunks(file, exported, options.force === true);
        return { model, version: exported.version, file, bytes: exported.bytes };
      });
      if (options.json === true) printJson(terminal, done);
      else
        terminal.print(
          `version ${done.version} of ${model} is in ${done.file} (${bytesText(done.bytes)}); load it with \`millrace/edge\``,
        );
    });
}
