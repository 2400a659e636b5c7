/** A proposal as a config file with comments, and as the commands that go with it. */
import type { Features } from '../protocol/messages.ts';
import type { Proposal } from './infer.ts';
import { countText } from './words.ts';

const featuresByDefault = 2048;

export function configText(model: string, proposal: Proposal, file: string, rows: number): string {
  const { label, features, bits } = proposal;
  const lines = [
    `// Made by \`millrace init\` from ${oneLine(file)}; ${countText(rows)} rows were looked at.`,
    '// Every setting is explained by `millrace config explain`.',
    '{',
    '  // Streams and versions are kept here.',
    '  "dataDir": "data",',
    '  "models": {',
    `    ${JSON.stringify(model)}: {`,
    `      // ${oneLine(label.why)}.`,
    `      "task": ${JSON.stringify(label.task)},`,
    `      // ${labelsText(label)}.`,
    '      // It finds the scale of numbers itself; there is hardly anything to tune.',
    '      "optimizer": { "name": "nag" },',
    '      "features": {',
    `        // ${countText(features.length)} columns are features: ${listed(features.map(({ name }) => name))}.`,
    ...labelLines(label),
    `        "bits": ${bits}`,
    ...crossLines(proposal),
    '      },',
    ...limitLines(features.length),
    '      // Threads; change them whenever you like.',
    '      "actors": { "shards": 2, "learners": 1, "predictors": 1 }',
    '    }',
    '  }',
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** For `millrace learn`, quoted for a shell. */
export function learnArguments(proposal: Proposal): string {
  const { label, id, time, dropped, categorical } = proposal;
  const drop = dropped.map(({ name }) => name).filter((name) => name !== id);
  const options: [string, string | undefined][] = [
    ['--label', label.name],
    ['--positive', label.task === 'binary' ? label.positive : undefined],
    ['--id', id],
    ['--time', time],
    ['--drop', drop.length === 0 ? undefined : drop.join(',')],
    ['--categorical', categorical.length === 0 ? undefined : categorical.join(',')],
  ];
  return options.flatMap(([name, value]) => (value === undefined ? [] : [name, quoted(value)])).join(' ');
}

/** Features as the model shall be asked, from the first values seen. */
export function exampleFeatures({ features, categorical }: Proposal): Features {
  const entries = features
    .slice(0, 4)
    .map(({ name, example }) => [name, categorical.includes(name) ? String(example) : example]);
  return Object.fromEntries(entries) as Features;
}

export const quoted = (text: string): string =>
  /^[\w.,:/@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

function labelsText(label: Proposal['label']): string {
  if (label.task === 'binary') return `${(label.share * 100).toFixed(1)} % of the labels are 1`;
  return `The labels have mean ${label.mean.toPrecision(3)} and deviation ${label.deviation.toPrecision(3)}`;
}

/** Steps are of a size of their own, and would take thousands of events to reach labels of thousands. */
const labelLines = ({ task }: Proposal['label']): string[] =>
  task === 'regression'
    ? [
        '        // Labels are learned scaled by their mean and deviation so far.',
        '        "standardizeLabel": true,',
      ]
    : [];

/** Two categories that might matter together, ready to be uncommented. */
function crossLines({ features, categorical }: Proposal): string[] {
  const names = features
    .filter((column) => column.strings > 0 || categorical.includes(column.name))
    .map((column) => column.name);
  if (names.length < 2) return [];
  const pair = JSON.stringify([names.slice(0, 2)]).replaceAll(',', ', ');
  return [
    '        // Crosses let a linear model see pairs; put a comma above and try:',
    `        // "interactions": ${pair}`,
  ];
}

const limitLines = (count: number): string[] =>
  count > featuresByDefault ? [`      "limits": { "featuresMax": ${Math.min(8192, count + 16)} },`] : [];

const listed = (names: readonly string[]): string => {
  const shown = names.slice(0, 12).map(oneLine).join(', ');
  return names.length > 12 ? `${shown} and ${names.length - 12} more` : shown;
};

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
