/** Who may serve a model, and with what settings. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { configSchema, type ModelInput } from '../../config/schema.ts';
import { ownersBucket } from '../../src/server/operations.ts';
import { startServer } from '../../src/server.ts';
import { until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import {
  quickConfig,
  type Running,
  recordingLogger,
  refused,
  startRunning,
  temporaryFolder,
} from '../support/running-server.ts';

t.setTimeout(120_000);
const learn = 'millrace.v1.learn.m';
const event = (at: number) => ({ features: { a: `x${at % 3}` }, label: at % 2 });
/** Longer than a lease lives. */
const stallMs = 5_500;

t.test('ownership', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const folder = temporaryFolder(t);
  const model: ModelInput = { features: { bits: 10 }, partitions: 16 };
  const first = await startRunning(t, { m: model }, { folder });
  for (let at = 0; at < 30; at++) await first.append(learn, event(at));
  await t.test('ownership - a second server on the same model is refused and told by whom', async (t) => {
    await stalledBroker(first);
    await secondServer(t, first, join(folder, 'other'));
  });
  await t.test('ownership - the owner goes on, also after its broker stood still', async (t) => {
    await first.append(learn, event(30));
    t.match(await first.caughtUp('m'), { phase: 'running', learned: 31 });
  });
  await first.stop();
  await t.test('ownership - settings that give a row its meaning change only with relearn', (t) =>
    definitions(t, folder, model),
  );
});

/** Goal: the lease runs out, and the renewals that the broker then takes late are the owner's own. */
async function stalledBroker({ log, append, channel, config }: Running): Promise<void> {
  const { pid } = log.find(({ facts }) => 'pid' in facts && 'port' in facts)!.facts as { pid: number };
  process.kill(pid, 'SIGSTOP');
  try {
    await new Promise((resolve) => setTimeout(resolve, stallMs));
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until(20_000, 'the broker answers', async () => (await refused(append(learn, 7))).code === 0);
  // Until then the model is free, and whoever asks first has it.
  const { name, ttlMs } = ownersBucket(config.root);
  const owners = await channel.openBucket(name, { ttlMs });
  const before = (await owners.get('m'))?.revision ?? 0;
  await until(20_000, 'the owner renews', async () => ((await owners.get('m'))?.revision ?? 0) > before);
}

async function secondServer(t: Test, { server, log }: Running, dataDir: string): Promise<void> {
  const shared = { nats: { servers: [server.url] } };
  // The model that nobody has is opened long before the other is refused; it must be closed again.
  const config = configSchema.parse(quickConfig(dataDir, { m: {}, free: {} }, shared));
  const refusal = await refused(startServer(config, { log: recordingLogger([]) }));
  t.equal(refusal.code, 409);
  t.match(refusal.message, new RegExp(`m is held by process ${process.pid} on .*: stop that one`));
  const { models, actors } = await server.status();
  t.match(models, [{ model: 'm', phase: 'running' }]);
  t.ok(
    actors.every(({ restarts }) => restarts === 0),
    'the owner has not noticed',
  );
  t.notOk(log.some(({ sentence }) => sentence === 'model failed'));
}

async function definitions(t: Test, folder: string, model: ModelInput): Promise<void> {
  const attempt = (changed: ModelInput, relearn: readonly string[] = []) =>
    startServer(configSchema.parse(quickConfig(folder, { m: { ...model, ...changed } })), {
      log: recordingLogger([]),
      relearn,
    });
  const changes: [ModelInput, RegExp][] = [
    [{ features: { bits: 12 } }, /features\.bits \(10 -> 12\)/],
    [{ task: 'regression', loss: 'squared' }, /task \("binary" -> "regression"\)/],
    [{ partitions: 8 }, /partitions \(16 -> 8\)/],
    [{ optimizer: { name: 'sgd' } }, /optimizer\.name \("nag" -> "sgd"\)/],
    [{ features: { bits: 10, interactions: [['a', 'b']] } }, /features\.interactions/],
  ];
  for (const [changed, says] of changes) {
    const { message } = await refused(attempt(changed));
    t.match(message, says);
    t.match(message, /model m: changed since version 1: .*start with --relearn/);
  }
  const unknown = await refused(attempt({}, ['nobody']));
  t.match(unknown, { code: 404, message: /--relearn: no model is named nobody/ });

  const other = await startRunning(
    t,
    { m: { ...model, optimizer: { name: 'nag', learningRate: 0.2 } } },
    { folder },
  );
  t.match(await other.caughtUp('m'), { learned: 31, version: 1 }, 'a rate may change between two events');
  await other.stop();
  const changed = { ...model, features: { bits: 12 }, partitions: 8 };
  const anew = await startRunning(t, { m: changed }, { folder, relearn: ['m'] });
  t.match(await anew.caughtUp('m'), { learned: 31, rejected: 1 }, 'the whole stream was learned again');
  t.equal((await anew.modelStatus('m')).parameters.rows, 4099);
}
