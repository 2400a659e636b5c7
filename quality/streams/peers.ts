/**
 * What others make of the same rows: Vowpal Wabbit's default learner and River's pipeline of one-hot encoder, standard
 * scaler and linear model, each in the Python environment that MILLRACE_PEERS names (bench/peers/README.md). Their
 * predictions are progressive too; the measures of Vowpal Wabbit's are worked out here from its raw scores.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EncodedEvent, Measure, SetTask } from './sets.ts';

const run = promisify(execFile);
export type Measures = Readonly<Partial<Record<Measure, number>>>;

export interface Peer {
  readonly name: string;
  /** Module of Python that it needs. */
  readonly module: string;
  measure(python: string, task: SetTask, events: readonly EncodedEvent[]): Promise<Measures>;
}

const inFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-peers-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const river: Peer = {
  name: 'river',
  module: 'river',
  measure: (python, task, events) =>
    inFolder(async (folder) => {
      const file = join(folder, 'events.jsonl');
      await writeFile(
        file,
        events.map(({ features, label }) => `${JSON.stringify({ features, label })}\n`).join(''),
      );
      const script = join(process.cwd(), 'quality/peers/river_progressive.py');
      const { stdout } = await run(python, [script, file, task]);
      return JSON.parse(stdout) as Measures;
    }),
};

export const vowpalWabbit: Peer = {
  name: 'vw',
  module: 'vowpalwabbit',
  measure: (python, task, events) =>
    inFolder(async (folder) => {
      const [data, scores] = [join(folder, 'events.vw'), join(folder, 'scores')] as const;
      const classes = [...new Set(events.map(({ label }) => label))];
      const labelOf = ({ label }: EncodedEvent): number =>
        task === 'binary'
          ? label
            ? 1
            : -1
          : task === 'regression'
            ? Number(label)
            : classes.indexOf(label) + 1;
      await writeFile(data, events.map((event) => `${labelOf(event)} | ${words(event)}\n`).join(''));
      const how = {
        binary: ['--loss_function', 'logistic'],
        regression: [],
        multiclass: ['--oaa', String(classes.length)],
      }[task];
      // 24 bits, so that hardly two features meet: a collision would say more of the hash than of the learner.
      await run(python, ['-m', 'vowpalwabbit', '--data', data, '-p', scores, '-b', '24', '--quiet', ...how]);
      const predicted = (await readFile(scores, 'utf8')).trim().split('\n').map(Number);
      return measuresOf(task, predicted, events.map(labelOf));
    }),
};

/** Names must not hold what parts words in Vowpal Wabbit's text. */
const words = ({ features }: EncodedEvent): string =>
  Object.entries(features)
    .filter(([, value]) => value !== null)
    .map(([name, value]) =>
      typeof value === 'number' ? `${escaped(name)}:${value}` : escaped(`${name}=${String(value)}`),
    )
    .join(' ');

const escaped = (text: string): string => text.replaceAll(/[\s:|]/g, '_');

function measuresOf(task: SetTask, predicted: readonly number[], labels: readonly number[]): Measures {
  const mean = (of: (prediction: number, label: number) => number): number =>
    predicted.reduce((sum, prediction, at) => sum + of(prediction, labels[at]!), 0) / predicted.length;
  if (predicted.length !== labels.length)
    throw new Error(`${predicted.length} predictions for ${labels.length} events`);
  if (task === 'binary') return { logLoss: mean((score, y) => Math.log1p(Math.exp(-y * score))) };
  if (task === 'multiclass') return { errorRate: mean((chosen, y) => Number(chosen !== y)) };
  return { mae: mean((p, y) => Math.abs(p - y)), rmse: Math.sqrt(mean((p, y) => (p - y) ** 2)) };
}
