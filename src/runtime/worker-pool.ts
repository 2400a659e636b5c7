/**
 * The threads of this process: the only importer of piscina.
 *
 * An actor is one long-lived task in a thread of its own. Four things make piscina fit:
 * - `atomics: 'disabled'`: else a thread sleeps between tasks without turning its event loop, and a NATS
 *   connection in it never hears an answer.
 * - Each task has an abort signal, which is what makes a thread take one task only and die at once on abort.
 * - A thread is aborted as soon as its actor reports an end (see thread.ts), so no thread ever has two actors.
 * - A thread counts as ended when its end of the control port has closed, which happens only after its last
 *   instruction: whoever comes next may write the same shared memory.
 */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Logger } from '../base/logger.ts';
import {
  type Failure,
  type FromThread,
  failureOf,
  type ThreadTask,
  type ToThread,
} from './thread-protocol.ts';

/** Why a thread is no more; `killed` is our own doing. */
export type ThreadEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'finished' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'killed'; readonly failure: Failure };

export interface ActorThread {
  /** Asks the actor to stop; `ended` follows when it has. */
  askToStop(): void;
  /** Ends the thread at once, wherever it is. */
  kill(reason: string): void;
  /** Heartbeats so far; wraps around. */
  beats(): number;
  /** Resolves when the thread is really gone; never rejects. */
  readonly ended: Promise<ThreadEnd>;
}

export type ThreadOrder = Omit<ThreadTask, 'controlPort' | 'heartbeat'>;

export interface WorkerPool {
  start(order: ThreadOrder, onReady: () => void): ActorThread;
}

export function createWorkerPool(threadsMax: number, log: Logger): WorkerPool {
  const piscina = new Piscina({
    minThreads: 0,
    maxThreads: threadsMax,
    concurrentTasksPerWorker: 1,
    idleTimeout: 0,
    atomics: 'disabled',
    recordTiming: false,
  });
  // A thread without a task can still fail, such as one that is being ended; an event nobody hears would end the process.
  piscina.on('error', (error) => log.warn({ err: error }, 'a thread without an actor failed'));
  return { start: (order, onReady) => startThread(piscina, order, onReady) };
}

function startThread(piscina: Piscina, order: ThreadOrder, onReady: () => void): ActorThread {
  const { port1: ourPort, port2: controlPort } = new MessageChannel();
  const heartbeat = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const beats = new Int32Array(heartbeat);
  const abort = new AbortController();
  let begun = false;
  let end: ThreadEnd | undefined;

  const endWith = (why: ThreadEnd) => {
    if (end !== undefined) return;
    end = why;
    abort.abort();
    // Closes only a port that never reached a thread; one that did closes with its thread.
    controlPort.close();
  };
  const hear = (report: FromThread) => {
    if (report.kind === 'begun') begun = true;
    else if (report.kind !== 'ready') endWith(endOf(report));
    else if (end === undefined) onReady();
  };
  /** The task is over though nobody aborted it: the thread died, or no actor ever began in it. */
  const endUnasked = (failure: Failure) => {
    if (end !== undefined) return;
    // What a dead thread said last may still lie in the port, and it knows better.
    for (let last = receiveMessageOnPort(ourPort); last; last = receiveMessageOnPort(ourPort))
      hear(last.message);
    endWith({ kind: 'failed', failure });
    if (!begun) ourPort.close();
  };

  const closed = new Promise<void>((resolve) => ourPort.once('close', resolve));
  ourPort.on('message', hear);
  const task: ThreadTask = { ...order, controlPort, heartbeat };
  const settled = piscina
    .run(task, { filename: order.spec.entry, signal: abort.signal, transferList: [controlPort] })
    .then(() => endUnasked(notAnActor(order.spec.entry)))
    .catch((error) => endUnasked(failureOf(error)));

  return {
    askToStop: () => ourPort.postMessage('stop' satisfies ToThread),
    kill: (reason) => endWith({ kind: 'killed', failure: { name: 'ThreadKilled', message: reason } }),
    beats: () => Atomics.load(beats, 0),
    ended: Promise.all([settled, closed]).then(() => end!),
  };
}

function endOf(report: Exclude<FromThread, { kind: 'begun' | 'ready' }>): ThreadEnd {
  if (report.kind !== 'exited') return report;
  if (report.exitCode === 0) return { kind: 'finished' };
  return { kind: 'failed', failure: exitedWith(report.exitCode) };
}

const exitedWith = (exitCode: number): Failure => ({
  name: 'ThreadExit',
  message: `the thread exited with code ${exitCode}`,
});

const notAnActor = (entry: string): Failure => ({
  name: 'SetupError',
  message: `${entry} must export default actorThread(actor); its default export returned instead`,
});
