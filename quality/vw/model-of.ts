/**
 * A command line of Vowpal Wabbit as a model of ours, or the reason why there is none. What is no part of a model
 * (passes, holdout, models that are saved and loaded) is the run's business (run-case.ts).
 */
import type { ModelInput } from '../../config/schema.ts';
import { numberOf, type VwOptions } from './command-line.ts';
import type { VwData } from './data.ts';

/** What others of its reductions do, and nothing of ours. */
const foreign: readonly (readonly [option: string, why: string])[] = [
  ['cb', 'contextual bandit learner'],
  ['cb_adf', 'contextual bandit learner'],
  ['csoaa', 'cost-sensitive labels'],
  ['csoaa_ldf', 'cost-sensitive labels'],
  ['lrq', "low-rank interactions from Vowpal Wabbit's own random numbers"],
  ['lrqfa', "low-rank interactions from Vowpal Wabbit's own random numbers"],
  ['freegrad', 'FreeGrad is no optimiser of ours'],
];

/** Why a case that runs does not come to the same. */
export const known: Readonly<Record<string, string>> = {
  'vw-131': 'normalised without being adaptive: no update rule of ours',
  'vw-596': "a network of Vowpal Wabbit's own random numbers, over 25 events",
  'vw-38': "one hidden unit, of Vowpal Wabbit's own random numbers, with a linear score beside it",
  'vw-190': 'a test of its predicts with weights from before the last step of each feature',
  'vw-511':
    'two names of one event share a row: their values add up here, it learns them one after the other',
  'vw-538':
    'two names of one event share a row: their values add up here, it learns them one after the other',
  'vw-540':
    'two names of one event share a row: their values add up here, it learns them one after the other',
};

export function notApplicable(options: VwOptions): string | undefined {
  return foreign.find(([option]) => options.has(option))?.[1];
}

export function modelOf(options: VwOptions, data: VwData): ModelInput {
  const isMulticlass = options.has('oaa');
  const weights = classWeights(options);
  const isBinary = lossName(options) === 'logistic' || (weights !== undefined && !isMulticlass);
  return {
    task: isMulticlass ? 'multiclass' : isBinary ? 'binary' : 'regression',
    ...(weights !== undefined && { classWeights: weights }),
    ...(isMulticlass && { classes: Array.from({ length: numberOf(options, 'oaa')! }, (_, at) => at + 1) }),
    loss: lossOf(options),
    ...boundsOf(options, data),
    ...familyOf(options),
    features: {
      bits: 22,
      intercept: !options.has('noconstant'),
      ...combinationsOf(options, data),
      ...(sharesRows(options) && ownRows(options)),
    },
    limits: { featuresMax: 8192, depthMax: 4 },
  } as ModelInput;
}

/** Where names share rows, and so whose rows are shared, decides the loss. */
export const sharesRows = (options: VwOptions): boolean =>
  options.has('bit_precision') || options.has('ngram');

export const bitsOf = (options: VwOptions): number => numberOf(options, 'bit_precision') ?? 18;

/** Its rows come from vw-rows.ts; ours have to be enough. */
const ownRows = (options: VwOptions): Partial<NonNullable<ModelInput['features']>> => ({
  bits: Math.max(8, bitsOf(options)),
  intercept: false,
  ngrams: undefined,
});

/** A network of as many hidden units, with our defaults. */
function familyOf(options: VwOptions): Pick<ModelInput, 'family' | 'optimizer'> {
  const hidden = numberOf(options, 'nn');
  if (hidden === undefined) return { optimizer: optimizerOf(options) };
  return { family: { name: 'network', hidden: [hidden] } };
}

/** Those of the classes that there are here: 0 and 1, or those of one against all. */
function classWeights(options: VwOptions): ModelInput['classWeights'] {
  const pairs = (options.get('classweight') ?? []).flatMap((text) => text.split(','));
  if (pairs.length === 0) return undefined;
  const weights = pairs.map((pair) => pair.split(':') as [string, string]).filter(([name]) => name !== '-1');
  return Object.fromEntries(weights.map(([name, weight]) => [name, Number(weight)]));
}

const lossName = (options: VwOptions): string => options.get('loss_function')?.[0] ?? 'squared';

function lossOf(options: VwOptions): ModelInput['loss'] {
  switch (lossName(options)) {
    case 'quantile':
      return { name: 'quantile', tau: numberOf(options, 'quantile_tau') ?? 0.5 };
    case 'expectile':
      // Its q is the weight below the prediction.
      return { name: 'expectile', q: 1 - (numberOf(options, 'expectile_q') ?? 0.5) };
    default:
      return lossName(options) as 'squared';
  }
}

/** Not all rules learn the labels' range by themselves. */
function boundsOf(options: VwOptions, data: VwData): Pick<ModelInput, 'predictionMin' | 'predictionMax'> {
  if (options.has('oaa')) return {};
  const given = { min: numberOf(options, 'min_prediction'), max: numberOf(options, 'max_prediction') };
  const learn = ['nag', 'pistol', 'coin'];
  const isLearned = learn.includes(optimizerOf(options)!.name) || lossName(options) !== 'squared';
  const min = given.min ?? (isLearned ? undefined : Math.min(0, ...data.labels));
  const max = given.max ?? (isLearned ? undefined : Math.max(0, ...data.labels));
  return {
    ...(min !== undefined && { predictionMin: min }),
    ...(max !== undefined && { predictionMax: max }),
  };
}

function optimizerOf(options: VwOptions): ModelInput['optimizer'] {
  const [l1, l2] = [numberOf(options, 'l1'), numberOf(options, 'l2')];
  const [alpha, beta] = [numberOf(options, 'ftrl_alpha'), numberOf(options, 'ftrl_beta')];
  const own = { ...(alpha !== undefined && { alpha }), ...(beta !== undefined && { beta }) };
  if (options.has('coin')) return { name: 'coin', ...own };
  if (options.has('pistol')) return { name: 'pistol', ...own };
  if (options.has('ftrl')) return { name: 'ftrl', alpha: 0.005, beta: 0.1, ...own, l1: l1 ?? 0, l2: l2 ?? 0 };
  const learningRate = numberOf(options, 'learning_rate') ?? 0.5;
  const penalties = { ...(l1 !== undefined && { l1 }), ...(l2 !== undefined && { l2 }) };
  if (!options.has('invariant') || !options.has('initial_t'))
    return { name: 'nag', learningRate, ...penalties };
  // Its rate is eta t0^p / (t0 + T)^p, ours begins at 1 with the first event.
  const before = numberOf(options, 'initial_t')!;
  const power = numberOf(options, 'power_t') ?? 0.5;
  const rate = learningRate * (before / (before + 1)) ** power;
  return { name: 'sgd', learningRate: rate, power, offset: before + 1, importanceAware: true };
}

function combinationsOf(options: VwOptions, data: VwData): Partial<NonNullable<ModelInput['features']>> {
  const n = numberOf(options, 'ngram');
  const skips = numberOf(options, 'skips') ?? 0;
  const crosses = ['quadratic', 'cubic', 'interactions'].flatMap((name) => options.get(name) ?? []);
  const ignored = options.get('ignore_linear') ?? [];
  const permutations = options.has('permutations')
    ? 'within'
    : options.has('leave_duplicate_interactions')
      ? 'across'
      : undefined;
  return {
    ...(n !== undefined && { ngrams: [{ of: '*', n, skips }] }),
    ...(crosses.length > 0 && { interactions: crosses.flatMap((letters) => operandsOf(letters, data)) }),
    ...(permutations !== undefined && { permutations }),
    ...(ignored.length > 0 && { ignoreLinear: ignored.flatMap((letters) => namesOf(letters, data)) }),
  };
}

/** Its crosses name namespaces by their first letters. */
function operandsOf(letters: string, data: VwData): string[][] {
  let operands: string[][] = [[]];
  for (const letter of letters) {
    const names = letter === ':' ? ['*'] : namesOf(letter, data);
    operands = operands.flatMap((before) => names.map((name) => [...before, name]));
  }
  return operands;
}

const namesOf = (letter: string, { namespaces }: VwData): string[] =>
  [...namespaces].filter((name) => name.startsWith(letter));
