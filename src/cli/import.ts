/** `millrace import`: a linear model that was trained elsewhere becomes the version that a server starts from. */
import { type Command, Option } from 'commander';
import type { ModelConfig } from '../../config/schema.ts';
import { importWeights } from '../backtest/import-weights.ts';
import type { SequentialModel } from '../backtest/sequential-model.ts';
import { MillraceError } from '../base/errors.ts';
import { readJsonWeights } from '../formats/json-weights.ts';
import { openSource, type Source } from '../formats/source.ts';
import { readVwModel } from '../formats/vw-model.ts';
import { firstVersionOf } from './first-version.ts';
import { placeOfModel } from './model-options.ts';
import { printJson, type Terminal } from './terminal.ts';
import { counted } from './words.ts';

const readers = { vw: readVwModel, json: readJsonWeights } as const;

interface ImportOptions {
  readonly format: keyof typeof readers;
  readonly config: string;
  readonly json?: boolean;
}

const help = `
json: {"intercept": 0.1, "weights": {"country=DE": 0.3, "user.age": 0.01}}, names as \`millrace explain\` says them.
vw: what vw --invert_hash FILE writes. Its names are read as millrace reads VW's lines: |user age:30 is {"user": {"age": 30}}.
A model of --readable_model has no names, and its hashes mean nothing here.

The model must be linear, binary or a regression, and have learned nothing. It predicts what the imported one predicted,
and learns on.

Examples:
  millrace import clicks weights.json --format json --config millrace.json
  millrace import clicks inverted.txt --format vw --config millrace.json && millrace serve`;

export function addImport(program: Command, terminal: Terminal): void {
  program
    .command('import')
    .description('Start a model from weights that were trained elsewhere')
    .argument('<model>', 'name of the model in the config file')
    .argument('<file>', 'file of the weights; - is standard input')
    .addOption(
      new Option('--format <name>', 'what the file is').choices(Object.keys(readers)).makeOptionMandatory(),
    )
    .requiredOption('--config <file>', 'config file of the server that starts from it')
    .option('--json', 'write JSON for programs')
    .addHelpText('after', help)
    .action((model: string, file: string, options: ImportOptions) => run(model, file, options, terminal));
}

async function run(name: string, file: string, options: ImportOptions, terminal: Terminal): Promise<void> {
  const place = placeOfModel(options.config, name);
  const save = await firstVersionOf(place);
  const source = await openSource(file, terminal.stdin);
  const { learned, weights } = await importedOf(place.model, source, options.format);
  const version = await save(learned);
  if (options.json === true) printJson(terminal, { model: name, version, weights });
  else
    terminal.print(
      `${counted(weights, 'weight')} are version ${version} of ${name}; millrace serve starts from it`,
    );
}

/** Throws MillraceError('badInput') that names the file and what in it is at fault. */
async function importedOf(
  config: ModelConfig,
  { name, chunks }: Source,
  format: keyof typeof readers,
): Promise<{ readonly learned: SequentialModel; readonly weights: number }> {
  try {
    const imported = await readers[format](chunks);
    if (imported.weights.size === 0 && imported.intercept === undefined)
      throw new MillraceError('badInput', 'no weight is in it');
    return { learned: importWeights(config, imported), weights: imported.weights.size };
  } catch (error) {
    if (!(error instanceof MillraceError) || error.message.startsWith(name)) throw error;
    throw new MillraceError(error.kind, `${name}: ${error.message}`, { cause: error });
  }
}
