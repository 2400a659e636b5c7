/** River's own published figures, and those of our models over the same rows. */
import { readFile } from 'node:fs/promises';
import type { QualityOptions, QualityPart } from '../part.ts';
import { measured, type RiverFigures } from './measure.ts';
import { models, whyNot } from './models.ts';
import { sectionOf } from './section.ts';

interface RiverCase {
  readonly id: string;
  readonly data_file: string;
  readonly pipeline: string;
  readonly expected: RiverFigures;
}

export interface RiverResult {
  readonly id: string;
  readonly pipeline: string;
  readonly expected: RiverFigures;
  readonly got?: RiverFigures;
  readonly verdict: 'reproduced' | 'failed' | 'not applicable';
  readonly why?: string;
}

export const river: QualityPart = async (options) => {
  const cases = await runRiver(options);
  const count = (verdict: string) => cases.filter((one) => one.verdict === verdict).length;
  const counts = {
    reproduced: count('reproduced'),
    failed: count('failed'),
    notApplicable: count('not applicable'),
  };
  return { figures: { counts, cases }, markdown: sectionOf(cases) };
};

export async function runRiver({ data, only, say }: QualityOptions): Promise<RiverResult[]> {
  const text = await readFile(`${data}/river/cases.json`, 'utf8');
  const { cases } = JSON.parse(text) as { readonly cases: readonly RiverCase[] };
  const results: RiverResult[] = [];
  for (const one of cases) {
    if (only.length > 0 && !only.includes(one.id)) continue;
    const { id, pipeline, expected } = one;
    const model = models[id];
    if (model === undefined) {
      results.push({ id, pipeline, expected, verdict: 'not applicable', why: whyNot(pipeline) });
      continue;
    }
    say(id);
    const got = await measured(model, `${data}/river/${one.data_file}`);
    const isSame = Object.entries(expected).every(([name, value]) => sameDigits(got[name as 'mae']!, value));
    const why = isSame ? undefined : model.why;
    results.push({
      id,
      pipeline,
      expected,
      got,
      verdict: isSame ? 'reproduced' : 'failed',
      ...(why !== undefined && { why }),
    });
  }
  return results;
}

/** As many digits as were printed, five that count at most: rows are float32. */
function sameDigits(got: number, expected: number): boolean {
  const printed = String(expected).split('.')[1]?.length ?? 0;
  const digits = Math.min(printed, 4 - Math.floor(Math.log10(expected)));
  return Math.abs(got - expected) <= 0.51 * 10 ** -digits;
}
