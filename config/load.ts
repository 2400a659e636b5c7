/**
 * From a file to a Config. Everything wrong is said at once, one line each: where it stands
 * (`file:line:column`), the path of the setting, what was expected and what was got.
 */
import { readFileSync } from 'node:fs';
import { MillraceError, messageOf, SetupError } from '../src/base/errors.ts';
import { crossChecks } from './checks.ts';
import { problemsOf } from './issues.ts';
import { type Problem, problemLines } from './problem.ts';
import { type Config, type ConfigInput, configSchema, type ModelConfig } from './schema.ts';
import { parseSource, withoutInheritedKeys } from './source.ts';

/** Throws SetupError, also when the file cannot be read. */
export function loadConfig(path: string, readFile = (file: string) => readFileSync(file, 'utf8')): Config {
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    throw new SetupError(`${path}: expected a readable configuration file, got: ${messageOf(cause)}`, {
      cause,
    });
  }
  return parseConfig(text, path);
}

/** `source` is the name that errors give the text. */
export function parseConfig(text: string, source: string): Config {
  const { value, problems: inText, place } = parseSource(text, source);
  const { config, problems } = validated(value, inText);
  if (config !== undefined) return config;
  const lines = problemLines(problems, place);
  throw new SetupError(
    lines.length === 1 ? lines[0]! : [`${source}: ${problems.length} errors`, ...lines].join('\n  '),
  );
}

/**
 * A model that is added while running, with its defaults filled in. Throws MillraceError('badInput') of one line,
 * because it answers a request. With the running configuration `beside`, its limits on threads hold too.
 */
export function validateModel(name: string, input: unknown, beside?: Config): ModelConfig {
  const candidate: ConfigInput = { ...beside, models: { ...beside?.models, [name]: input as object } };
  const problems: Problem[] = [];
  const { config, problems: all } = validated(withoutInheritedKeys(candidate, [], problems), problems);
  if (config === undefined) {
    throw new MillraceError('badInput', problemLines(all, () => '').join('; '));
  }
  return config.models[name]!;
}

type Outcome =
  | { readonly config: Config; readonly problems: readonly [] }
  | { readonly config: undefined; readonly problems: readonly Problem[] };

function validated(value: unknown, before: readonly Problem[]): Outcome {
  const parsed = configSchema.safeParse(value);
  const found = parsed.success ? crossChecks(parsed.data) : problemsOf(parsed.error.issues, value);
  const problems = [...before, ...found];
  if (parsed.success && problems.length === 0) return { config: parsed.data, problems: [] };
  return { config: undefined, problems };
}
