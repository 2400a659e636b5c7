/** What a run of the demo found: the line of `--json`, and the closing table. */
import Table from 'cli-table3';
import type { ServerStatus } from '../src/protocol/messages.ts';
import { liveModel } from './config.ts';
import { fixed } from './display.ts';
import type { AskerReport, FrozenReport } from './processes.ts';

export interface DemoResult {
  readonly events: number;
  readonly learned: number;
  readonly logLoss: number | null;
  readonly auc: number | null;
  readonly frozen: { readonly logLoss: number | null; readonly auc: number | null };
  readonly constant: { readonly logLoss: number | null };
  readonly predictions: AskerReport;
  readonly freshness: { readonly p50Ms: number; readonly p99Ms: number };
  readonly checkpoints: number;
  readonly restarts: number;
  readonly shards: number;
  readonly learners: number;
  readonly predictors: number;
  readonly natsServer: string;
  readonly kernels: string;
}

export interface Findings {
  readonly events: number;
  readonly status: ServerStatus;
  readonly frozen: FrozenReport;
  readonly constantLogLoss: number | null;
  readonly asked: AskerReport;
  readonly checkpoints: number;
}

export function resultOf({
  events,
  status,
  frozen,
  constantLogLoss,
  asked,
  checkpoints,
}: Findings): DemoResult {
  const model = status.models.find(({ model: name }) => name === liveModel)!;
  const { logLoss, auc } = model.metrics.window;
  return {
    events,
    learned: model.learned,
    logLoss,
    auc,
    frozen: { logLoss: frozen.logLoss, auc: frozen.auc },
    constant: { logLoss: constantLogLoss },
    predictions: asked,
    freshness: { p50Ms: model.freshness.p50Ms, p99Ms: model.freshness.p99Ms },
    checkpoints,
    restarts: status.actors.reduce((sum, actor) => sum + actor.restarts, 0),
    ...model.actors,
    natsServer: status.nats.version,
    kernels: model.kernels.executor,
  };
}

export function tableOf(result: DemoResult): string {
  const { predictions, freshness } = result;
  const scores = new Table({
    head: ['after the first tenth', 'log loss', 'AUC'],
    style: { head: [], border: [] },
  });
  scores.push(
    ['learning all the time', fixed(result.logLoss), fixed(result.auc)],
    ['the same model, frozen there', fixed(result.frozen.logLoss), fixed(result.frozen.auc)],
    ['running base rate', fixed(result.constant.logLoss), '.500'],
  );
  const facts = new Table({ style: { head: [], border: [] } });
  facts.push(
    ['flights streamed and learned', `${result.events} and ${result.learned}`],
    ['predictions asked meanwhile', `${predictions.count}, ${predictions.failed} failed`],
    ['their latency', `p50 ${milliseconds(predictions.p50Ms)}, p99 ${milliseconds(predictions.p99Ms)}`],
    [
      'publish to the first answer that knows it',
      `p50 ${milliseconds(freshness.p50Ms)}, p99 ${milliseconds(freshness.p99Ms)}`,
    ],
    ['versions made, actors restarted', `${result.checkpoints}, ${result.restarts}`],
    [
      'threads of the model',
      `${result.shards} shards, ${result.learners} learner, ${result.predictors} predictor`,
    ],
    ['NATS server, kernels', `${result.natsServer}, ${result.kernels}`],
  );
  return `${scores.toString()}\n${facts.toString()}`;
}

const milliseconds = (value: number): string => `${value.toFixed(1)} ms`;

/** What was simplified, and where to go from here. */
export function closingWords(kept: string | undefined): string {
  return `
The learning model is scored on every flight before it learns it. Labels come with the flights here; in life
a flight's label comes hours after its departure, which costs some of the lead over the frozen model. The
departure is the actual one: leaving off the usual time of a route is a sign that the model may see.

What to try next
  npm run demo -- --all              three million flights, half a year of days
  npm run demo -- --rate 0           as fast as this machine goes (and see the freshness suffer)
  npm run demo -- --data flights     keep the streams, the versions and the config
${
  kept === undefined
    ? '  npm start                          a server of your own; config/default.json says what it learns'
    : `  node dist/src/cli.js serve --config ${kept}
                                     the same server goes on where this run ended`
}
`;
}
