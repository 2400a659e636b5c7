/** A model's settings from a config file, or from flags over the product's defaults. */
import { type Command, Option } from 'commander';
import { loadConfig, validateModel } from '../../config/load.ts';
import { type Config, type ModelConfig, modelSchema } from '../../config/schema.ts';
import { UsageError } from './failure.ts';
import { columnList } from './options.ts';

export interface ModelOptions {
  readonly config?: string;
  readonly model?: string;
  readonly task?: string;
  readonly loss?: string;
  readonly family?: string;
  readonly optimizer?: string;
  readonly bits?: string;
  readonly interactions?: readonly string[];
  readonly standardize?: boolean;
  readonly intercept?: boolean;
  readonly kernel?: string;
  readonly set?: readonly string[];
}

const flagged = [
  'task',
  'loss',
  'family',
  'optimizer',
  'bits',
  'interactions',
  'standardize',
  'kernel',
  'set',
] as const;

export const withModelOptions = (command: Command): Command =>
  command
    .option('--config <file>', 'take the model from a config file')
    .option('--model <name>', 'which of its models, when it has several')
    .option('--task <name>', 'binary, regression or multiclass')
    .option('--loss <name>', 'such as logistic, squared, hinge, poisson, quantile (--set loss.tau=0.9)')
    .option('--family <name>', 'linear, fm, mf or network')
    .option('--optimizer <name>', 'update rule')
    .option('--bits <n>', 'log2 of the rows of the hashed table')
    .option('--interactions <crosses>', 'such as a:b,a:c:d', columnList)
    .option('--standardize', 'scale numbers by their running mean and variance')
    .option('--no-intercept', 'without a constant term')
    .option('--kernel <mode>', 'auto, cpu or webasm')
    .addOption(
      new Option(
        '--set <path=value>',
        'any setting of a model, such as optimizer.learningRate=0.2',
      ).argParser((text: string, before: readonly string[] = []) => [...before, text]),
    );

/** The first flag that says something of a model; undefined when there is none. */
export function modelFlagOf(options: ModelOptions): string | undefined {
  const flag = flagged.find((name) => options[name] !== undefined);
  return flag ?? (options.intercept === false ? 'no-intercept' : undefined);
}

/** Throws SetupError or UsageError of one line that names the setting. */
export function chosenModel(options: ModelOptions): ModelConfig {
  if (options.config !== undefined) {
    const flag = modelFlagOf(options);
    if (flag !== undefined) throw new UsageError(`give --config or --${flag}, not both`);
    return modelOfFile(options.config, options.model);
  }
  if (options.model !== undefined) throw new UsageError('--model needs --config FILE beside it');
  return validateModel('model', settingsOf(options));
}

export const modelOfFile = (file: string, name: string | undefined): ModelConfig =>
  placeOfModel(file, name).model;

/** The only model of a config file, or the one that is named, with all of the file. */
export function placeOfModel(
  file: string,
  name: string | undefined,
): { readonly name: string; readonly model: ModelConfig; readonly config: Config } {
  const config = loadConfig(file);
  const { models } = config;
  const names = Object.keys(models);
  const wanted = name ?? (names.length === 1 ? names[0]! : undefined);
  if (wanted === undefined)
    throw new UsageError(
      `${file} has ${names.length === 0 ? 'no model' : `the models ${names.join(', ')}; choose one with --model`}`,
    );
  const found = models[wanted];
  if (found === undefined)
    throw new UsageError(`${file} has no model "${wanted}"; it has ${names.join(', ') || 'none'}`);
  return { name: wanted, model: found, config };
}

/** Losses that are an object, so that `--set loss.tau=0.9` finds its place. */
const lossWithNumbers: ReadonlySet<string> = new Set(['quantile', 'expectile']);

type Settings = { [name: string]: unknown };

function settingsOf(options: ModelOptions): Settings {
  const { task, loss, family, bits, interactions, standardize, intercept, kernel } = options;
  const kind = family === undefined ? {} : { family: { name: family } };
  const features: Settings = {
    ...(bits === undefined ? {} : { bits: jsonOrText(bits) }),
    ...(interactions === undefined ? {} : { interactions: interactions.map((cross) => cross.split(':')) }),
    ...(standardize === undefined ? {} : { standardize }),
    ...(intercept === false ? { intercept } : {}),
  };
  const settings: Settings = {
    ...(task === undefined ? {} : { task }),
    ...(loss === undefined ? {} : { loss: lossWithNumbers.has(loss) ? { name: loss } : loss }),
    ...kind,
    ...(options.optimizer === undefined ? usualOptimizer(kind) : { optimizer: { name: options.optimizer } }),
    ...(kernel === undefined ? {} : { kernel }),
    features,
  };
  for (const text of options.set ?? []) setAt(settings, text);
  return settings;
}

/** The one of a model that names none, so that `--set optimizer.learningRate=0.2` changes one number of it. */
const usualOptimizer = (model: object): Settings => {
  const { data } = modelSchema.safeParse(model);
  return data === undefined ? {} : { optimizer: { ...data.optimizer } };
};

/** `optimizer.learningRate=0.2`: a value that is JSON is that, any other is a string. */
function setAt(settings: Settings, text: string): void {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--set ${text}: expected PATH=VALUE, such as optimizer.learningRate=0.2`);
  const path = text.slice(0, at).split('.');
  let inside = settings;
  for (const name of path.slice(0, -1)) {
    const next = Object.hasOwn(inside, name) ? inside[name] : undefined;
    const member: Settings = typeof next === 'object' && next !== null ? (next as Settings) : {};
    Object.defineProperty(inside, name, {
      value: member,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    inside = member;
  }
  const value = jsonOrText(text.slice(at + 1));
  Object.defineProperty(inside, path.at(-1)!, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
