import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect as rawConnect } from 'nats';
import t from 'tap';
import { passwordOf, signInAs, startAuthServer } from '../support/auth-server.ts';
import { availableServers, startTestServer } from '../support/nats-server.ts';
import { startSystem, systemMissing, temporaryFolder } from '../support/system.ts';

t.setTimeout(180_000);

const skip = systemMissing();
const event = { features: { a: 1 }, label: 1 };
const forbidden = { name: 'MillraceError', kind: 'forbidden' };

/** The goal: the permissions of the template are enough for everything, and the denials are only those asked for. */
t.test(
  'roles - a whole server and its clients work with the accounts of the template',
  { skip },
  async (t) => {
    const nats = await startAuthServer(t, availableServers()[0]!.binary);
    const system = await startSystem(t, {
      models: { clicks: {}, fraud: { checkpoint: { store: 'nats', keep: 2, fullEvery: 1 } } },
      natsServer: nats,
      signIn: signInAs('actors'),
      clientSignIn: signInAs('operator'),
    });
    const [learner, labeller, asker] = await Promise.all(
      ['learn_clicks', 'label_clicks', 'predict_clicks'].map((user) => system.connect(signInAs(user))),
    );
    const { client: operator } = system;
    const { seq } = await learner!.learn('clicks', [event, event], { key: 'k' });
    t.match(await asker!.predict('clicks', { a: 1 }, { minSeq: seq }), { seq });
    t.match((await learner!.status('clicks')).models, [{ model: 'clicks' }]);
    t.match(await labeller!.label('clicks', { id: 'x', label: 1 }), { duplicate: false });
    t.match(await operator.checkpoint('clicks'), { version: 1 });
    const refused = await learner!.learn('clicks', [
      { features: { a: 1 }, label: 7 },
      { features: { b: 1 }, label: 7 },
    ]);
    await asker!.predict('clicks', { a: 1 }, { minSeq: refused.seq });
    t.match(await operator.rejectedEvents('clicks'), { events: [{ entry: 3 }, { entry: 2 }, { code: 409 }] });
    t.match(await operator.retryRejected('clicks', [1, 3]), {
      retried: [{ entry: 1 }, { entry: 3 }],
      failed: [],
    });
    t.match(await operator.dropRejected('clicks', [2]), { dropped: [2], failed: [] });
    await operator.pause('clicks');
    await operator.resume('clicks');
    t.match(await operator.rollback('clicks', 1), { version: 1 });
    await operator.resetModel('clicks');
    await operator.restartActor('clicks/learner/0');
    const fraudster = await system.connect(signInAs('learn_fraud'));
    for (const version of [1, 2, 3]) {
      await system.caughtUp('fraud', (await fraudster.learn('fraud', event)).seq);
      t.match(await operator.checkpoint('fraud'), { version }, 'kept in the object store');
    }
    t.match(await operator.rollback('fraud', 2), { version: 2 });
    t.match(
      (await operator.verifyVersions('fraud')).map(({ version }) => version),
      [2, 3],
      'version 1 was pruned, and the others can be read',
    );
    t.match(await operator.removeModel('fraud', { purge: true }), { purged: true });
    t.match(await operator.addModel('fraud', { limits: { streamBytesMax: 2 ** 24 } }), { model: 'fraud' });
    t.notMatch(nats.log(), /Violation/, 'nothing that belongs to a role is denied');

    await t.rejects(asker!.learn('clicks', event), forbidden);
    await t.rejects(asker!.predict('fraud', { a: 1 }), forbidden);
    await t.rejects(learner!.predict('clicks', { a: 1 }), forbidden);
    await t.rejects(learner!.learn('fraud', event), forbidden);
    await t.rejects(learner!.status(), forbidden, 'not the status of other models');
    await t.rejects(learner!.rejectedEvents('clicks'), forbidden);
    await t.rejects(learner!.retryRejected('clicks', [1]), forbidden);
    await t.rejects(labeller!.learn('clicks', event), forbidden);
    await t.rejects(operator.learn('clicks', event), forbidden);
    const { inboxPrefix: _, ...withoutPrefix } = signInAs('predict_clicks');
    const unread = await system.connect(withoutPrefix);
    await t.rejects(unread.predict('clicks', { a: 1 }), { ...forbidden, message: /set the inbox prefix/ });
  },
);

t.test('embedded server - with users each signs in and may do what its roles say', { skip }, async (t) => {
  const dataDir = await temporaryFolder(t);
  process.env.MILLRACE_TEST_PASSWORD = passwordOf('ops');
  t.teardown(() => delete process.env.MILLRACE_TEST_PASSWORD);
  const web = { user: 'web', password: passwordOf('web'), roles: ['predict' as const], models: ['clicks'] };
  const ops = {
    user: 'ops',
    password: { env: 'MILLRACE_TEST_PASSWORD' },
    roles: ['operator' as const, 'learn' as const],
  };
  const options = {
    models: { clicks: {} },
    dataDir,
    clientSignIn: signInAs('ops'),
    nats: { embedded: { users: [web, ops] } },
  };
  const configPath = join(dataDir, 'nats', 'nats-server.conf');
  const first = await startSystem(t, options);
  const { seq } = await first.client.learn('clicks', event);
  const asker = await first.connect(signInAs('web'));
  t.match(await asker.predict('clicks', { a: 1 }, { minSeq: seq }), { seq });
  await t.rejects(asker.learn('clicks', event), forbidden);
  await t.rejects(asker.status(), forbidden);
  const anonymous = { user: undefined, password: undefined, inboxPrefix: undefined } as never;
  await t.rejects(first.connect(anonymous), { name: 'SetupError', message: /refused the credentials/ });
  await t.rejects(first.connect({ ...signInAs('web'), password: 'guessed' }), {
    message: /refused the credentials/,
  });

  const text = readFileSync(configPath, 'utf8');
  t.notMatch(text, /secret-of/, 'passwords are hashed');
  t.match(text, /password: "\$2[aby]\$11\$/);
  for (const path of [configPath, join(dataDir, 'nats', 'millrace.nk')]) {
    t.equal(statSync(path).mode & 0o077, 0, `${path} is for its owner alone`);
  }
  await first.stop();
  const second = await startSystem(t, options);
  const port = /^port: .*$/m;
  t.equal(
    readFileSync(configPath, 'utf8').replace(port, ''),
    text.replace(port, ''),
    'the same hashes again',
  );
  await second.caughtUp('clicks', seq);
});

/**
 * In one account with Millrace a client may have its answers sent to any subject. The goal: neither our answers nor
 * the server's acknowledgements teach, reset or stop a model that the client may not touch.
 */
t.test('answers - led to subjects of actors and streams, they do no harm', { skip }, async (t) => {
  const nats = await startTestServer(t, {});
  const system = await startSystem(t, { models: { clicks: {}, fraud: {} }, natsServer: nats });
  const raw = await rawConnect({ servers: nats.url });
  t.teardown(() => raw.close());
  const { epoch } = await system.status('fraud');
  const before = await system.client.learn('fraud', event);
  await system.caughtUp('fraud', before.seq);
  const body = JSON.stringify({ features: { a: 1 } });
  for (const reply of [
    'millrace.v1.learn.fraud',
    'millrace.v1.control.fraud',
    '$JS.API.STREAM.PURGE.millrace_fraud',
  ]) {
    raw.publish('millrace.v1.predict.clicks', body, { reply });
  }
  // Answered behind the others, by the one predictor of the model.
  await system.client.predict('clicks', { a: 1 });
  t.equal((await system.status('fraud')).streamSeq, before.seq, 'no prediction went into the stream');

  const led = [
    'millrace.v1.control.fraud',
    'millrace.v1.report.shard.fraud',
    'millrace.v1.monitor.forget',
    'millrace.v1.evt.checkpoint.fraud',
    ...['push', 'commit', 'pull', 'openCut'].map((verb) => `millrace.v1.shard.fraud.${epoch}.0.${verb}`),
    `millrace.v1.delta.fraud.${epoch}.0`,
    `millrace.v1.learners.fraud.${epoch}.cut`,
    'millrace.v1.predictor.fraud.0.serve',
  ];
  for (const reply of led) raw.publish('millrace.v1.learn.clicks', JSON.stringify(event), { reply });
  await raw.request('millrace.v1.learn.clicks', JSON.stringify(event));
  const after = await system.client.learn('fraud', event);
  const status = await system.caughtUp('fraud', after.seq);
  t.match(status, { phase: 'running', learned: 2, epoch });
  t.match(await system.client.predict('fraud', { a: 1 }, { minSeq: after.seq }), { seq: after.seq });
  const { actors } = await system.client.status();
  t.same(
    actors.filter(({ restarts }) => restarts > 0).map(({ name }) => name),
    [],
    'no actor fell',
  );
});
