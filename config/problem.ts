/**
 * What is wrong with one setting: where it stands, and a sentence that says what was expected and what was
 * got. Schema errors and cross checks both end here, so that they read alike.
 */
import { redactedUrl } from '../src/base/redacted-url.ts';

export type SettingPath = readonly (string | number)[];

export interface Problem {
  readonly path: SettingPath;
  readonly sentence: string;
  /** Whether the key itself is wrong, or the value behind it. */
  readonly part: 'key' | 'value';
}

const problemsShownMax = 20;
const gotLengthMax = 60;
const secretKeys: ReadonlySet<string> = new Set(['password', 'token', 'credentials']);

export const wrongValue = (path: SettingPath, sentence: string): Problem => ({
  path,
  sentence,
  part: 'value',
});
export const wrongKey = (path: SettingPath, sentence: string): Problem => ({ path, sentence, part: 'key' });

/** `models.flights.features.interactions[0]`; a key that is no plain word is quoted. */
export function pathText(path: SettingPath): string {
  const text = path
    .map((token) => {
      if (typeof token === 'number') return `[${token}]`;
      return /^[\w-]+$/.test(token) ? `.${token}` : `[${shortened(JSON.stringify(token))}]`;
    })
    .join('');
  return text === '' ? 'the configuration' : text.replace(/^\./, '');
}

/** What was found at a path, short, and never a secret: errors are logged. */
export function gotText(value: unknown, path: SettingPath): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (secretKeys.has(String(path.at(-1)))) return `a ${typeof value} (not shown)`;
  return shortened(typeof value === 'string' ? JSON.stringify(redactedUrl(value)) : String(value));
}

/** One line for each problem, the first ones only when there are many. `place` gives what precedes the path. */
export function problemLines(problems: readonly Problem[], place: (problem: Problem) => string): string[] {
  const shown = problems
    .slice(0, problemsShownMax)
    .map((problem) => `${place(problem)}${pathText(problem.path)}: ${problem.sentence}`);
  const left = problems.length - shown.length;
  return left > 0 ? [...shown, `and ${left} more`] : shown;
}

function shortened(text: string): string {
  return text.length <= gotLengthMax ? text : `${text.slice(0, gotLengthMax - 3)}...`;
}
