/** The real servers and the surroundings that the tests of the embedded server share. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';
import { natsSchema } from '../../../config/nats-schema.ts';
import type { Logger } from '../../../src/base/logger.ts';
import { cachedBinary } from '../../../src/nats/embedded/download.ts';
import { type ServerEnvironment, serverEnvironment } from '../../../src/nats/embedded/environment.ts';

export interface RealServer {
  readonly path: string;
  readonly version: string;
}

const machine = serverEnvironment(process.env, process.cwd());

const versionOf = (path: string): string =>
  /: v(\S+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';

/** Every nats-server of this machine, one of each version: on PATH (and in sbin), named, or cached. */
export async function realServers(): Promise<readonly RealServer[]> {
  const folders = [...machine.path.split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const candidates = [
    process.env.MILLRACE_NATS_SERVER,
    await cachedBinary(machine.cacheDir),
    ...folders.map((folder) => join(folder, 'nats-server')),
  ];
  const found = new Map<string, RealServer>();
  for (const path of candidates) {
    if (path === undefined || !existsSync(path)) continue;
    const version = versionOf(path);
    if (!found.has(version)) found.set(version, { path, version });
  }
  return [...found.values()];
}

/** A machine on which nothing is to be found unless `changes` puts it there. */
export const bareEnvironment = (
  cacheDir: string,
  changes: Partial<ServerEnvironment> = {},
): ServerEnvironment => ({
  env: {},
  cacheDir,
  path: '',
  platform: 'linux',
  arch: 'x64',
  resolveFrom: [],
  ...changes,
});

export const settingsOf = (changes: object) =>
  natsSchema.parse({ embedded: { port: 0, ...changes } }).embedded;

const ignore = (): void => undefined;
export const silentLog: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silentLog,
};

/** Address of a compiled module of the embedded server, for code that runs in a child process. */
export const moduleAddress = (name: string): string =>
  new URL(`../../../src/nats/embedded/${name}.js`, import.meta.url).href;

export const hasNpmRegistry = (): boolean =>
  spawnSync('npm', ['ping', '--fetch-retries=0', '--fetch-timeout=3000'], { timeout: 8_000 }).status === 0;

/**
 * An empty folder that is removed after everything else of the test: call it first. t.testdir() is removed
 * before a teardown that waits is through, while a server still writes there.
 */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'millrace-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
