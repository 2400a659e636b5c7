/**
 * A model as Vowpal Wabbit writes it for people with --invert_hash: lines of facts, a line `:0` or `:1`, then
 * `namespace^feature:hash:weight` for each feature, crosses as `a^x*b^y`, the constant as `Constant`. Behind `:1` a
 * weight of the default update is followed by its sum of squares and its scale.
 *
 * What --readable_model writes has hashes in place of names. They are Vowpal Wabbit's own, so nobody can tell which
 * features of an event are meant; such a file is refused.
 */
import { MillraceError } from '../base/errors.ts';
import { readLines } from './jsonl.ts';
import type { FeatureWeight, NamedWeights } from './named-weights.ts';
import { recordBytesMax } from './row.ts';

const weightsBegin = /^:[01]$/;
const weightLine = /^(.*):(\d+):(\S+)((?: \S+)*)$/;
const unnamedLine = /^\d+:\S+/;
const constantName = 'Constant';
/** What it writes for the range of labels where the loss is one of logits. */
const logitMax = 50;

/** Throws MillraceError('badInput') with the line at fault. */
export async function readVwModel(chunks: AsyncIterable<Uint8Array>): Promise<NamedWeights> {
  const header = new Map<string, string>();
  const weights = new Map<string, FeatureWeight>();
  let isBehindHeader = false;
  for await (const row of readLines(chunks, recordBytesMax)) {
    if (row.kind === 'problem') throw bad(row.line, row.problem);
    const text = row.value.trim();
    if (text === '') continue;
    if (weightsBegin.test(text)) isBehindHeader = true;
    else if (!isBehindHeader) addFact(text, header);
    else if (weightLine.test(text)) addWeight(row.line, text, header, weights);
    else if (unnamedLine.test(text)) throw withoutNames(row.line);
    else addFact(text, header);
  }
  if (!isBehindHeader)
    throw new MillraceError('badInput', 'no model of Vowpal Wabbit as text: there is no line ":0" or ":1"');
  return modelOf(header, weights);
}

/** `bits:18`, `0 ngram:`, `norm normalizer 98.9` */
function addFact(text: string, header: Map<string, string>): void {
  const colon = text.indexOf(':');
  const end = colon < 0 ? text.lastIndexOf(' ') : colon;
  header.set(text.slice(0, end).trim(), text.slice(end + 1).trim());
  if (/^[1-9]\d* (ngram|skip):/.test(text))
    throw new MillraceError(
      'badInput',
      'the model has n-grams, whose names do not say where one of their features ends; train it without --ngram',
    );
}

function addWeight(
  line: number,
  text: string,
  header: ReadonlyMap<string, string>,
  weights: Map<string, FeatureWeight>,
): void {
  const [, name, , weight, rest] = weightLine.exec(text)!;
  if (/\[\d+\]$/.test(name!)) throw bad(line, `${name}: expected one weight for each feature, got several`);
  if (weights.has(name!)) throw bad(line, `${name} stands twice`);
  const numbers = [
    weight!,
    ...rest!
      .trim()
      .split(' ')
      .filter((word) => word !== ''),
  ].map(Number);
  if (!numbers.every((number) => Number.isFinite(Math.fround(number))))
    throw bad(line, `${name}: expected numbers within float32`);
  const [value, squares, scale] = numbers;
  // Other updates than the default one write other numbers there, or more of them.
  const isDefault = numbers.length === 3 && header.has('norm normalizer');
  weights.set(name!, { weight: value!, ...(isDefault && { squares: squares!, scale: scale! }) });
}

function modelOf(header: ReadonlyMap<string, string>, weights: Map<string, FeatureWeight>): NamedWeights {
  const intercept = weights.get(constantName);
  weights.delete(constantName);
  const [least, greatest] = [Number(header.get('Min label')), Number(header.get('Max label'))];
  const [weight, norm] = [Number(header.get('total_weight')), Number(header.get('norm normalizer'))];
  return {
    intercept,
    weights,
    naming: 'vw',
    ...(Number.isFinite(least) &&
      Number.isFinite(greatest) && {
        clip: least === -logitMax && greatest === logitMax ? 'logits' : 'labels',
        labels: { least, greatest },
      }),
    ...(weight > 0 && norm > 0 && { sums: { weight, norm } }),
  };
}

const withoutNames = (line: number): MillraceError =>
  bad(
    line,
    "the model has Vowpal Wabbit's hashes and no names, and the hash here is another; write it with --invert_hash FILE in a pass over the training data",
  );

const bad = (line: number, problem: string): MillraceError =>
  new MillraceError('badInput', `line ${line}: ${problem}`);
