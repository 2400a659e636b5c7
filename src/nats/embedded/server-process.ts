/**
 * One running nats-server, whether we started it or found it. It is a process of its own session: Ctrl-C in
 * our terminal must not stop it before we have written our checkpoints. Its output goes to a file and not to
 * a pipe, because a pipe that nobody reads any more would end it together with us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import type { ServerAccess } from './access.ts';
import type { ServerBinary } from './binary.ts';
import type { ServerLayout } from './layout.ts';
import { logSize, readLastLines } from './log-tail.ts';
import { readGreeting, type ServerGreeting } from './probe.ts';
import { serverConfig, serverName } from './server-config.ts';
import type { EmbeddedSettings } from './settings.ts';
import { cannotStart, endedAtStart, notReadyInTime } from './start-errors.ts';

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  readonly version: string;
  /** Resolves when it has ended, with how: 'ended with exit code 1', 'was ended by SIGKILL'. */
  readonly exited: Promise<string>;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
  /** Whether it runs no longer keeps this process alive. */
  unref(): void;
}

export interface LaunchOptions {
  readonly layout: ServerLayout;
  readonly settings: EmbeddedSettings;
  readonly binary: ServerBinary;
  /** 0 lets the server choose. */
  readonly port: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly access: ServerAccess;
}

const pollMs = 20;
const greetingTimeoutMs = 1_000;
/** A log above this is moved aside at the next start; the server writes a few lines a day. */
const logBytesMax = 16 * 1024 * 1024;

/** Starts the server and waits until it answers. When it does not, nothing of it is left running. */
export async function launchServer(options: LaunchOptions): Promise<ServerProcess> {
  const { layout, settings, binary, port, access } = options;
  await writeOwnerOnly(layout.configPath, serverConfig(layout, settings, binary.version, port, access));
  await removeTraces(layout);
  await rotateLog(layout.logPath);
  const logStart = await logSize(layout.logPath);

  const child = await spawnServer(options);
  const state = { ended: undefined as string | undefined };
  const exited = exitOf(child).then((how) => {
    state.ended = how;
    return how;
  });
  const pid = child.pid as number;
  const deadline = performance.now() + settings.startTimeoutMs;
  for (;;) {
    const answer = await askServer(layout, pid);
    if (answer !== undefined) {
      return {
        pid,
        port: answer.port,
        version: answer.version,
        exited,
        signal: (name) => void child.kill(name),
        unref: () => child.unref(),
      };
    }
    if (state.ended !== undefined) {
      const lines = await readLastLines(layout.logPath, logStart);
      throw await endedAtStart({ binary, how: state.ended, lines, port, logPath: layout.logPath });
    }
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      await exited;
      const lines = await readLastLines(layout.logPath, logStart);
      throw notReadyInTime({ binary, timeoutMs: settings.startTimeoutMs, lines, logPath: layout.logPath });
    }
    await sleep(pollMs);
  }
}

/** Hashes of passwords are in it. */
async function writeOwnerOnly(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
}

/** Asks politely, then ends it. An exit code is no news here: 2.9.10 answers SIGTERM with code 1. */
export async function terminateServer(server: ServerProcess, graceMs: number): Promise<void> {
  const timer = new AbortController();
  server.signal('SIGTERM');
  const patience = sleep(graceMs, 'late', { signal: timer.signal }).catch(() => 'stopped');
  if ((await Promise.race([server.exited, patience])) === 'late') server.signal('SIGKILL');
  timer.abort();
  await server.exited;
}

/** What the server with this pid says of itself; undefined unless it is ready and serves this very store. */
export async function askServer(
  layout: ServerLayout,
  pid: number,
): Promise<(ServerGreeting & { readonly port: number }) | undefined> {
  const port = await readPort(layout, pid);
  if (port === undefined) return undefined;
  const greeting = await readGreeting(port, greetingTimeoutMs);
  return greeting?.name === serverName(layout) ? { ...greeting, port } : undefined;
}

/** Removes what a server wrote about itself, so that nobody takes it for one that runs. */
export async function removeTraces(layout: ServerLayout): Promise<void> {
  // A data folder that was deleted while the server ran has no traces left.
  const fileNames = await readdir(layout.serverDir).catch(() => []);
  const ports = fileNames.filter((fileName) => fileName.endsWith('.ports'));
  const traces = [layout.pidPath, ...ports.map((fileName) => join(layout.serverDir, fileName))];
  await Promise.all(traces.map((path) => rm(path, { force: true })));
}

async function spawnServer({ binary, layout, env }: LaunchOptions): Promise<ChildProcess> {
  const log = await open(layout.logPath, 'a');
  try {
    const child = spawn(binary.path, ['--config', layout.configPath], {
      cwd: layout.serverDir,
      env: { ...env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return child;
  } catch (error) {
    throw cannotStart(binary, messageOf(error), error);
  } finally {
    await log.close();
  }
}

const exitOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
    });
  });

/** The server names the file for its own executable, so the file is known by the pid at its end. */
async function readPort(layout: ServerLayout, pid: number): Promise<number | undefined> {
  try {
    const fileName = (await readdir(layout.serverDir)).find((name) => name.endsWith(`_${pid}.ports`));
    if (fileName === undefined) return undefined;
    const ports = JSON.parse(await readFile(join(layout.serverDir, fileName), 'utf8')) as { nats?: string[] };
    return Number(new URL(ports.nats?.[0] ?? '').port) || undefined;
  } catch {
    // Half written, or gone: the next look tells.
    return undefined;
  }
}

async function rotateLog(logPath: string): Promise<void> {
  const facts = await stat(logPath).catch(() => undefined);
  if (facts !== undefined && facts.size > logBytesMax) await rename(logPath, `${logPath}.1`);
}
