/** An operator at the control subject of a running server, with requests under way. */
import t, { type Test } from 'tap';
import { bytes, until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import {
  quickModel,
  type Running,
  refused,
  startRunning,
  temporaryFolder,
} from '../support/running-server.ts';

t.setTimeout(120_000);
const ctl = (verb: string) => `millrace.v1.ctl.${verb}`;
const learn = (model: string) => `millrace.v1.learn.${model}`;
const predict = (model: string) => `millrace.v1.predict.${model}`;
const features = { a: 'x' };
const event = { features, label: 1 };

t.test('admin', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const folder = temporaryFolder(t);
  const running = await startRunning(t, { m: {} }, { folder });
  await t.test('admin - a model is added and used at once', (t) => adding(t, running));
  await t.test('admin - what cannot be carried out is refused by name', (t) => refusals(t, running));
  await t.test('admin - a paused model keeps answering and learns later', (t) => pausing(t, running));
  await t.test('admin - a clone goes its own way', (t) => cloning(t, running));
  await t.test('admin - a removed model comes back as it was, or empty after a purge', (t) =>
    removing(t, running),
  );
  await t.test('admin - a rollback that meets a removal leaves no actor behind', (t) => crossing(t, running));
  const kept = (await running.client.predict('copy', features)).score;
  await running.stop();
  const next = await startRunning(t, { m: {} }, { folder });
  await t.test('admin - models that were added are there again after a restart', async (t) => {
    t.strictSame(await next.ask(ctl('models'), {}), { models: ['copy', 'm'] });
    t.equal((await next.client.predict('copy', features)).score, kept);
  });
});

async function adding(t: Test, { client, ask, append, caughtUp, modelStatus }: Running): Promise<void> {
  await append(learn('m'), event);
  const { epoch } = await client.addModel('n', quickModel({ task: 'regression', actors: { predictors: 2 } }));
  t.strictSame(await ask(ctl('models'), {}), { models: ['m', 'n'] });
  const minSeq = await append(learn('n'), { features, label: 3 });
  t.ok(((await ask(predict('n'), { features, minSeq })).score as number) > 0);
  const status = await caughtUp('n');
  t.match(status, {
    model: 'n',
    phase: 'running',
    task: 'regression',
    optimizer: 'nag',
    epoch,
    version: 0,
    learned: 1,
    rejected: 0,
    seq: minSeq,
    streamSeq: minSeq,
    lag: 0,
    metrics: { total: { events: 1, mae: 3, rmse: 3, auc: null, meanLabel: 3 }, window: { events: 1 } },
    kernels: { mode: /cpu|webasm/, executor: String },
    parameters: { rows: 1027, rowWidth: 3, bytes: 12_324 },
    actors: { shards: 1, learners: 1, predictors: 2 },
  });
  await until(5_000, 'measured', async () => (await modelStatus('n')).predictions.latency.p50Ms > 0);
  const measured = await modelStatus('n');
  t.ok(measured.freshness.count > 0 && measured.freshness.p50Ms > 0, 'freshness was measured');
  const one = (await ask(ctl('status.n'), {})) as { models: { model: string }[]; actors: { name: string }[] };
  t.strictSame(
    one.models.map(({ model }) => model),
    ['n'],
    'one model can be asked for',
  );
}

async function refusals(t: Test, { ask, client }: Running): Promise<void> {
  const no = async (code: number, says: RegExp, subject: string, body: unknown = {}) =>
    t.match(
      await refused(ask(ctl(subject), body)),
      { code, message: says },
      `${subject} ${String(body).slice(0, 30)}`,
    );
  for (const name of ['x'.repeat(65), 'a b'.replace(' ', '%'), '__proto__', 'ä'])
    await no(400, /name|key|1 to 64/, `add.${name}`, { config: {} });
  await no(400, /ctl\.<verb>/, 'add.a.b', { config: {} });
  await no(404, /no verb/, 'destroy.m');
  await no(400, /alpah/, 'add.x', { config: { optimizer: { name: 'ftrl', alpah: 1 } } });
  await no(400, /bits/, 'add.x', { config: { features: { bits: 40 } } });
  await no(400, /./, 'add.x', { config: 7 });
  await no(400, /actorsMax/, 'add.x', { config: { actors: { shards: 64, learners: 32, predictors: 32 } } });
  await no(409, /exists already/, 'add.m', { config: {} });
  await no(400, /models.rejected: expected another name/, 'add.rejected', { config: {} });
  for (const verb of ['checkpoint', 'checkpoints', 'remove', 'reset', 'pause', 'resume', 'status'])
    await no(404, /no model is named nobody; there are: m, n/, `${verb}.nobody`);
  await no(404, /\(nothing\)/, 'checkpoint');
  await no(404, /no actor is named m\/none/, 'restart', { actor: 'm/none' });
  await no(400, /actor/, 'restart', {});
  await no(400, /to: /, 'clone.m', {});
  await no(400, /1 to 64/, 'clone.m', { to: '../../x' });
  await no(409, /exists already/, 'clone.m', { to: 'n' });
  await no(400, /purge/, 'remove.m', { purge: 'yes' });
  for (const body of ['null', '[]', '7', '"x"']) await no(400, /body|expected/i, 'pause.m', bytes(body));
  await no(400, /not valid JSON/, 'pause.m', bytes('{'));
  t.strictSame(await ask(ctl('models'), {}), { models: ['m', 'n'] }, 'nothing has changed');
  t.match((await client.status()).models, [{ phase: 'running' }, { phase: 'running' }]);
}

async function pausing(t: Test, { client, append, ask, caughtUp, modelStatus }: Running): Promise<void> {
  const { learned } = await caughtUp('m');
  // The worst moment: the learner is just coming back.
  await client.restartActor('m/learner/0');
  await client.pause('m');
  const minSeq = await append(learn('m'), event);
  await ask(predict('m'), { features });
  await until(5_000, 'the end is seen', async () => (await modelStatus('m')).streamSeq === minSeq);
  t.match(await modelStatus('m'), { phase: 'paused', learned, lag: 1 });
  t.match(await client.checkpoint('m'), { learned }, 'a paused model makes versions');
  await client.restartActor('m/learner/0');
  await until(10_000, 'restarted', async () =>
    (await client.status()).actors.some((one) => one.name === 'm/learner/0' && one.state === 'running'),
  );
  t.match(await modelStatus('m'), { phase: 'paused', learned, lag: 1 }, 'and stays paused over a restart');
  await client.resume('m');
  t.equal((await caughtUp('m')).learned, learned + 1);
}

async function cloning(t: Test, { client, append, ask, caughtUp }: Running): Promise<void> {
  const original = await client.predict('m', features);
  await client.cloneModel('m', 'copy');
  t.equal((await client.predict('copy', features)).score, original.score, 'the same parameters');
  const minSeq = await append(learn('copy'), { features, label: 0 });
  t.ok(((await ask(predict('copy'), { features, minSeq })).score as number) < original.score);
  t.equal((await client.predict('m', features)).score, original.score, 'the original is as it was');
  t.equal((await caughtUp('copy')).learned, (await caughtUp('m')).learned + 1);
}

async function removing(t: Test, running: Running): Promise<void> {
  const { client, append, ask, caughtUp, rejected } = running;
  const config = quickModel({ task: 'regression' });
  const badSeq = await append(learn('n'), { features, label: 'bad' });
  const before = await caughtUp('n');
  const { score } = await client.predict('n', features);
  t.match(await client.removeModel('n'), { purged: false, untilRestart: false });
  t.match(await refused(ask(predict('n'), { features })), { code: 404, message: /no model is named n/ });
  t.notOk(
    (await client.status()).actors.some(({ name }) => name.startsWith('n/')),
    'its actors are gone',
  );
  const late = await append(learn('n'), { features, label: 3 });
  t.ok(late > badSeq, 'its stream is still there');

  await client.addModel('n', config);
  const after = await caughtUp('n');
  t.match(after, { learned: before.learned + 1, rejected: 1, version: 1 }, 'it goes on where it was');
  t.ok((await client.predict('n', features)).score > score);
  await client.removeModel('n');
  t.match(
    await refused(client.cloneModel('m', 'n')),
    { code: 409, message: /remove n with purge/ },
    'a copy is not laid over what is left of another model',
  );
  t.match(await client.removeModel('n', { purge: true }), { purged: true }, 'also what was removed before');
  t.match(await refused(client.removeModel('n', { purge: true })), {
    code: 404,
    message: /no model is named n/,
  });

  await client.addModel('n', config);
  t.match(await caughtUp('n'), { learned: 0, rejected: 0, version: 0 }, 'nothing is left after a purge');
  t.strictSame((await client.checkpoints('n')).versions, []);
  await append(learn('n'), { features, label: 3 });
  const again = await append(learn('n'), { features, label: 'bad again' });
  t.equal(again, badSeq, 'the sequences begin anew');
  await caughtUp('n');
  const kept = (await rejected('n')).map(({ original }) => (original as { label: string }).label);
  t.strictSame(kept, ['bad', 'bad again'], 'an event under a sequence that was used before is kept too');
}

async function crossing(t: Test, { client, ask }: Running): Promise<void> {
  const { version } = await client.checkpoint('n');
  const outcomes = await Promise.all([
    refused(client.rollback('n', version)),
    refused(client.removeModel('n', { purge: true })),
    refused(client.rollback('n', version)),
    refused(client.pause('n')),
    refused(client.removeModel('n')),
  ]);
  t.match(outcomes[1], { code: 0 }, 'removed');
  t.ok(
    outcomes.every(({ code }) => [0, 404, 409].includes(code)),
    JSON.stringify(outcomes),
  );
  t.strictSame(await ask(ctl('models'), {}), { models: ['copy', 'm'] });
  const { actors } = await client.status();
  t.strictSame(
    actors.filter(({ name }) => name.startsWith('n/')),
    [],
  );
}
