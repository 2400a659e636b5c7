/** What the tests of the runtime share: a supervisor with quick settings, a record of its changes, and puppets to start. */
import type { Test } from 'tap';
import { type Config, configSchema } from '../../config/schema.ts';
import type { Channel } from '../../src/nats/channel.ts';
import { type ConnectOptions, connectChannel } from '../../src/nats/connection.ts';
import type { ActorSpec } from '../../src/runtime/actor.ts';
import type { ActorChange, ActorState } from '../../src/runtime/child.ts';
import { createLogger } from '../../src/runtime/log.ts';
import { createSupervisor, type Supervisor, type SupervisorOptions } from '../../src/runtime/supervisor.ts';
import type { PuppetCommand, PuppetSettings } from './actors/puppet.ts';

const deadlineMs = 10_000;

export const quickSettings: Config['supervisor'] = {
  ...configSchema.parse({}).supervisor,
  backoffMs: 5,
  backoffMaxMs: 50,
  heartbeatMs: 50,
};

export const connectTo = (url: string): ConnectOptions => ({ servers: [url], name: 'runtime-test' });

export const entryUrl = (file: string): string => new URL(`./actors/${file}`, import.meta.url).href;

export function puppetSpec(
  name: string,
  settings: PuppetSettings = {},
  restart: ActorSpec['restart'] = 'permanent',
): ActorSpec<PuppetSettings> {
  return { name, kind: 'monitor', entry: entryUrl('puppet.js'), settings, restart };
}

export interface Harness {
  readonly supervisor: Supervisor;
  readonly channel: Channel;
  readonly changes: readonly ActorChange[];
  readonly givenUp: readonly { readonly name: string; readonly error: Error }[];
  /** Names of puppets, in the order in which they said that they were stopped. */
  readonly announced: readonly string[];
  command(name: string, command: PuppetCommand): Promise<{ life: number; note: string | null }>;
  /** A command that the puppet may not live to answer. */
  inflict(name: string, fault: PuppetCommand): void;
  /** The first change of the actor to that state in that life or a later one, which may lie in the past. */
  reached(name: string, state: ActorState, life: number): Promise<ActorChange>;
}

export async function startHarness(
  t: Test,
  url: string,
  settings: Partial<Config['supervisor']> = {},
  options: Pick<SupervisorOptions, 'beforeRestart' | 'isExcused'> = {},
): Promise<Harness> {
  const connect = connectTo(url);
  const channel = await connectChannel(connect);
  const supervisor = createSupervisor({
    settings: { ...quickSettings, ...settings },
    connect,
    logLevel: 'silent',
    log: createLogger('silent'),
    ...options,
  });
  const changes: ActorChange[] = [];
  const givenUp: { name: string; error: Error }[] = [];
  const announced: string[] = [];
  supervisor.onChange((change) => changes.push(change));
  supervisor.onGiveUp((name, error) => givenUp.push({ name, error }));
  channel.subscribe('puppet-stopped', ({ data }) => announced.push(new TextDecoder().decode(data)));
  await channel.flush();
  t.teardown(async () => {
    await supervisor.stop();
    await channel.close();
  });
  return {
    supervisor,
    channel,
    changes,
    givenUp,
    announced,
    async command(name, command) {
      const data = new TextEncoder().encode(command);
      const reply = await channel.request(`puppet.${name}`, data, { timeoutMs: deadlineMs });
      return JSON.parse(new TextDecoder().decode(reply.data));
    },
    inflict: (name, fault) => channel.publish(`puppet.${name}`, new TextEncoder().encode(fault)),
    reached: (name, state, life) =>
      eventually(`${name} ${state} in life ${life}`, () =>
        changes.find((change) => change.name === name && change.state === state && change.life >= life),
      ),
  };
}

/** Looks until there is something to find; a test that would wait for ever fails with what it waited for. */
export async function eventually<Found>(what: string, look: () => Found | undefined): Promise<Found> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
