/** What a failed command says (one line on standard error) and the code it exits with. */
import { CommanderError } from 'commander';
import { MillraceError, messageOf, SetupError } from '../base/errors.ts';
import { ServerUnreachableError } from '../client/unreachable.ts';
import { styles } from './styles.ts';

export const exitCodes = { ok: 0, failed: 1, badInput: 2, unreachable: 3 } as const;

/** The command has already said what is wrong; only the code is left to give. */
export class SilentFailure extends Error {
  override readonly name = 'SilentFailure';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** A command line that cannot work. */
export class UsageError extends SetupError {}

const badInputKinds: ReadonlySet<string> = new Set(['badInput', 'tooLarge']);

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof SilentFailure) return thrown.exitCode;
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.badInput;
  if (thrown instanceof ServerUnreachableError) return exitCodes.unreachable;
  if (thrown instanceof SetupError) return exitCodes.badInput;
  if (thrown instanceof MillraceError && badInputKinds.has(thrown.kind)) return exitCodes.badInput;
  return exitCodes.failed;
}

/** Undefined when everything has been said (commander prints its own). */
export function failureText(thrown: unknown, debug: boolean): string | undefined {
  if (thrown instanceof SilentFailure || thrown instanceof CommanderError) return undefined;
  const known = thrown instanceof MillraceError || thrown instanceof SetupError;
  const mend = known ? '' : '; this is a fault of millrace: run again with MILLRACE_DEBUG=1 and report it';
  const line = `${styles.red('error:')} ${messageOf(thrown)}${mend}`;
  return debug && thrown instanceof Error ? `${line}\n${stackOf(thrown)}` : line;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
