/** The options that every command of a running server has, and the values of options. */
import { type Command, InvalidArgumentError } from 'commander';
import { connect } from '../client/connect.ts';
import type { Millrace } from '../client/millrace.ts';

export interface ServerOptions {
  readonly server?: string;
  readonly context?: string;
  readonly root?: string;
  readonly json?: boolean;
}

export const withServerOptions = (command: Command): Command =>
  command
    .option('--server <url>', 'NATS server (else NATS_URL, else nats://127.0.0.1:4222)')
    .option('--context <name>', 'context of the `nats` command line to connect with')
    .option('--root <name>', "first token of the subjects, as in the server's config")
    .option('--json', 'write JSON for programs');

/** Runs the work with a client and closes it, however the work ends. */
export async function withClient<T>(
  options: ServerOptions,
  work: (client: Millrace) => Promise<T>,
  timeoutMs?: number,
): Promise<T> {
  const client = await connect({
    ...(options.server === undefined ? {} : { servers: options.server }),
    ...(options.context === undefined ? {} : { context: options.context }),
    ...(options.root === undefined ? {} : { root: options.root }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    name: 'millrace-cli',
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Expected a whole number of at least 0.');
}

export function countFromOne(text: string): number {
  const value = wholeNumber(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a whole number of at least 1.');
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** `a,b` or the option given several times. */
export const columnList = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
];
