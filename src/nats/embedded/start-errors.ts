/** Why a server did not start, in one line each: what was expected, what was got, how to mend it. */
import { SetupError } from '../../base/errors.ts';
import type { ServerBinary } from './binary.ts';
import { readGreeting } from './probe.ts';
import { serverHost } from './server-config.ts';

interface EndedAtStart {
  readonly binary: ServerBinary;
  readonly how: string;
  readonly lines: readonly string[];
  readonly port: number;
  readonly logPath: string;
}

interface NotReadyInTime {
  readonly binary: ServerBinary;
  readonly timeoutMs: number;
  readonly lines: readonly string[];
  readonly logPath: string;
}

/** What the systems say when a port is taken: POSIX, then Windows. */
const portTakenPattern = /address already in use|Only one usage of each socket address/;
const neighbourTimeoutMs = 500;

export async function endedAtStart(facts: EndedAtStart): Promise<SetupError> {
  if (facts.lines.some((line) => portTakenPattern.test(line))) return portTaken(facts.port);
  return new SetupError(
    `The embedded server ${facts.how} before it was ready (${facts.binary.source}). ` +
      `Its last words in ${facts.logPath}: ${quoteLines(facts.lines)}`,
  );
}

export const notReadyInTime = (facts: NotReadyInTime): SetupError =>
  new SetupError(
    `The embedded server was not ready within ${facts.timeoutMs} ms (${facts.binary.source}): raise ` +
      `nats.embedded.startTimeoutMs if its store is large. Its last words in ${facts.logPath}: ${quoteLines(facts.lines)}`,
  );

export const cannotStart = (binary: ServerBinary, reason: string, cause: unknown): SetupError =>
  new SetupError(`The embedded server cannot be started (${binary.source}): ${reason}.`, { cause });

export const silentOrphan = (pid: number, timeoutMs: number): SetupError =>
  new SetupError(
    `A nats-server of an earlier process (pid ${pid}) still runs on the store and did not answer within ${timeoutMs} ms: ` +
      'end it, or raise nats.embedded.startTimeoutMs if its store is large.',
  );

async function portTaken(port: number): Promise<SetupError> {
  const neighbour = await readGreeting(port, neighbourTimeoutMs);
  const other =
    neighbour === undefined
      ? ''
      : ` A NATS server ${neighbour.version} listens there: to use that one, set nats.servers to ["nats://${serverHost}:${port}"].`;
  return new SetupError(
    `Port ${port} of ${serverHost} is taken: set nats.embedded.port to a free port, or to 0 for any.${other}`,
  );
}

const quoteLines = (lines: readonly string[]): string => (lines.length === 0 ? '(none)' : lines.join(' | '));
