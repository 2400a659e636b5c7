/** The results on real streams as a part of docs/quality.md. */
import type { SetResult } from './run.ts';

/** Within this part of the other's figure is a tie. */
const tie = 0.001;

const measureNames = { logLoss: 'log loss', errorRate: 'error rate', mae: 'MAE', rmse: 'RMSE' } as const;

export type Verdict = 'below' | 'tie' | 'above' | 'unknown';

/** How our figure stands to theirs, where less is better. */
export function verdictOf(ours: number, theirs: number | undefined): Verdict {
  if (theirs === undefined) return 'unknown';
  if (Math.abs(ours - theirs) <= tie * theirs) return 'tie';
  return ours < theirs ? 'below' : 'above';
}

/** Sets on which nobody's figure is below ours. */
export const heldSets = (results: readonly SetResult[]): readonly SetResult[] =>
  results.filter(({ ours, peers }) => {
    const figures = Object.values(peers);
    return (
      figures.length > 0 && figures.every((theirs) => ['below', 'tie'].includes(verdictOf(ours, theirs)))
    );
  });

export function sectionOf(results: readonly SetResult[]): string {
  const held = heldSets(results);
  const compared = results.filter(({ peers }) => Object.keys(peers).length > 0);
  const lines = results.map((result) => {
    const { name, task, events, measure, ours, microsecondsPerEvent, peers } = result;
    const theirs = ['vw', 'river'].map((peer) => withVerdict(ours, peers[peer]));
    const cells = [name, task, events.toLocaleString('en'), measureNames[measure], figure(ours), ...theirs];
    return `| ${[...cells, microsecondsPerEvent.toFixed(1)].join(' | ')} |`;
  });
  return [
    '## Real streams',
    '',
    'One pass in the order of time, each event predicted and then learned. One configuration for each task',
    '(`quality/streams/learners.ts`), one encoding for each set that all learners get (`quality/streams/sets.ts`), no tuning.',
    'Vowpal Wabbit learns with its defaults and the loss of the task, River with `(one-hot | standard scaler) | linear model`.',
    'Ours are `nag` with standardised numbers; for regressions with a scaled label and a half-life of 1,000 events, too; for',
    'several classes softmax with AdaGrad. They were chosen with these sets in view, as the encodings were.',
    'Less is better; "<" and ">" say how our figure stands to theirs, "=" that they differ by less than 0.1 %.',
    '',
    '| set | task | events | measure | Millrace | Vowpal Wabbit | River | us/event |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
    `At or below both on ${held.length} of ${compared.length} sets.`,
    ...familyLines(results),
  ].join('\n');
}

function familyLines(results: readonly SetResult[]): string[] {
  const rows = results.flatMap(({ name, families }) =>
    families.map(
      ({ name: family, measure, ours, value }) =>
        `| ${[name, measureNames[measure], figure(ours), family, figure(value)].join(' | ')} |`,
    ),
  );
  if (rows.length === 0) return [];
  return ['', '| set | measure | the default | family | its figure |', '|---|---|---|---|---|', ...rows];
}

const signs = { below: '<', tie: '=', above: '>', unknown: '' } as const;

const withVerdict = (ours: number, theirs: number | undefined): string =>
  theirs === undefined ? '' : `${signs[verdictOf(ours, theirs)]} ${figure(theirs)}`;

const figure = (value: number): string => value.toPrecision(5);
