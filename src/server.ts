/**
 * The composition root of a server: broker, supervisor, models, control. Everything is started in order and
 * stopped in reverse; whatever fails half-way is stopped again before the error is passed on.
 */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { MillraceError, messageOf } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import { openFileStore } from './checkpoint/file-store.ts';
import type { Channel } from './nats/channel.ts';
import { connectChannel } from './nats/connection.ts';
import { decode } from './protocol/codec.ts';
import type { ServerStatus } from './protocol/messages.ts';
import { subjectsOf } from './protocol/subjects.ts';
import { createLogger } from './runtime/log.ts';
import { createSupervisor, type Supervisor } from './runtime/supervisor.ts';
import { AddedModels } from './server/added-models.ts';
import { type Broker, openBroker } from './server/broker.ts';
import { controlEndpoint } from './server/control.ts';
import { Operations } from './server/operations.ts';
import { watchActors } from './server/watch-actors.ts';
import { monitorActor, type Surroundings } from './topology.ts';
import { codeVersion } from './version.ts';

export interface ServerOptions {
  readonly log?: Logger;
  /** Models to learn again from the beginning of their streams. */
  readonly relearn?: readonly string[];
}

export interface RunningServer {
  readonly url: string;
  status(): Promise<ServerStatus>;
  /** Ends an actor's thread at once; the supervisor starts it again. */
  terminate(actorName: string): void;
  /** Makes last versions, stops everything. */
  stop(): Promise<void>;
  /** Resolves when the server has stopped; rejects when it ended by itself. */
  readonly closed: Promise<void>;
}

const rejectedBytesMax = 256 * 1024 * 1024;

/** Throws SetupError for what the user must mend. */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const log = options.log ?? createLogger(config.log.level);
  const dataDir = resolve(config.dataDir);
  const undo: (() => Promise<unknown>)[] = [];
  const unwind = async () => {
    for (const step of undo.reverse()) {
      await step().catch((error) => log.error({ reason: messageOf(error) }, 'could not stop cleanly'));
    }
  };
  try {
    const broker = await openBroker(config, dataDir, log);
    undo.push(() => broker.close());
    const channel = await connectChannel({ ...broker.connect, name: 'millrace server' });
    undo.push(() => channel.close());
    return await startOn(broker, channel, { config, dataDir, log, options, undo, unwind });
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
  readonly undo: (() => Promise<unknown>)[];
  readonly unwind: () => Promise<void>;
}

async function startOn(broker: Broker, channel: Channel, start: Start): Promise<RunningServer> {
  const { config, dataDir, log, undo } = start;
  const subjects = subjectsOf(config.root);
  const around: Surroundings = { config, checkpointFolder: join(dataDir, 'checkpoints'), codeVersion };
  const supervisor = createSupervisor({
    settings: config.supervisor,
    // The settings have just worked here: an actor that starts while the broker is away waits for its return.
    connect: { ...broker.connect, name: 'millrace', waitOnFirstConnect: true },
    logLevel: config.log.level,
    log,
    beforeRestart: async (spec) => operations.hostOf(spec.name)?.refresh(spec) ?? spec,
  });
  const operations: Operations = new Operations({
    channel,
    supervisor,
    store: openFileStore({ folder: around.checkpointFolder, now: Date.now }),
    around,
    log,
    config,
    added: new AddedModels(join(dataDir, 'models')),
    holder: `process ${process.pid} on ${hostname()}, started ${new Date().toISOString()}`,
    facts: {
      version: codeVersion,
      startedAt: new Date().toISOString(),
      nats: { url: broker.url, version: channel.serverVersion, source: broker.source },
    },
  });
  undo.push(() => supervisor.stop());
  watchActors(supervisor, operations, channel, subjects, log);
  await channel.ensureStream({
    name: subjects.rejectedStream,
    subjects: [subjects.rejected('*')],
    bytesMax: rejectedBytesMax,
    discard: 'old',
    duplicateWindowMs: 120_000,
  });
  channel.subscribe(subjects.event('checkpoint', '*'), (message) => {
    const made = versionMadeOf(message.data);
    const host = operations.hostOf(message.subject.split('.').at(-1)!);
    if (made === undefined) log.warn({ subject: message.subject }, 'an event that no checkpointer sent');
    else host?.versionMade(made.version, made.epoch, made.learned);
  });
  await supervisor.startAll([monitorActor(around)]);
  undo.push(() => operations.closeAll());
  await openModels(operations, start, new AddedModels(join(dataDir, 'models')));
  const control = await channel.serve({
    name: 'millrace-control',
    version: codeVersion,
    description: 'Status and operation of the Millrace server',
    endpoints: [controlEndpoint(operations, `${config.root}.v1.ctl.>`, log)],
  });
  undo.push(() => control.stop());
  return running(broker, operations, supervisor, start);
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
  { unwind, log }: Start,
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
  broker.onLost((error) => {
    log.error({ reason: messageOf(error) }, 'the broker is lost');
    void unwind().then(() => settle.reject(error));
  });
  return {
    url: broker.url,
    status: () => operations.status(),
    terminate: (name) => supervisor.terminate(name),
    stop,
    closed,
  };
}
