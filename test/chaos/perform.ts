/** How each fault is caused, and what must follow at once from some of them. Resolves when it has happened. */

import { MillraceError, messageOf } from '../../src/base/errors.ts';
import type { FaultPoint } from '../../src/base/fault-points.ts';
import type { Millrace } from '../../src/client/millrace.ts';
import type { Channel } from '../../src/nats/channel.ts';
import { encode, packInternal } from '../../src/protocol/codec.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import type { FaultOrder } from '../../src/runtime/armed-faults.ts';
import { until } from '../support/channel-fixture.ts';
import type { Fault } from './plan.ts';
import type { Server, Stage } from './stage.ts';
import type { Traffic } from './traffic.ts';

export interface Scenery {
  readonly stage: Stage;
  readonly channel: Channel;
  readonly client: Millrace;
  readonly traffic: Traffic;
  server: Server;
}

const happensMs = 90_000;
const hangMs = 4_000;
const subjects = subjectsOf('millrace');

/** Points that are reached only while a version is made. */
const inCut: ReadonlySet<FaultPoint> = new Set<FaultPoint>([
  'learner.betweenMarkers',
  'shard.frozen',
  'checkpointer.betweenImages',
  'checkpointer.beforeManifest',
  'checkpointer.beforePointer',
]);

export async function perform(fault: Fault, scenery: Scenery): Promise<void> {
  switch (fault.kind) {
    case 'terminate':
      return happens(scenery, fault.actor, () => patiently(() => scenery.client.restartActor(fault.actor)));
    case 'point':
      return fault.how === 'exit' ? exitAt(scenery, fault) : killAt(scenery, fault);
    case 'hang':
      return hang(scenery, fault.actor);
    case 'disconnect':
      return order(scenery, fault.actor, { action: 'disconnect' });
    case 'killNats':
      return killNats(scenery);
    case 'stallNats':
      return stallNats(scenery, fault.forMs);
    case 'killProcess':
      scenery.server.signal('SIGKILL');
      return restarted(scenery);
    case 'killAtStart':
      return killAtStart(scenery, fault.point);
    case 'killAtRollback':
      return killAtRollback(scenery, fault.point, fault.mode);
    case 'rollback':
      return rollback(scenery, fault.mode);
    case 'secondServer':
      return secondServer(scenery);
    case 'standby':
      return standby(scenery, fault.wake === 'afterwards');
    case 'diskFull':
      return diskFull(scenery, fault.writes);
    case 'publishes':
      return scenery.traffic.misbehave(fault.how);
  }
}

async function order({ stage, channel }: Scenery, actor: string, what: FaultOrder): Promise<void> {
  const subject = `${stage.subject}.${actor.replaceAll('/', '.')}`;
  // An actor that is just starting hears nothing yet.
  await patiently(() => channel.request(subject, encode(what, 'json'), { timeoutMs: 2_000 }));
}

/** An operator repeats a command that found nobody. */
async function patiently<Result>(act: () => Promise<Result>): Promise<Result> {
  const untilMs = performance.now() + happensMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const passes = error instanceof MillraceError && ['notReady', 'deadline'].includes(error.kind);
      if (!passes || performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function restartsOf({ client }: Scenery, actor: string): Promise<number> {
  const { actors } = await patiently(() => client.status());
  return actors.find(({ name }) => name === actor)?.restarts ?? 0;
}

/** Waits until the actor has been started once more. */
async function happens(scenery: Scenery, actor: string, act: () => Promise<unknown>): Promise<void> {
  const before = await restartsOf(scenery, actor);
  await act();
  await until(happensMs, `${actor} has ended and started again`, async () => {
    return (await restartsOf(scenery, actor)) > before;
  });
}

/** Asks for versions until told to stop; that some of them fail is the point, and one whose maker died is never answered. */
function makingVersions({ client }: Scenery): () => void {
  let going = true;
  void (async () => {
    while (going) {
      await client.checkpoint('m').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  })();
  return () => {
    going = false;
  };
}

type AtPoint = Extract<Fault, { kind: 'point' }>;

async function exitAt(scenery: Scenery, { actor, point, after }: AtPoint): Promise<void> {
  let stop = () => {};
  await happens(scenery, actor, async () => {
    await order(scenery, actor, { point, action: 'exit', after });
    if (inCut.has(point)) stop = makingVersions(scenery);
  }).finally(() => stop());
}

async function killAt(scenery: Scenery, { actor, point, after }: AtPoint): Promise<void> {
  await order(scenery, actor, { point, action: 'kill', after });
  const stop = inCut.has(point) ? makingVersions(scenery) : () => {};
  await ended(scenery.server, `at ${point}`);
  await restarted(scenery);
  stop();
}

async function ended(server: Server, where: string): Promise<void> {
  await until(happensMs, `the process has died ${where}`, () => server.over);
}

async function restarted(scenery: Scenery): Promise<void> {
  await scenery.server.exited;
  scenery.server = await scenery.stage.begin().serves();
}

/**
 * A thread that stands still past its heartbeat is replaced; it is really gone, so what can wake up late is only
 * what it had sent before. That is sent again here in the name of the life before, and must be refused.
 */
async function hang(scenery: Scenery, actor: string): Promise<void> {
  await happens(scenery, actor, () => order(scenery, actor, { action: 'hang', holdMs: hangMs }));
  const learner = /learner\/(\d+)$/.exec(actor)?.[1];
  if (learner === undefined) return;
  const { models } = await patiently(() => scenery.client.status());
  const { epoch } = models[0]!;
  const late = { learner: Number(learner), life: 0, toSeq: Number.MAX_SAFE_INTEGER, part: 0, parts: 1 };
  const nothing = { keys: new Uint8Array(0), rows: new Uint8Array(0), commit: 0 };
  for (const verb of ['hello', 'pull', 'push', 'commit', 'drop', 'marker']) {
    const subject = subjects.shard('m', epoch, 0, verb);
    const body = packInternal({ ...late, ...nothing, cut: 'late' });
    await refusedAsStale(() => scenery.channel.request(subject, body, { timeoutMs: 5_000 }), verb);
  }
}

async function refusedAsStale(ask: () => Promise<unknown>, verb: string): Promise<void> {
  try {
    await patiently(ask);
  } catch (error) {
    if (error instanceof MillraceError && error.kind === 'conflict' && /is refused/.test(error.message))
      return;
    throw error;
  }
  throw new Error(`a ${verb} of an earlier life was not refused`);
}

async function killNats({ stage }: Scenery): Promise<void> {
  const pid = stage.natsPid;
  process.kill(pid, 'SIGKILL');
  await until(happensMs, 'another nats-server runs', () => {
    try {
      return stage.natsPid > 0 && stage.natsPid !== pid;
    } catch {
      return false;
    }
  });
}

async function stallNats({ stage }: Scenery, forMs: number): Promise<void> {
  const pid = stage.natsPid;
  process.kill(pid, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, forMs));
  process.kill(pid, 'SIGCONT');
}

async function killAtStart(scenery: Scenery, point: FaultPoint): Promise<void> {
  scenery.server.signal('SIGKILL');
  await scenery.server.exited;
  const dying = scenery.stage.begin([{ point, action: 'kill' }]);
  await dying.exited;
  if (!/"level":/.test(dying.output()) || /error:/.test(dying.output()))
    throw new Error(`the process did not die at ${point}: ${dying.output().slice(-500)}`);
  scenery.server = await scenery.stage.begin().serves();
}

async function someVersion({ client }: Scenery): Promise<number> {
  await patiently(() => client.checkpoint('m'));
  const { versions } = await patiently(() => client.checkpoints('m'));
  return versions.at(-2)?.version ?? versions.at(-1)!.version;
}

async function killAtRollback(
  scenery: Scenery,
  point: FaultPoint,
  mode: 'continue' | 'relearn',
): Promise<void> {
  const version = await someVersion(scenery);
  await order(scenery, 'server', { point, action: 'kill' });
  // Who asked is never answered.
  void scenery.client.rollback('m', version, { mode }).catch(() => undefined);
  await ended(scenery.server, `at ${point}`);
  await restarted(scenery);
}

async function rollback(scenery: Scenery, mode: 'continue' | 'relearn'): Promise<void> {
  await scenery.client.rollback('m', await someVersion(scenery), { mode });
}

async function secondServer({ stage, server }: Scenery): Promise<void> {
  const second = stage.begin();
  const code = await second.exited;
  if (code === 0 || !/data folder is in use/.test(second.output()))
    throw new Error(`a second server was not refused (exit ${code}): ${second.output().slice(-500)}`);
  if (server.over) throw new Error('the first server ended because of a second one');
}

/** The first is stopped, not dead; when it wakes it must end, and nothing that it did since may count. */
async function standby(scenery: Scenery, wake: boolean): Promise<void> {
  const { stage, server: first } = scenery;
  const second = stage.begin([], ['--standby']);
  await second.stands();
  const stop = makingVersions(scenery);
  first.signal('SIGSTOP');
  scenery.server = await second.serves();
  if (wake) {
    first.signal('SIGCONT');
    await until(happensMs, 'the first server has ended', () => first.over);
    const code = await first.exited;
    if (code !== 1 || !/this one stops/.test(first.output()))
      throw new Error(`the first server ended with ${code}: ${first.output().slice(-500)}`);
  } else {
    first.signal('SIGKILL');
    await first.exited;
  }
  await stop();
  await until(happensMs, 'the second server keeps the nats-server', () =>
    /keeps the nats-server/.test(second.output()),
  );
}

async function diskFull(scenery: Scenery, writes: number): Promise<void> {
  const { client } = scenery;
  const fill = () =>
    order(scenery, 'm/checkpointer', { point: 'checkpointer.diskWrite', action: 'diskFull', times: writes });
  await fill();
  let refusals = 0;
  await until(happensMs, 'the disk has room again, and a version is made', async () => {
    try {
      await client.checkpoint('m');
    } catch (error) {
      if (/No space left/.test(messageOf(error))) refusals++;
      return false;
    }
    // The full disk may have met a version that others had asked for.
    if (refusals === 0) await fill();
    return refusals > 0;
  });
}
