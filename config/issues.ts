/** From what zod found to sentences: expected and got by path, and a hint for every unknown key. */
import type { z } from 'zod';
import { expectedAt, keysAt, settingRows, valueAt } from './describe.ts';
import { nearest } from './nearest.ts';
import { gotText, type Problem, pathText, type SettingPath, wrongKey, wrongValue } from './problem.ts';

const keysListedMax = 12;
/** A hint costs a look at every setting, and only the first problems are shown. */
const hintsMax = 40;

export function problemsOf(issues: readonly z.core.$ZodIssue[], config: unknown): Problem[] {
  const problems = new Map<string, Problem>();
  for (const issue of issues) {
    for (const problem of problemsOfIssue(issue, config, problems.size)) {
      // One value can break two bounds; the sentence names both bounds, so once is enough.
      if (!problems.has(pathText(problem.path))) problems.set(pathText(problem.path), problem);
    }
  }
  return [...problems.values()];
}

function problemsOfIssue(issue: z.core.$ZodIssue, config: unknown, before: number): Problem[] {
  const path = issue.path.map((token) => (typeof token === 'symbol' ? String(token) : token));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key, at) =>
        wrongKey([...path, key], before + at < hintsMax ? unknownKey(key, path, config) : 'unknown key'),
      );
    case 'invalid_key':
      return [wrongKey(path, 'expected a name of 1 to 64 letters, digits, _ and -')];
    default:
      return [
        wrongValue(path, `expected ${expectedAt(path, config)}, got ${gotText(valueAt(path, config), path)}`),
      ];
  }
}

function unknownKey(key: string, path: SettingPath, config: unknown): string {
  const known = keysAt(path, config);
  const similar = nearest(key, known);
  if (similar !== undefined) return `unknown key; did you mean "${similar}"?`;
  const elsewhere = placesOf(key, path);
  if (elsewhere !== undefined) return `unknown key here; ${elsewhere}`;
  const listed = known.slice(0, keysListedMax).join(', ');
  return `unknown key; expected one of: ${listed}${known.length > keysListedMax ? ', ...' : ''}`;
}

/** A key that is right in another place: under another object, or for another variant of this one. */
function placesOf(key: string, path: SettingPath): string | undefined {
  const rows = settingRows().filter((row) => row.path.split('.').at(-1) === key);
  const prefix = path.map((token, at) => (at === 1 && path[0] === 'models' ? '<name>' : token)).join('.');
  const variants = rows.filter((row) => row.variant !== undefined && row.path === `${prefix}.${key}`);
  if (variants.length > 0) {
    return `it is a setting of ${variants.map((row) => `"${row.variant}"`).join(' and ')}`;
  }
  const near = rows.find((row) => row.path.startsWith(`${prefix}.`)) ?? rows[0];
  return near === undefined ? undefined : `it belongs at ${near.path}`;
}
