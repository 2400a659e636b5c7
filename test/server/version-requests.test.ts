/** Whoever waits for a version hears of it when the checkpointer dies at work. */
import t from 'tap';
import { modelSchema } from '../../config/schema.ts';
import type { Message } from '../../src/nats/channel.ts';
import { packInternal } from '../../src/protocol/codec.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { VersionRequests } from '../../src/server/version-requests.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

const subjects = subjectsOf('millrace');

t.test('version requests - are answered, or told at once that the checkpointer ended', async (t) => {
  const channel = new MemoryChannel();
  const requests = new VersionRequests(channel, subjects, 'm', modelSchema.parse({}));
  const heard: Message[] = [];
  channel.subscribe(subjects.checkpointer('m', 'make'), (message) => {
    heard.push(message);
    if (heard.length > 2) message.respond(packInternal({ version: heard.length }));
  });
  const dying = [requests.make('command'), requests.make('command')];
  requests.ended();
  for (const one of dying)
    await t.rejects(one, { kind: 'notReady', message: /ended while it made the version/ });
  t.equal(await requests.make('command'), 3, 'the next one answers');
  for (const late of heard.slice(0, 2)) late.respond(packInternal({ version: 1 }));
});
