/**
 * The composition root of a server: broker, supervisor, models, control. Everything is started in order and
 * stopped in reverse; whatever fails half-way is stopped again before the error is passed on.
 */
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { MillraceError, messageOf } from './base/errors.ts';
import { noFaults } from './base/fault-points.ts';
import type { Logger } from './base/logger.ts';
import { openStore, type StoreKind } from './checkpoint/open-store.ts';
import type { Channel } from './nats/channel.ts';
import { connectChannel } from './nats/connection.ts';
import { checkForeignServer } from './nats/durability.ts';
import { sayConnection } from './nats/say-connection.ts';
import { decode } from './protocol/codec.ts';
import type { ServerStatus } from './protocol/messages.ts';
import { type Subjects, subjectsOf } from './protocol/subjects.ts';
import { ArmedFaults, type FaultSettings } from './runtime/armed-faults.ts';
import { createLogger } from './runtime/log.ts';
import { createSupervisor, type Supervisor } from './runtime/supervisor.ts';
import { AddedModels } from './server/added-models.ts';
import { type Broker, openBroker } from './server/broker.ts';
import { controlEndpoint } from './server/control.ts';
import { guardNotesIn } from './server/guard-notes.ts';
import { watchGuards } from './server/guard-watch.ts';
import { Operations, ownersBucket } from './server/operations.ts';
import { joinBroker } from './server/shared-broker.ts';
import { mayStandByAgain, type Standby, untilNobodyOwns } from './server/standby.ts';
import { watchStreams } from './server/stream-watch.ts';
import { watchActors } from './server/watch-actors.ts';
import { watchLog } from './server/watch-log.ts';
import { monitorActor, type Surroundings } from './topology.ts';
import { codeVersion } from './version.ts';

export interface ServerOptions {
  readonly log?: Logger;
  /** Models to learn again from the beginning of their streams. */
  readonly relearn?: readonly string[];
  /** Waits while another server owns the models, instead of being refused, and takes over when it is gone. */
  readonly standby?: Standby | undefined;
  /** Only for a server that is started to be broken (docs/chaos.md). */
  readonly faults?: FaultSettings | undefined;
}

export interface RunningServer {
  readonly url: string;
  status(): Promise<ServerStatus>;
  /** Ends an actor's thread at once; the supervisor starts it again. */
  terminate(actorName: string): void;
  /** Makes last versions, stops everything. */
  stop(): Promise<void>;
  /** Resolves when the server has stopped; rejects when it ended by itself, as when another took over its models. */
  readonly closed: Promise<void>;
}

/** Actors report, and after so many reports the streams are looked at. */
const reportsPerLook = 8;
const rejectedBytesMax = 256 * 1024 * 1024;

/** Throws SetupError for what the user must mend. */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const log = options.log ?? createLogger(config.log.level);
  const { standby } = options;
  for (;;) {
    try {
      return await startOnce(config, options, log);
    } catch (error) {
      if (standby === undefined || standby.signal.aborted || !mayStandByAgain(error)) throw error;
      log.warn({ reason: messageOf(error) }, 'could not take over; standing by again');
    }
  }
}

async function startOnce(config: Config, options: ServerOptions, log: Logger): Promise<RunningServer> {
  const dataDir = resolve(config.dataDir);
  const faults = options.faults === undefined ? undefined : new ArmedFaults(options.faults.armed);
  const undo: (() => Promise<unknown>)[] = [];
  const unwind = async () => {
    for (const step of undo.reverse()) {
      await step().catch((error) => log.error({ reason: messageOf(error) }, 'could not stop cleanly'));
    }
  };
  const start: Start = { config, dataDir, log, options, faults, undo, unwind, ending: { broker: 'stop' } };
  try {
    const join = options.standby === undefined ? undefined : joinBroker;
    const broker = await openBroker(config, dataDir, log, join);
    undo.push(() => broker.close(start.ending.broker));
    const channel = await connectChannel({ ...broker.connect, name: 'millrace server' });
    undo.push(() => channel.close());
    const { source, foreign } = broker;
    if (foreign) checkForeignServer(config.durability, { version: channel.serverVersion, source, log });
    sayConnection(channel, log);
    if (options.faults !== undefined) faults?.listen(channel, `${options.faults.subject}.server`);
    return await startOn(broker, channel, start);
  } catch (error) {
    await unwind();
    throw error;
  }
}

interface Start {
  readonly config: Config;
  readonly dataDir: string;
  readonly log: Logger;
  readonly options: ServerOptions;
  readonly faults: ArmedFaults | undefined;
  /** What becomes of an embedded server in the end. */
  readonly ending: { broker: 'stop' | 'leave' };
  readonly undo: (() => Promise<unknown>)[];
  readonly unwind: () => Promise<void>;
}

async function startOn(broker: Broker, channel: Channel, start: Start): Promise<RunningServer> {
  const { config, dataDir, log, options, undo } = start;
  const subjects = subjectsOf(config.root);
  const added = new AddedModels(join(dataDir, 'models'));
  if (options.standby !== undefined) {
    const models = [...Object.keys(config.models), ...(await added.load(config)).keys()];
    await untilNobodyOwns(channel, ownersBucket(config.root), models, options.standby, log);
  }
  let tellTaken: (reason: string) => void;
  const taken = new Promise<string>((resolve) => {
    tellTaken = resolve;
  });
  const around = surroundingsOf(config, dataDir);
  const supervisor = createSupervisor({
    settings: config.supervisor,
    // The settings have just worked here: an actor that starts while the broker is away waits for its return.
    connect: { ...broker.connect, name: 'millrace', waitOnFirstConnect: true },
    logLevel: config.log.level,
    log,
    faults: options.faults,
    beforeRestart: async (spec) => operations.hostOf(spec.name)?.beforeRestart(spec) ?? spec,
    isExcused: (spec, error) => operations.hostOf(spec.name)?.poison.ended(spec, error) ?? false,
  });
  const operations: Operations = new Operations({
    channel,
    supervisor,
    ...(await versionPlaces(around, channel, dataDir)),
    around,
    log,
    faults: start.faults ?? noFaults,
    config,
    added,
    guardNotes: guardNotesIn(join(dataDir, 'guard')),
    taken: (reason) => tellTaken(reason),
    holder: `process ${process.pid} on ${hostname()}, started ${new Date().toISOString()}`,
    facts: {
      version: codeVersion,
      startedAt: new Date().toISOString(),
      nats: { url: broker.url, version: channel.serverVersion, source: broker.source },
    },
  });
  undo.push(() => supervisor.stop());
  watchActors(supervisor, operations, channel, subjects, log);
  watchGuards(operations, channel, subjects, log);
  await watchLog(channel, supervisor, operations, () => ensureRejectedStream(channel, subjects), log);
  hearOfVersions(operations, channel, subjects, log);
  await supervisor.startAll([monitorActor(around)]);
  undo.push(() => operations.closeAll());
  undo.push(lookAtStreams(operations, channel, start));
  await openModels(operations, start, added);
  const control = await channel.serve({
    name: 'millrace-control',
    version: codeVersion,
    description: 'Status and operation of the Millrace server',
    endpoints: [controlEndpoint(operations, subjects.everyCtl, log)],
  });
  undo.push(() => control.stop());
  return running(broker, operations, supervisor, taken, start);
}

const surroundingsOf = (config: Config, dataDir: string): Surroundings => ({
  config,
  checkpointFolder: join(dataDir, 'checkpoints'),
  workFolder: join(dataDir, 'work'),
  codeVersion,
});

async function ensureRejectedStream(channel: Channel, subjects: Subjects): Promise<void> {
  await channel.ensureStream({
    name: subjects.rejectedStream,
    subjects: [subjects.rejected('*')],
    bytesMax: rejectedBytesMax,
    discard: 'old',
    duplicateWindowMs: 120_000,
  });
}

/** One store of each kind, for the models whose settings name it, and room for versions on their way. */
async function versionPlaces(
  { config, checkpointFolder: folder }: Surroundings,
  channel: Channel,
  dataDir: string,
) {
  const places = { folder, channel, root: config.root, now: Date.now };
  const stores = { file: openStore('file', places), nats: openStore('nats', places) };
  const transferFolder = join(dataDir, 'transfers');
  // What an earlier life left there is of no use.
  await rm(transferFolder, { recursive: true, force: true });
  return { storeOf: (kind: StoreKind) => stores[kind], transferFolder };
}

/** Returns what ends it. */
function lookAtStreams(
  operations: Operations,
  channel: Channel,
  { config, log }: Start,
): () => Promise<void> {
  const everyMs = config.metrics.intervalMs * reportsPerLook;
  const subjects = subjectsOf(config.root);
  const stop = watchStreams({ hosts: () => operations.hosts, channel, subjects, log, everyMs });
  return async () => stop();
}

/** A version that was made is what the served state descends from; older ones, and what they needed, may be gone. */
function hearOfVersions(operations: Operations, channel: Channel, subjects: Subjects, log: Logger): void {
  channel.subscribe(subjects.event('checkpoint', '*'), (message) => {
    const made = versionMadeOf(message.data);
    const host = operations.hostOf(message.subject.split('.').at(-1)!);
    if (made === undefined) log.warn({ subject: message.subject }, 'an event that no checkpointer sent');
    else host?.versionMade(made.version, made.epoch, made.learned);
    if (host !== undefined) void operations.purgeUnneeded(host.model);
  });
}

/** Undefined for what is no such event: the subject is open to whoever may publish under the root. */
function versionMadeOf(data: Uint8Array): { version: number; epoch: number; learned: number } | undefined {
  try {
    const { version, epoch, learned } = decode(data, undefined) as Record<string, unknown>;
    if (typeof version !== 'number' || typeof epoch !== 'number' || typeof learned !== 'number')
      return undefined;
    return { version, epoch, learned };
  } catch {
    return undefined;
  }
}

async function openModels(operations: Operations, start: Start, added: AddedModels): Promise<void> {
  const { config, options } = start;
  const models = [...Object.entries(config.models), ...(await added.load(config))];
  for (const name of options.relearn ?? []) {
    if (!models.some(([model]) => model === name))
      throw new MillraceError('notFound', `--relearn: no model is named ${name}`);
  }
  // All are waited for, also when one fails: what is still being opened could not be closed again.
  const opened = await Promise.allSettled(
    models.map(([name, model]) => operations.open(name, model, options.relearn?.includes(name))),
  );
  for (const outcome of opened) if (outcome.status === 'rejected') throw outcome.reason;
}

function running(
  broker: Broker,
  operations: Operations,
  supervisor: Supervisor,
  taken: Promise<string>,
  { unwind, log, ending }: Start,
): RunningServer {
  let stopping: Promise<void> | undefined;
  let settle: { resolve: () => void; reject: (error: unknown) => void };
  const closed = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever does not ask must not be ended by a rejection that nobody handles.
  closed.catch(() => undefined);
  const stop = () => {
    stopping ??= unwind().then(() => settle.resolve());
    return stopping;
  };
  const endWith = (error: unknown) => {
    if (stopping !== undefined) return;
    stopping = unwind().then(() => settle.reject(error));
  };
  broker.onLost((error) => {
    log.error({ reason: messageOf(error) }, 'the broker is lost');
    endWith(error);
  });
  void taken.then((reason) => {
    log.error({ reason }, 'another server has taken over; this one stops');
    // It may be the one that the other uses.
    ending.broker = 'leave';
    endWith(new MillraceError('conflict', `another server has taken over: ${reason}`));
  });
  return {
    url: broker.url,
    status: () => operations.status(),
    terminate: (name) => supervisor.terminate(name),
    stop,
    closed,
  };
}
