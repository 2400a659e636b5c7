import { readFileSync } from 'node:fs';
import t from 'tap';
import { actorPermissions, clientPermissions } from '../../src/auth/permissions.ts';
import { covers, roleTable, tableLines } from '../../src/auth/table.ts';
import { authTemplate, templateUsers } from '../../src/auth/template.ts';
import { mayDo, rawUser, scope, startAuthServer } from '../support/auth-server.ts';
import { onEachServer } from '../support/channel-fixture.ts';

const { root, models } = scope;

t.test('roles - no permission is a blank cheque', async (t) => {
  for (const { user, permissions } of templateUsers(scope)) {
    for (const subject of [...permissions.publish, ...permissions.subscribe]) {
      const isBelowPrefix = /^(?:_INBOX_[\w-]+|_R_|millrace\.v1\.ctl)\.>$/.test(subject);
      t.ok(!subject.includes('>') || isBelowPrefix, `${user}: ${subject}`);
      t.notMatch(subject, /^[*>]|\$JS\.API\.(?:[*>]|\w+\.[*>])/, `${user}: ${subject}`);
    }
  }
});

t.test("roles - a client of one model has nothing of another's", async (t) => {
  for (const { user, model, permissions } of templateUsers(scope)) {
    if (model === undefined) continue;
    const other = models.find((name) => name !== model)!;
    t.ok(
      permissions.publish.every((subject) => subject.split('.').includes(model) && !subject.includes(other)),
      user,
    );
    t.same(permissions.subscribe, [`_INBOX_${user}.>`], user);
  }
});

t.test('roles - several of one client add up, over every model too', async (t) => {
  const every = { root: 'mill', models: ['*'] };
  t.same(clientPermissions('web', ['predict', 'label'], every), {
    publish: ['mill.v1.predict.*', 'mill.v1.rank.*', 'mill.v1.label.*', 'mill.v1.label.*.*'],
    subscribe: ['_INBOX_web.>'],
  });
  const { publish } = actorPermissions('actors', [], every);
  t.ok(publish.includes('$JS.API.STREAM.CREATE.*'), 'no wildcard stands within a token');
  t.notOk(publish.some((subject) => /\*\w|\w\*/.test(subject)));
});

t.test('roles - a pattern covers what is its part, wildcards included', async (t) => {
  const cases: [string, string, boolean][] = [
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', false],
    ['a.*', 'a.*', true],
    ['a.b', 'a.*', false],
    ['a.*', 'a.>', false],
    ['a.>', 'a.b.>', true],
    ['a.>', 'a', false],
    ['a.b', 'a', false],
    ['*', '>', false],
  ];
  for (const [pattern, subject, expected] of cases) {
    t.equal(covers(pattern, subject), expected, `${pattern} ${subject}`);
  }
});

t.test('template - names that would share a password are refused', async (t) => {
  t.throws(() => authTemplate({ root, models: ['a-b', 'a_b'] }), { message: /one password variable/ });
});

t.test('table - SECURITY.md shows the one that is in force', async (t) => {
  const text = readFileSync('SECURITY.md', 'utf8');
  const lines = tableLines(roleTable(root, models[0]!, models[1]!));
  t.same(
    lines.filter((line) => !text.includes(line)),
    [],
    'write it with: npm run docs',
  );
});

/**
 * The goal: what the table says is what a server does, for every user and every attempt, with a client that knows
 * nothing of Millrace. So nothing is allowed that the table does not show, and nothing is shown that cannot be done.
 */
await onEachServer(t, 'roles - each may do its own and nothing else', async (t, { binary, label }) => {
  const server = await startAuthServer(t, binary);
  const table = roleTable(root, models[0]!, models[1]!);
  const connections = await Promise.all(table.users.map((user) => rawUser(t, server, user)));
  for (const { attempt, allowed } of table.rows) {
    const tried = await Promise.all(connections.map((connection) => mayDo(connection, attempt)));
    t.same(tried, allowed, `${attempt.verb} (${attempt.subject})`);
  }
  t.comment(`tried with bare clients on ${label}:\n${tableLines(table).join('\n')}`);
});

await onEachServer(
  t,
  'roles - an answer cannot be led to where its asker may not publish',
  async (t, { binary }) => {
    const server = await startAuthServer(t, binary);
    const [actors, learner] = await Promise.all(
      ['actors', 'learn_clicks'].map((user) => rawUser(t, server, { user })),
    );
    const manager = await actors!.jetstreamManager({ checkAPI: false });
    for (const model of models) {
      const subjects = [`millrace.v1.learn.${model}`, `millrace.v1.control.${model}`];
      await manager.streams.add({ name: `millrace_${model}`, subjects });
    }
    const heard: string[] = [];
    actors!.subscribe('millrace.v1.report.*.*', { callback: (_error, { subject }) => heard.push(subject) });
    await actors!.flush();
    const led = [
      'millrace.v1.control.clicks',
      'millrace.v1.control.fraud',
      'millrace.v1.learn.fraud',
      'millrace.v1.report.shard.clicks',
      '$JS.API.STREAM.PURGE.millrace_fraud',
      '$JS.API.STREAM.DELETE.millrace_fraud',
    ];
    for (const reply of led) learner!.publish('millrace.v1.learn.clicks', '{}', { reply });
    // The last one comes back, so those before it have been acknowledged too, wherever that went.
    await learner!.request('millrace.v1.learn.clicks', '{}');
    await actors!.flush();
    t.same(heard, []);
    t.equal((await manager.streams.info('millrace_clicks')).state.last_seq, led.length + 1);
    t.equal((await manager.streams.info('millrace_fraud')).state.last_seq, 0);
  },
);
