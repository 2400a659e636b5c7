/** An actor that does what its settings and the messages on `puppet.<name>` say. */
import { MillraceError, SetupError } from '../../../src/base/errors.ts';
import type { ActorContext, RunningActor } from '../../../src/runtime/actor.ts';
import { actorThread } from '../../../src/runtime/thread.ts';

export interface PuppetSettings {
  readonly start?: 'ready' | 'never' | 'failure' | 'failureInFirstLife' | 'badSetting';
  readonly stop?: 'announce' | 'never' | 'failure';
  readonly note?: string;
  /** Its first number is raised by 1 on the command `count`. */
  readonly shared?: SharedArrayBuffer;
}

export type PuppetCommand =
  | 'ping'
  | 'count'
  | 'countForEver'
  | 'fail'
  | 'throw'
  | 'reject'
  | 'hang'
  | 'finish'
  | 'exit'
  | 'disconnect';

async function puppet(context: ActorContext<PuppetSettings>): Promise<RunningActor> {
  const { name, settings, life, channel } = context;
  const beginning = settings.start ?? 'ready';
  if (beginning === 'never') await new Promise(() => {});
  if (beginning === 'failure' || (beginning === 'failureInFirstLife' && life === 1))
    throw new MillraceError('conflict', `${name} cannot start in life ${life}`);
  if (beginning === 'badSetting') throw new SetupError('shards: expected 2, got 3; mend the file');

  channel.subscribe(`puppet.${name}`, (message) => {
    const command = new TextDecoder().decode(message.data) as PuppetCommand;
    const answer = obey(command, context);
    message.respond(new TextEncoder().encode(JSON.stringify(answer)));
  });
  await channel.flush();
  return { stop: () => stop(context) };
}

function obey(command: PuppetCommand, context: ActorContext<PuppetSettings>): object {
  const { settings, life } = context;
  if (command === 'count') Atomics.add(new Int32Array(settings.shared!), 0, 1);
  if (command === 'countForEver') setImmediate(() => countForEver(settings.shared!));
  if (command === 'fail') context.fail(new MillraceError('overloaded', 'asked to fail'));
  if (command === 'throw') setImmediate(() => strayError());
  if (command === 'reject') void Promise.reject(new Error('asked to reject'));
  if (command === 'hang') setImmediate(() => spin());
  if (command === 'finish') setImmediate(() => process.exit(0));
  if (command === 'exit') setImmediate(() => process.exit(3));
  if (command === 'disconnect') setImmediate(() => void context.channel.close());
  return { life, note: settings.note ?? null };
}

function strayError(): never {
  throw new RangeError('asked to throw');
}

function spin(): never {
  for (;;);
}

function countForEver(shared: SharedArrayBuffer): never {
  for (const counters = new Int32Array(shared); ; ) Atomics.add(counters, 0, 1);
}

async function stop({ name, settings, channel }: ActorContext<PuppetSettings>): Promise<void> {
  if (settings.stop === 'never') await new Promise(() => {});
  if (settings.stop === 'failure') throw new Error('asked to fail at the stop');
  channel.publish('puppet-stopped', new TextEncoder().encode(name));
}

export default actorThread(puppet);
