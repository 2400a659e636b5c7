/**
 * The embedded nats-server: found, started, watched and stopped.
 *
 * Invariants: while an EmbeddedServer is not stopped this process holds the lock of its data folder, so at
 * most one server runs on a store. The address never changes, not even by a restart on a port that was
 * chosen at random, so that connections which retry find it again. A running server keeps the process
 * alive; a process that exits without stop() sends its server SIGTERM, and one that was killed leaves it to be
 * adopted by the next.
 *
 *   running --ends by itself--> onExit listeners --restart()--> running --stop()--> stopped, lock released
 */
import { readFile, statfs } from 'node:fs/promises';
import { MillraceError, messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { canSync, refuseUnlessDurable } from '../durability.ts';
import { type ServerAccess, serverAccess } from './access.ts';
import type { ServerEnvironment } from './environment.ts';
import { fullDiskWatch } from './full-disk.ts';
import { prepareLayout, type ServerLayout } from './layout.ts';
import { acquireLock, type FolderLock } from './lock.ts';
import { logSize, newLinesOf, readLastLines } from './log-tail.ts';
import { findOrphan } from './orphan.ts';
import { resolveServer } from './resolver.ts';
import { satisfies, serverConfig, serverHost } from './server-config.ts';
import { launchServer, removeTraces, type ServerProcess, terminateServer } from './server-process.ts';
import type { EmbeddedSettings } from './settings.ts';

export interface EmbeddedServerOptions {
  readonly dataDir: string;
  readonly settings: EmbeddedSettings;
  readonly log: Logger;
  readonly environment: ServerEnvironment;
  /** Where a server that has to be started listens, when one before it had an address; else as the settings say. */
  readonly port?: number;
  /** First token of the subjects, which the users' permissions are about. */
  readonly root: string;
  /** How long a server may take to stop before it is ended; 10 s when absent. */
  readonly stopGraceMs?: number;
}

/** A server that ended without being asked to. */
export interface ServerExit {
  readonly pid: number;
  /** Such as 'was ended by SIGKILL'. */
  readonly how: string;
  readonly lastLines: readonly string[];
}

export interface EmbeddedServer {
  readonly url: string;
  /** Path of the seed to sign in with; undefined when everybody may come in. */
  readonly nkey: string | undefined;
  readonly port: number;
  readonly version: string;
  /** Which binary runs and how it was found, for people. */
  readonly source: string;
  /** Whether it is a server that an earlier process left running. */
  readonly adopted: boolean;
  readonly pid: number;
  /** Calls the listener at every exit that was not asked for; returns what takes the listener off again. */
  onExit(listener: (exit: ServerExit) => void): () => void;
  /** Starts the server again on the same address and under the same lock, ending it first if it runs. */
  restart(): Promise<void>;
  /** Stops the server and releases the data folder. May be called twice. */
  stop(): Promise<void>;
  /** Releases the data folder and lets the server run, for a process that uses it to adopt. Instead of stop(). */
  leave(): Promise<void>;
}

const defaultStopGraceMs = 10_000;
const diskLookMs = 2_000;

/** Throws SetupError when there is no server to start, the folder is in use, the port is taken, or it does not come up. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const layout = await prepareLayout(options.dataDir);
  const lock = await acquireLock(layout.lockDir, process.pid);
  try {
    const { settings, root, environment } = options;
    const access = await serverAccess(layout, settings.users, root, environment.env);
    const place = { layout, access };
    const run =
      (await adoptOrphan(options, place)) ?? (await launch(options, place, options.port ?? settings.port));
    return new RunningServer(options, place, lock, run);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Where the server lives, and who may use it. */
interface Place {
  readonly layout: ServerLayout;
  readonly access: ServerAccess;
}

/** One life of the server between two restarts. */
interface Run {
  readonly server: ServerProcess;
  readonly source: string;
  readonly adopted: boolean;
  readonly logStart: number;
}

async function launch(options: EmbeddedServerOptions, place: Place, port: number): Promise<Run> {
  const { layout } = place;
  const { settings, environment, log } = options;
  const binary = await resolveServer(settings.binary, environment);
  const mend = 'name another with nats.embedded.binary or MILLRACE_NATS_SERVER';
  const { durability = 'fast' } = settings;
  refuseUnlessDurable(durability, { version: binary.version, found: binary.source, mend });
  const server = await launchServer({ ...place, settings, binary, port, env: environment.env });
  const facts = { pid: server.pid, port: server.port, version: server.version };
  log.debug(facts, `The embedded server runs: ${binary.source}`);
  return { server, source: binary.source, adopted: false, logStart: await logSize(layout.logPath) };
}

/** An orphan with other settings than ours is stopped instead, so that what the user changed takes effect. */
async function adoptOrphan(
  options: EmbeddedServerOptions,
  { layout, access }: Place,
): Promise<Run | undefined> {
  const { settings, log } = options;
  const server = await findOrphan(layout, settings.startTimeoutMs);
  if (server === undefined) return undefined;
  const facts = { pid: server.pid, port: server.port, version: server.version };
  const running = await readFile(layout.configPath, 'utf8').catch(() => '');
  const wanted = serverConfig(layout, settings, server.version, settings.port, access);
  const tooOld = settings.durability === 'fsync' && !canSync(server.version);
  if (tooOld || !satisfies(running, wanted, settings)) {
    log.warn(facts, 'A server left by an earlier process has other settings: it is stopped and started anew');
    await terminateServer(server, options.stopGraceMs ?? defaultStopGraceMs);
    return undefined;
  }
  log.warn(facts, 'A server left running by an earlier process was adopted');
  const source = `nats-server ${server.version} that an earlier process left running (pid ${server.pid})`;
  return { server, source, adopted: true, logStart: await logSize(layout.logPath) };
}

class RunningServer implements EmbeddedServer {
  readonly #options: EmbeddedServerOptions;
  readonly #place: Place;
  readonly #lock: FolderLock;
  readonly #listeners = new Set<(exit: ServerExit) => void>();
  readonly #diskWatch: NodeJS.Timeout;
  readonly #atProcessExit = (): void => this.#run.server.signal('SIGTERM');
  readonly port: number;
  #run: Run;
  /** The exit that nobody has answered with a restart yet. */
  #lastExit: ServerExit | undefined;
  #restarting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: EmbeddedServerOptions, place: Place, lock: FolderLock, run: Run) {
    this.#options = options;
    this.#place = place;
    this.#lock = lock;
    this.#run = run;
    this.port = run.server.port;
    process.on('exit', this.#atProcessExit);
    this.#watch(run);
    this.#diskWatch = this.#watchDisk(run.logStart);
  }

  get url(): string {
    return `nats://${serverHost}:${this.port}`;
  }
  get nkey(): string | undefined {
    return this.#place.access.nkey;
  }
  get version(): string {
    return this.#run.server.version;
  }
  get source(): string {
    return this.#run.source;
  }
  get adopted(): boolean {
    return this.#run.adopted;
  }
  get pid(): number {
    return this.#run.server.pid;
  }

  onExit(listener: (exit: ServerExit) => void): () => void {
    this.#listeners.add(listener);
    const missed = this.#lastExit;
    // A server that ended before anybody could listen is told all the same.
    if (missed !== undefined) queueMicrotask(() => listener(missed));
    return () => this.#listeners.delete(listener);
  }

  restart(): Promise<void> {
    if (this.#stopping !== undefined) {
      return Promise.reject(
        new MillraceError('notReady', 'The embedded server was stopped: start a new one.'),
      );
    }
    this.#restarting ??= this.#startAgain().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  leave(): Promise<void> {
    this.#stopping ??= this.#letGo();
    return this.#stopping;
  }

  async #letGo(): Promise<void> {
    clearInterval(this.#diskWatch);
    await this.#restarting?.catch(() => undefined);
    process.off('exit', this.#atProcessExit);
    this.#run.server.unref();
    await this.#lock.release();
    this.#options.log.info({ pid: this.pid }, 'The embedded server is left to another process');
  }

  async #startAgain(): Promise<void> {
    await terminateServer(this.#run.server, this.#graceMs);
    const run = await launch(this.#options, this.#place, this.port);
    this.#run = run;
    this.#lastExit = undefined;
    this.#watch(run);
  }

  async #shutDown(): Promise<void> {
    clearInterval(this.#diskWatch);
    // A restart under way would bring a server up behind our back; its failure was told to who asked for it.
    await this.#restarting?.catch(() => undefined);
    await terminateServer(this.#run.server, this.#graceMs);
    process.off('exit', this.#atProcessExit);
    await removeTraces(this.#place.layout);
    await this.#lock.release();
    this.#options.log.info({ pid: this.pid }, 'The embedded server has stopped');
  }

  #watchDisk(logStart: number): NodeJS.Timeout {
    const { logPath, serverDir } = this.#place.layout;
    const { log } = this.#options;
    const look = fullDiskWatch({
      newLines: newLinesOf(logPath, logStart),
      freeBytes: () => statfs(serverDir).then(({ bavail, bsize }) => bavail * bsize),
      restart: () => this.restart(),
      log,
    });
    let looking = false;
    return setInterval(() => {
      if (looking || this.#restarting !== undefined) return;
      looking = true;
      look()
        .catch((error) =>
          log.error({ reason: messageOf(error) }, 'cannot look after the disk of nats-server'),
        )
        .finally(() => {
          looking = false;
        });
    }, diskLookMs).unref();
  }

  #watch(run: Run): void {
    void run.server.exited.then(async (how) => {
      const lastLines = await readLastLines(this.#place.layout.logPath, run.logStart);
      if (this.#stopping !== undefined || this.#restarting !== undefined || this.#run !== run) return;
      this.#lastExit = { pid: run.server.pid, how, lastLines };
      this.#options.log.error({ pid: run.server.pid, lastLines }, `The embedded server ${how}`);
      for (const listener of this.#listeners) listener(this.#lastExit);
    });
  }

  get #graceMs(): number {
    return this.#options.stopGraceMs ?? defaultStopGraceMs;
  }
}
