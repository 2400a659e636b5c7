/**
 * The thread's side of an actor. An entry file is `export default actorThread(actor)` and nothing else.
 *
 * The task that piscina runs never settles by itself. However the actor ends, it says so on the control port
 * and the pool then ends the thread, so that no thread is used twice and nothing that an actor left behind
 * (a timer, a subscription, a changed global) meets the next one.
 *
 * One end is reported, the first: what goes wrong while a thread is already failing says nothing new.
 */
import { type FaultPoints, noFaults } from '../base/fault-points.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { connectChannel } from '../nats/connection.ts';
import { sayConnection } from '../nats/say-connection.ts';
import type { Actor, RunningActor } from './actor.ts';
import { ArmedFaults } from './armed-faults.ts';
import { createLogger } from './log.ts';
import { type FromThread, failureOf, type ThreadTask, type ToThread } from './thread-protocol.ts';

export type ThreadMain<Settings> = (task: ThreadTask<Settings>) => Promise<never>;

export function actorThread<Settings>(actor: Actor<Settings>): ThreadMain<Settings> {
  return (task) => {
    const log = createLogger(task.logLevel, { actor: task.spec.name, life: task.life });
    const reports = reportOnce(task, log);
    beat(task);
    catchStrays(reports);
    run(actor, task, reports, log).catch(reports.fail);
    return new Promise<never>(() => {});
  };
}

interface Reports {
  ready(): void;
  stopped(): void;
  exited(exitCode: number): void;
  fail(this: void, error: unknown): void;
}

function reportOnce(task: ThreadTask, log: Logger): Reports {
  let ended = false;
  const post = (report: FromThread) => task.controlPort.postMessage(report);
  const end = (report: FromThread) => {
    if (ended) return;
    ended = true;
    post(report);
  };
  post({ kind: 'begun' });
  return {
    ready: () => ended || post({ kind: 'ready' }),
    stopped: () => end({ kind: 'stopped' }),
    exited: (exitCode) => end({ kind: 'exited', exitCode }),
    fail: (error) => {
      if (!ended) log.error({ err: error }, 'actor failed');
      end({ kind: 'failed', failure: failureOf(error) });
    },
  };
}

/** Shows that the event loop turns; a thread that is stuck in a computation stops beating and is replaced. */
function beat(task: ThreadTask): void {
  const beats = new Int32Array(task.heartbeat);
  setInterval(() => Atomics.add(beats, 0, 1), task.heartbeatMs);
}

/** What nobody caught in this thread is this actor's failure; without these the thread would die without a word. */
function catchStrays(reports: Reports): void {
  process.on('uncaughtException', reports.fail);
  process.on('unhandledRejection', reports.fail);
  process.once('exit', reports.exited);
}

async function run<Settings>(
  actor: Actor<Settings>,
  task: ThreadTask<Settings>,
  reports: Reports,
  log: Logger,
): Promise<void> {
  const stopAsked = onceAskedToStop(task);
  const { name, settings } = task.spec;
  const channel = await connectChannel({ ...task.connect, name: `${task.connect.name} ${name}` });
  const closed = watchClosed(channel, reports);
  sayConnection(channel, log);
  const faults = faultsOf(task, channel);
  const running = await actor({ name, settings, life: task.life, channel, log, faults, fail: reports.fail });
  reports.ready();
  await stopAsked;
  await stopPolitely(running, channel, closed);
  reports.stopped();
}

function faultsOf({ faults, spec }: ThreadTask, channel: Channel): FaultPoints {
  if (faults === undefined) return noFaults;
  const armed = new ArmedFaults(faults.lives?.[spec.name]);
  armed.listen(channel, `${faults.subject}.${spec.name.replaceAll('/', '.')}`);
  return armed;
}

const onceAskedToStop = (task: ThreadTask): Promise<ToThread> =>
  new Promise((resolve) => task.controlPort.once('message', resolve));

/** A closed connection is never opened again, so an actor whose connection closed unasked has failed. */
function watchClosed(channel: Channel, reports: Reports): { expected: boolean } {
  const closed = { expected: false };
  channel.onEvent((event, detail) => {
    if (event !== 'closed' || closed.expected) return;
    reports.fail(new Error(`the NATS connection was closed: ${detail || 'no reason was given'}`));
  });
  return closed;
}

async function stopPolitely(running: RunningActor, channel: Channel, closed: { expected: boolean }) {
  await running.stop();
  closed.expected = true;
  await channel.close();
}
