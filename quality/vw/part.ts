/** Vowpal Wabbit's own regression suite: its command lines as models of ours, and the average losses that both come to. */
import type { QualityOptions, QualityPart } from '../part.ts';
import { readCases, type VwCase } from './cases.ts';
import { optionsOf } from './command-line.ts';
import { readData } from './data.ts';
import { known, modelOf, notApplicable } from './model-of.ts';
import { type Learned, newModel, runCase } from './run-case.ts';
import { sectionOf } from './section.ts';

export type Verdict = 'reproduced' | 'failed' | 'not applicable';

export interface CaseResult {
  readonly id: string;
  readonly commandLine: string;
  readonly expected: number;
  /** Absent where nothing ran. */
  readonly got?: number;
  readonly verdict: Verdict;
  readonly why?: string;
}

/** Absolute, and relative to a loss above 1: Vowpal Wabbit's inverse square root has twelve bits. */
const tolerance = 1e-4;
/** Of cases that depend on its own random numbers: within 5 %, or better. */
const nearEnough = 1.05;

export const vw: QualityPart = async (options) => {
  const cases = await runCases(options);
  const count = (verdict: Verdict) => cases.filter((one) => one.verdict === verdict).length;
  const counts = {
    reproduced: count('reproduced'),
    failed: count('failed'),
    notApplicable: count('not applicable'),
  };
  return { figures: { counts, cases }, markdown: sectionOf(cases) };
};

/** Cases in their order: some begin with the model that an earlier one saved. */
export async function runCases({ data, only, say }: QualityOptions): Promise<CaseResult[]> {
  const saved = new Map<string, Learned>();
  const results: CaseResult[] = [];
  const cases = await readCases(data);
  const begun = new Set(cases.filter(({ id }) => only.includes(id)).map(sourceOf));
  for (const one of cases) {
    // Of the others only those whose models are needed.
    if (only.length > 0 && !only.includes(one.id) && !begun.has(targetOf(one) ?? '')) continue;
    const result = await resultOf(one, `${data}/vw`, saved);
    if (only.length > 0 && !only.includes(one.id)) continue;
    if (only.length > 0) say(`${one.id}: ${result.verdict}`);
    results.push(result);
  }
  return results;
}

const sourceOf = ({ command_line }: VwCase): string | undefined => optionsOf(command_line).get('i')?.[0];
const targetOf = ({ command_line }: VwCase): string | undefined => optionsOf(command_line).get('f')?.[0];

async function resultOf(one: VwCase, folder: string, saved: Map<string, Learned>): Promise<CaseResult> {
  const { id, command_line: commandLine, expected_average_loss: expected } = one;
  const told = { id, commandLine, expected };
  const options = optionsOf(commandLine);
  const source = sourceOf(one);
  const begun = source === undefined ? undefined : saved.get(source);
  const foreign =
    source !== undefined && begun === undefined
      ? 'it begins with the model of a case that is not'
      : notApplicable(options);
  if (foreign !== undefined) return { ...told, verdict: 'not applicable', why: foreign };
  const data = await readData(`${folder}/${one.data_file}`);
  const start = begun ?? newModel(modelOf(options, data), options);
  const { loss: got, learned } = runCase(options, data, start);
  const target = targetOf(one);
  if (target !== undefined) saved.set(target, learned);
  const isOwn = one.reproducibility.startsWith('needs_vw_rng');
  const isReproduced = isOwn
    ? got <= expected * nearEnough
    : Math.abs(got - expected) <= tolerance * Math.max(1, expected);
  const verdict = isReproduced ? 'reproduced' : 'failed';
  const reason = verdict === 'failed' ? known[id] : undefined;
  return { ...told, got, verdict, ...(reason !== undefined && { why: reason }) };
}
