/**
 * The demo from start to end:
 *
 *   server (this process: actors, embedded NATS)
 *      ^ learn                ^ predict             ^ predict
 *   publisher process      asker process         frozen process (asks the twin)
 *
 * On the way a version is made by request and a learner is killed; the stream goes on through both.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { MillraceError, SetupError } from '../src/base/errors.ts';
import { connect } from '../src/client/connect.ts';
import type { Millrace } from '../src/client/millrace.ts';
import type { MetricsView, ModelStatus } from '../src/protocol/messages.ts';
import { type RunningServer, startServer } from '../src/server.ts';
import { demoConfig, liveModel, tenthOf } from './config.ts';
import type { Display } from './display.ts';
import type { Endings } from './endings.ts';
import { type Forked, forkChild } from './forked.ts';
import type { DemoOptions } from './options.ts';
import type { AskerReport, ChildSpec, FrozenReport, Position, PublisherReport } from './processes.ts';
import { type DemoResult, resultOf } from './result.ts';

const pollMs = 200;
/** A stream that does not move for so long has failed. */
const stallMs = 60_000;
const checkpointAt = 0.5;
const killAt = 0.6;
const killedActor = `${liveModel}/learner/0`;

interface Clients {
  readonly publisher: Forked<PublisherReport>;
  readonly asker: Forked<AskerReport>;
  readonly frozen: Forked<FrozenReport>;
}

export async function runDemo(options: DemoOptions, display: Display, endings: Endings): Promise<DemoResult> {
  const server = await startedServer(options, endings);
  const admin = await connect({ servers: server.url, name: 'demo' });
  endings.add(() => admin.close());
  const { nats } = await server.status();
  display.note(`Started nats-server ${nats.version} at ${nats.url}; ${options.events} flights are to come.`);

  const clients = startClients(options, server, endings);
  const [, publisher, asked, frozen] = await Promise.all([
    follow(options, server, admin, clients, display),
    clients.publisher.result,
    clients.asker.result,
    clients.frozen.result,
  ]);
  const { versions } = await admin.checkpoints(liveModel);
  return resultOf({
    events: options.events,
    status: await server.status(),
    frozen,
    constantLogLoss: publisher.constantLogLoss,
    asked,
    checkpoints: versions.length,
  });
}

async function startedServer(options: DemoOptions, endings: Endings): Promise<RunningServer> {
  const folder = options.data ?? (await mkdtemp(join(tmpdir(), 'millrace-demo-')));
  if (options.data === undefined) endings.add(() => rm(folder, { recursive: true, force: true }));
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new SetupError(`--data: expected a new or empty folder, got ${folder}; remove it or name another`);
  }
  const config = demoConfig(options, join(folder, 'data'));
  if (options.data !== undefined) await writeFile(keptConfig(folder), `${JSON.stringify(config, null, 2)}\n`);
  const server = await startServer(config);
  endings.add(() => server.stop());
  return server;
}

export const keptConfig = (folder: string): string => join(folder, 'millrace.json');

function startClients(options: DemoOptions, server: RunningServer, endings: Endings): Clients {
  const { events, rate } = options;
  const spec: ChildSpec = { url: server.url, events, tenth: tenthOf(events), rate };
  const asker = forkChild<AskerReport>('asker', spec);
  endings.add(() => asker.end());
  const frozen = forkChild<FrozenReport>('frozen', spec);
  endings.add(() => frozen.end());
  const tell = (position: Position) => {
    asker.tell(position);
    frozen.tell(position);
  };
  const publisher = forkChild<PublisherReport>('publisher', spec, tell);
  endings.add(() => publisher.end());
  return { publisher, asker, frozen };
}

/** Watches until every flight is learned; makes the version and kills the learner on the way. */
async function follow(
  options: DemoOptions,
  server: RunningServer,
  admin: Millrace,
  clients: Clients,
  display: Display,
): Promise<void> {
  const steps = [
    { at: checkpointAt, act: () => makeVersion(admin, display) },
    { at: killAt, act: () => killLearner(server, options.events, display) },
  ];
  let underWay = Promise.resolve();
  const failure = failureOf([
    server.closed,
    clients.publisher.result,
    clients.asker.result,
    clients.frozen.result,
  ]);
  let start: MetricsView | undefined;
  let moved = { learned: -1, atMs: performance.now() };
  for (;;) {
    const model = await Promise.race([modelStatus(server), failure]);
    const done = model.learned + model.rejected;
    if (done > moved.learned) moved = { learned: done, atMs: performance.now() };
    tellPublisher(clients, done);
    if (start === undefined && done >= tenthOf(options.events)) {
      start = model.metrics.total;
      display.note(
        `The first tenth is learned. From here on everything is scored, and the twin learns no more.`,
      );
    }
    show(model, start, clients, display);
    while (steps[0] !== undefined && done >= steps[0].at * options.events) {
      underWay = underWay.then(steps.shift()!.act);
      // Seen when all is learned; until then it must not end this process.
      underWay.catch(() => {});
    }
    if (done >= options.events) break;
    if (performance.now() - moved.atMs > stallMs) throw stalled(model, options.events);
    await Promise.race([wait(pollMs), failure]);
  }
  await Promise.race([underWay, failure]);
}

function tellPublisher({ publisher }: Clients, learned: number): void {
  const { published = 0, frozenSeq = 0, ended = false } = publisher.latest() ?? {};
  publisher.tell({ published, frozenSeq, ended, learned });
}

async function modelStatus(server: RunningServer): Promise<ModelStatus> {
  const { models } = await server.status();
  return models.find(({ model }) => model === liveModel)!;
}

function stalled(model: ModelStatus, events: number): MillraceError {
  const reason = model.reason === undefined ? '' : `: ${model.reason}`;
  return new MillraceError(
    'notReady',
    `nothing was learned for ${stallMs / 1000} s; ${model.learned} of ${events} flights are in, the model is ${model.phase}${reason}`,
  );
}

/** Rejects with the first of them that rejects, and never resolves. */
const failureOf = (promises: readonly Promise<unknown>[]): Promise<never> => {
  const failure = new Promise<never>((_, reject) => {
    for (const promise of promises) promise.catch(reject);
  });
  failure.catch(() => {});
  return failure;
};

function show(model: ModelStatus, start: MetricsView | undefined, clients: Clients, display: Display): void {
  const { total, window } = model.metrics;
  const frozen = clients.frozen.latest();
  display.update({
    learned: model.learned,
    eventsPerSecond: model.eventsPerSecond,
    logLoss: start === undefined ? null : lossSince(start, total),
    // Of all so far while the run lasts; at its end the first tenth has left the window.
    auc: start === undefined ? null : window.auc,
    frozenLogLoss: frozen?.logLoss ?? null,
    frozenAuc: frozen?.auc ?? null,
    constantLogLoss: clients.publisher.latest()?.constantLogLoss ?? null,
  });
}

/** Log loss of what came between two readings of the totals. */
function lossSince(start: MetricsView, total: MetricsView): number | null {
  const events = total.events - start.events;
  if (events <= 0 || total.logLoss === null || start.logLoss === null) return null;
  return (total.logLoss * total.events - start.logLoss * start.events) / events;
}

async function makeVersion(admin: Millrace, display: Display): Promise<void> {
  const { version, learned, bytes } = await admin.checkpoint(liveModel);
  display.note(`Version ${version} made by request: ${learned} flights, ${Math.round(bytes / 1024)} KiB.`);
}

async function killLearner(server: RunningServer, events: number, display: Display): Promise<void> {
  const { learned: before } = await modelStatus(server);
  const startedMs = performance.now();
  display.note(`Killing the learner (${killedActor}) at ${before} flights, in the middle of its work.`);
  server.terminate(killedActor);
  const deadlineMs = startedMs + stallMs;
  while (performance.now() < deadlineMs) {
    const { actors, models } = await server.status();
    const learner = actors.find(({ name }) => name === killedActor);
    const { learned } = models.find(({ model }) => model === liveModel)!;
    if (learner?.restarts !== 0 && learner?.state === 'running' && (learned > before || learned >= events)) {
      display.note(
        `It was replaced and learns on ${Math.round(performance.now() - startedMs)} ms after the kill.`,
      );
      return;
    }
    await wait(pollMs / 4);
  }
  throw new MillraceError('notReady', `the learner did not come back within ${stallMs / 1000} s of its kill`);
}
