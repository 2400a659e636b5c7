/**
 * A nats-server binary that was seen to run. Whatever is about to be started is first asked for its version:
 * that proves that it is a nats-server, that this machine can run it, and which settings it knows.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { messageOf, SetupError } from '../../base/errors.ts';

export interface ServerBinary {
  readonly path: string;
  readonly version: string;
  /** A sentence fragment for people: which binary, and how it was found. */
  readonly source: string;
}

/** Oldest server that has all that Millrace rests on. */
const oldest = { major: 2, minor: 9 } as const;
const versionTimeoutMs = 10_000;
const run = promisify(execFile);

/** Asks the file for its version; `foundBy` says how we came to it, such as 'named by nats.embedded.binary'. */
export async function inspectBinary(path: string, foundBy: string): Promise<ServerBinary> {
  const which = `${path} (${foundBy})`;
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) {
    throw new SetupError(`There is no file at ${which}: give the path of a nats-server that is there.`);
  }
  if (!facts.isFile() || !(await isExecutable(path))) {
    throw new SetupError(
      `${which} is not an executable file: give the path of a nats-server, or make it executable.`,
    );
  }
  const version = await askVersion(path, which);
  if (!isAtLeast(version, oldest.major, oldest.minor)) {
    throw new SetupError(
      `${which} is nats-server ${version}; Millrace needs ${oldest.major}.${oldest.minor} or newer: install a newer one.`,
    );
  }
  return { path, version, source: `nats-server ${version} at ${which}` };
}

export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ours = 0, ourMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ours > major || (ours === major && ourMinor >= minor);
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function askVersion(path: string, which: string): Promise<string> {
  const answer = await run(path, ['--version'], { timeout: versionTimeoutMs }).catch((error: unknown) => {
    const first = messageOf(error).split('\n', 1)[0];
    throw new SetupError(`${which} did not answer --version (${first}): give the path of a nats-server.`, {
      cause: error,
    });
  });
  const version = /^nats-server: v?(\d+\.\d+\.\d+\S*)/m.exec(answer.stdout)?.[1];
  if (version === undefined) {
    const got = JSON.stringify(answer.stdout.trim().slice(0, 80));
    throw new SetupError(
      `${which} is no nats-server: to --version it answered ${got}: give the path of one.`,
    );
  }
  return version;
}
