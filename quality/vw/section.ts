/** The suite's section of docs/quality.md. */
import type { CaseResult } from './part.ts';

const introduction = `## Vowpal Wabbit's suite

The core cases of Vowpal Wabbit's own regression suite (version 9.11.2), each as a model of ours that learns the same
events in the same order. Reproduced: the average loss is within 1e-4 (above 1 relatively) of the one that Vowpal Wabbit's
continuous integration expects; where that depends on its own random numbers, at most 5 % above it. Its range of labels takes a label in before the event is predicted, so here does ours; where
n-grams or few bits make names share rows they are hashed as it does (\`quality/vw/vw-rows.ts\`), else by our hash.`;

export function sectionOf(cases: readonly CaseResult[]): string {
  const count = (verdict: string) => cases.filter((one) => one.verdict === verdict).length;
  const rows = cases.map(
    ({ id, commandLine, expected, got, verdict, why }) =>
      `| ${id} | \`${shortened(commandLine)}\` | ${expected} | ${got === undefined ? '' : got.toFixed(6)} | ${verdict}${why === undefined ? '' : `: ${why}`} |`,
  );
  return [
    introduction,
    '',
    `${count('reproduced')} of ${cases.length} reproduced, ${count('failed')} failed, ${count('not applicable')} not applicable.`,
    '',
    '| case | command line | its loss | ours | |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Without what says nothing about learning: caches, files, progress. */
const shortened = (commandLine: string): string =>
  commandLine
    .replaceAll(/ -{1,2}(?:d|p|P|cache_file|progress) \S+/g, '')
    .replace(/^-{1,2}d \S+ ?/, '')
    .replaceAll(/(?:^| )-[kc](?= |$)/g, '')
    .trim();
