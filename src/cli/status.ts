/** `millrace status`: the models and actors of a running server, once or every second. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { MillraceError } from '../base/errors.ts';
import type { ActorStatus, ModelPhase, ModelStatus, ServerStatus } from '../protocol/messages.ts';
import { type ServerOptions, withClient, withServerOptions } from './options.ts';
import { streamText } from './stream.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { bytesText, counted, countText, figure, pairsText, qualityText, tableText } from './words.ts';

interface StatusOptions extends ServerOptions {
  readonly watch?: boolean;
}

const everyMs = 1_000;

export function addStatus(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('status'))
    .description('Show models, actors and how they do')
    .argument('[model]', 'one model in detail')
    .option('--watch', 'again every second')
    .action(async (model: string | undefined, options: StatusOptions) => {
      await withClient(options, async (client) => {
        do {
          const status = await client.status();
          const shown = model === undefined ? status : modelOf(status, model);
          const text = options.json === true ? undefined : textOf(status, model);
          if (text === undefined) printJson(terminal, shown);
          else {
            if (options.watch === true && terminal.stdoutIsTerminal) terminal.clear();
            terminal.print(text);
          }
          if (options.watch === true) await wait(everyMs);
        } while (options.watch === true);
      });
    });
}

function modelOf(status: ServerStatus, model: string): ModelStatus {
  const found = status.models.find((candidate) => candidate.model === model);
  if (found !== undefined) return found;
  const names = status.models.map((candidate) => candidate.model);
  const there = names.length === 0 ? 'there are no models yet' : `there are ${names.join(', ')}`;
  throw new MillraceError('notFound', `there is no model "${model}"; ${there}`);
}

function textOf(status: ServerStatus, model: string | undefined): string {
  return model === undefined ? serverText(status) : modelText(modelOf(status, model), status.actors);
}

function serverText(status: ServerStatus): string {
  const { nats } = status;
  const head = `millrace ${status.version}, up since ${status.startedAt}, NATS ${nats.version} at ${nats.url} (${nats.source})`;
  if (status.models.length === 0)
    return `${head}\n\nno models yet; add one with \`millrace models add NAME\``;
  const rows = status.models.map((model) => [
    model.model,
    phaseText(model.phase),
    countText(model.learned),
    countText(model.rejected),
    countText(model.lag),
    countText(model.eventsPerSecond),
    figure(model.metrics.window.averageLoss),
    figure(model.metrics.window.auc ?? model.metrics.window.rmse),
    countText(model.predictions.count),
    figure(model.predictions.latency.p99Ms, 2),
    String(model.version),
  ]);
  const columns = [
    'model',
    'phase',
    'learned',
    'refused',
    'lag',
    'events/s',
    'loss',
    'AUC or RMSE',
    'predictions',
    'p99 ms',
    'version',
  ];
  return [head, '', tableText(columns, rows, 2), ...trouble(status)].join('\n');
}

/** Models and actors that are not as they should be, and why. */
function trouble(status: ServerStatus): string[] {
  const models = status.models.flatMap((model) => {
    const reason = reasonOf(model);
    return reason === undefined ? [] : [`${styles.red(model.model)}: ${reason}`];
  });
  const actors = status.actors.filter((actor) => actor.state !== 'running').map(actorText);
  const lines = [...models, ...actors];
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Why a model does not learn, and what to do about it. */
function reasonOf({ model, reason, guard }: ModelStatus): string | undefined {
  if (reason !== undefined || guard === undefined) return reason;
  return `the guard stopped learning at ${guard.seq} (${guard.at}): ${guard.detail}; let it go on with \`millrace resume ${model}\``;
}

const actorText = ({ name, state, restarts, lastError }: ActorStatus): string => {
  const reason = lastError === undefined ? '' : `, last error: ${lastError}`;
  return `${name}: ${state}, restarted ${counted(restarts, 'time')}${reason}`;
};

function modelText(model: ModelStatus, actors: readonly ActorStatus[]): string {
  const { total, window } = model.metrics;
  const { freshness, predictions, kernels, parameters } = model;
  const reason = reasonOf(model);
  const quality = (metrics: typeof total) =>
    metrics.events === 0 ? 'nothing yet' : `${qualityText(metrics)} over ${counted(metrics.events, 'event')}`;
  const executor =
    kernels.fallback === undefined ? kernels.executor : `${kernels.executor} (${kernels.fallback})`;
  const pairs: [string, string][] = [
    ['model', `${model.model}: ${model.task}, ${model.family}, ${model.optimizer}`],
    ['phase', reason === undefined ? phaseText(model.phase) : `${phaseText(model.phase)}: ${reason}`],
    [
      'learned',
      `${counted(model.learned, 'event')}, ${countText(model.rejected)} refused, ${countText(model.excluded)} excluded, ${countText(model.duplicates)} known already, ${countText(model.eventsPerSecond)}/s`,
    ],
    ['position', `${model.seq} of ${model.streamSeq}, ${countText(model.lag)} behind`],
    ['stream', streamText(model)],
    ...missingText(model),
    ...saturatedText(model),
    ['version', `${model.version}, epoch ${model.epoch}`],
    ...(model.regression === undefined
      ? []
      : [
          ['log', styles.red(`${model.regression.detail} (noticed ${model.regression.at})`)] as [
            string,
            string,
          ],
        ]),
    ['quality', quality(total)],
    ['recently', quality(window)],
    [
      'freshness',
      `p50 ${figure(freshness.p50Ms, 1)} ms, p99 ${figure(freshness.p99Ms, 1)} ms from publish to prediction`,
    ],
    [
      'predictions',
      `${countText(predictions.count)}, ${countText(predictions.failed)} failed, ${countText(predictions.shed)} shed, p50 ${figure(predictions.latency.p50Ms, 2)} ms, p99 ${figure(predictions.latency.p99Ms, 2)} ms`,
    ],
    ['kernels', `${kernels.mode}, run by ${executor}`],
    [
      'parameters',
      `${countText(parameters.rows)} rows of ${parameters.rowWidth}, ${bytesText(parameters.bytes)}`,
    ],
    [
      'actors',
      [
        counted(model.actors.shards, 'shard'),
        counted(model.actors.learners, 'learner'),
        counted(model.actors.predictors, 'predictor'),
      ].join(', '),
    ],
  ];
  const own = actors.filter((actor) => actor.name.startsWith(`${model.model}/`) && actor.restarts > 0);
  return [pairsText(pairs), ...own.map(actorText)].join('\n');
}

/** Sequences that were gone before they were learned: shown when there are any. */
function missingText({ missing, gaps }: ModelStatus): [string, string][] {
  if (missing === 0 && gaps.length === 0) return [];
  const ranges = gaps
    .map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`))
    .join(', ');
  const which = ranges === '' ? '' : `, lately ${ranges}`;
  return [['missing', styles.red(`${counted(missing, 'message')} gone from the stream unlearned${which}`)]];
}

const saturatedText = ({ saturated }: ModelStatus): [string, string][] =>
  saturated === 0
    ? []
    : [['limits', styles.red(`${counted(saturated, 'row')} held at the limit of float32`)]];

const phaseColor: Readonly<Record<ModelPhase, (text: string) => string>> = {
  starting: styles.yellow,
  running: styles.green,
  paused: styles.yellow,
  switching: styles.yellow,
  failed: styles.red,
  stopping: styles.yellow,
};
const phaseText = (phase: ModelPhase): string => phaseColor[phase](phase);
