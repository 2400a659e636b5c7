/**
 * What the supervisor's side and an actor's thread say to each other. Everything here can be cloned between
 * threads; an error loses its class and its own fields on that way, so it travels as a plain Failure.
 *
 * A thread reports `begun`, at most once `ready`, then one end, and nothing afterwards: the pool ends it.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../../config/schema.ts';
import { type ErrorKind, errorCodes, MillraceError, SetupError } from '../base/errors.ts';
import type { ConnectOptions } from '../nats/connection.ts';
import type { ActorSpec } from './actor.ts';
import type { FaultSettings } from './armed-faults.ts';

export type LogLevel = Config['log']['level'];

/** An error as it crosses from one thread to another. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Of a MillraceError. */
  readonly kind?: ErrorKind;
  readonly code?: number;
}

/** What a thread is told when it begins. */
export interface ThreadTask<Settings = unknown> {
  readonly spec: ActorSpec<Settings>;
  readonly life: number;
  readonly connect: ConnectOptions;
  readonly logLevel: LogLevel;
  readonly controlPort: MessagePort;
  /** One Int32 that the thread adds 1 to every heartbeatMs while its event loop turns. */
  readonly heartbeat: SharedArrayBuffer;
  readonly heartbeatMs: number;
  /** Only in a process that was started to be broken. */
  readonly faults?: FaultSettings | undefined;
}

export type ToThread = 'stop';

export type FromThread =
  /** The entry file was loaded and is one of an actor. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The actor called process.exit: with 0 it has finished of its own accord. */
  | { readonly kind: 'exited'; readonly exitCode: number };

export function failureOf(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown;
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown) };
  const { name, message, stack } = thrown;
  const failure = stack === undefined ? { name, message } : { name, message, stack };
  return thrown instanceof MillraceError ? { ...failure, kind: thrown.kind, code: thrown.code } : failure;
}

/** The error again, in this thread: what callers decide by (its class, kind or name) is kept; the stack is the thread's. */
export function errorOf(failure: Failure): Error {
  const error = sameKindOfError(failure);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}

function sameKindOfError({ name, message, kind }: Failure): Error {
  if (kind !== undefined) return new MillraceError(kind, message);
  if (name === 'SetupError') return new SetupError(message);
  return Object.assign(new Error(message), { name });
}

/** A failure that was already made plain, such as an error that a promise of another thread was rejected with. */
function isFailure(thrown: unknown): thrown is Failure {
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return false;
  const { name, message, kind } = thrown as Partial<Failure>;
  return (
    typeof name === 'string' && typeof message === 'string' && (kind === undefined || kind in errorCodes)
  );
}
