/** River's section of docs/quality.md. */
import type { RiverFigures } from './measure.ts';
import type { RiverResult } from './part.ts';

const introduction = `## River's published figures

Pipelines of River's benchmarks and documentation as models of ours over the same rows, progressive. Reproduced: the same to
the printed digits, five that count at most.`;

export function sectionOf(cases: readonly RiverResult[]): string {
  const count = (verdict: string) => cases.filter((one) => one.verdict === verdict).length;
  const rows = cases.map(
    ({ id, pipeline, expected, got, verdict, why }) =>
      `| ${id} | ${shortened(pipeline)} | ${told(expected, expected)} | ${got === undefined ? '' : told(got, expected)} | ${verdict}${why === undefined ? '' : `: ${why}`} |`,
  );
  return [
    introduction,
    '',
    `${count('reproduced')} of ${cases.length} reproduced, ${count('failed')} failed, ${count('not applicable')} not applicable.`,
    '',
    '| case | pipeline | its figures | ours | |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const shortened = (pipeline: string): string => pipeline.split(/[;(]/)[0]!.replaceAll('|', 'to').trim();

/** The figures that were expected, with as many digits as those have. */
const told = (figures: RiverFigures, expected: RiverFigures): string =>
  Object.entries(expected)
    .map(([name, value]) => {
      const digits = Math.min(6, String(value).split('.')[1]?.length ?? 0);
      return `${name} ${figures[name as 'mae']!.toFixed(digits)}`;
    })
    .join(', ');
