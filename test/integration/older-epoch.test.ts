/**
 * What an epoch before still sends. The goal: the very bytes of its pushes, commits, cuts and deltas, sent again after
 * a rollback, find nobody or change nothing.
 */
import t from 'tap';
import type { Message } from '../../src/nats/channel.ts';
import { availableServers } from '../support/nats-server.ts';
import { refused, startRunning } from '../support/running-server.ts';

t.setTimeout(120_000);
const learn = 'millrace.v1.learn.m';
const features = { who: 'x' };

t.test('older epoch', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const running = await startRunning(t, { m: { actors: { shards: 2, predictors: 2 } } });
  const { client, channel, append } = running;
  const scores = async (minSeq: number) => {
    // Often enough for both replicas, and on the connection that the old messages go out on: they come first.
    const asked = Array.from({ length: 16 }, () =>
      running.ask('millrace.v1.predict.m', { features, minSeq }),
    );
    const answers = (await Promise.all(asked)) as { score: number }[];
    return [...new Set(answers.map(({ score }) => score))];
  };
  await append(learn, { features, label: 1 });
  await running.caughtUp('m');
  const { version } = await client.checkpoint('m');

  const heard: Message[] = [];
  const listening = ['shard', 'delta', 'learners'].map((kind) =>
    channel.subscribe(`millrace.v1.${kind}.m.>`, (message) => heard.push(message)),
  );
  for (let at = 0; at < 10; at++) await append(learn, { features, label: 0 });
  await running.caughtUp('m');
  await client.checkpoint('m');
  for (const subscription of listening) subscription.unsubscribe();

  await client.rollback('m', version);
  const seq = await append(learn, { features: { who: 'y' }, label: 1 });
  const before = await scores(seq);
  t.equal(before.length, 1, 'both replicas say the same');
  const { learned } = await running.modelStatus('m');

  const verbs = new Map<string, Message>();
  for (const message of heard) {
    const [, , kind, , , shard, verb] = message.subject.split('.');
    if (kind === 'shard') verbs.set(`${verb} of shard ${shard}`, message);
    else channel.publish(message.subject, message.data);
  }
  const wanted = ['pull', 'push', 'openCut', 'image', 'closeCut', 'marker'];
  for (const verb of wanted) {
    const sent = verbs.get(`${verb} of shard 0`);
    t.ok(sent, `${verb}: was heard`);
    const { message } = await refused(channel.request(sent!.subject, sent!.data, { timeoutMs: 5_000 }));
    t.match(message, /nobody listens/, `${verb}: nobody of that epoch is there`);
  }
  t.ok(
    heard.some(({ subject }) => subject.startsWith('millrace.v1.delta.m.')),
    'deltas were heard, and sent again',
  );

  t.same(await scores(seq), before, 'no row is another');
  await append(learn, { features, label: 1 });
  t.match(await running.caughtUp('m'), { learned: learned + 1, phase: 'running' });
  const { actors } = await client.status();
  t.same(
    actors.filter(({ restarts }) => restarts > 0).map(({ name }) => name),
    [],
    'no actor fell',
  );
});
