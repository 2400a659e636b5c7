/** What an operator does and what happens to a server at night: stops, kills, damage. Nothing may be lost or come twice. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import {
  type Door,
  embedded,
  fillStream,
  openDoor,
  quickConfig,
  type Running,
  startRunning,
  temporaryFolder,
} from '../support/running-server.ts';
import { startServerProcess } from '../support/server-process.ts';

t.setTimeout(170_000);
const skip = availableServers().length === 0 && 'no nats-server on this machine';
const learn = 'millrace.v1.learn.m';

const event = (at: number) => ({ features: { user: `u${at % 7}`, price: at % 5 }, label: at % 3 === 0 });
const probes = Array.from({ length: 12 }, (_, at) => ({
  id: String(at),
  features: { user: `u${at % 8}`, price: at % 4 },
}));

async function publish({ append }: Door, messages: number, eventsEach = 1): Promise<number> {
  let last = 0;
  for (let message = 0; message < messages; message++) {
    last = await append(
      learn,
      Array.from({ length: eventsEach }, (_, at) => event(message + at)),
    );
  }
  return last;
}

const scores = async ({ client }: Door) => (await client.predictMany('m', probes)).predictions;

t.test('lifecycle', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const first = await startRunning(t, { m: { actors: { shards: 2 } } }, { folder });
  await publish(first, 50, 4);
  const before = { status: await first.caughtUp('m'), scores: await scores(first) };
  await first.stop();

  const actors = { shards: 3, predictors: 2 };
  const full: ModelInput = { limits: { streamBytesMax: 2 ** 20 } };
  const second = await startRunning(t, { m: { actors }, full }, { folder });
  await t.test('lifecycle - a server that starts again goes on where it was', async (t) => {
    const status = await second.modelStatus('m');
    t.equal(before.status.learned, 200);
    t.equal(status.learned, 200, 'no event is learned again');
    t.equal(status.version, 1, 'from the version that the stop made');
    t.ok(status.epoch > before.status.epoch, 'in a new epoch');
    t.strictSame(status.metrics.total, before.status.metrics.total, 'with the same sums');
    t.strictSame(
      await scores(second),
      before.scores,
      'and the same predictions, bit for bit, on other shards',
    );
  });
  await t.test('lifecycle - actors die and no prediction fails', (t) => killActors(t, second));
  await t.test('lifecycle - the nats-server dies and everything goes on', (t) => killBroker(t, second));

  await fillStream(second, 'full');
  const { learned } = await second.caughtUp('m');
  await second.client.checkpoint('m');
  await publish(second, 5);
  await second.stop();
  const damaged = damageNewestVersion(join(folder, 'checkpoints', 'm'));
  const third = await startRunning(t, { m: { actors: { shards: 1 } }, full }, { folder });
  await t.test('lifecycle - a damaged version is named, and the one before it is used', async (t) => {
    const named = third.log.filter(({ facts }) => facts.model === 'm' && facts.version === damaged);
    t.match(named, [{ level: 'error', sentence: /the one before it/, facts: { reason: /cannot be used/ } }]);
    t.equal((await third.caughtUp('m')).learned, learned + 5, 'the stream has what the version had');
  });
  await t.test('lifecycle - a full stream does not keep a server from starting', async (t) => {
    t.match(await third.modelStatus('full'), { phase: 'running', lag: 0 });
    t.match(await third.client.predict('full', { a: 1 }), { prediction: 1 });
  });
});

async function killActors(t: Test, running: Running): Promise<void> {
  const { client, modelStatus } = running;
  const failures: string[] = [];
  let asking = true;
  let asked = 0;
  const ask = async () => {
    while (asking) {
      asked++;
      await client
        .predict('m', probes[asked % probes.length]!)
        .catch((error) => failures.push(String(error)));
    }
  };
  const askers = [ask(), ask(), ask()];
  const { learned } = await modelStatus('m');
  let published = 0;
  for (const actor of [
    'monitor',
    'm/shard/1',
    'm/learner/0',
    'm/predictor/0',
    'm/checkpointer',
    'm/predictor/1',
  ]) {
    await client.restartActor(actor);
    await publish(running, 10, 3);
    published += 30;
    await until(15_000, `${actor} is back`, async () =>
      (await client.status()).actors.some(
        ({ name, state, restarts }) => name === actor && state === 'running' && restarts > 0,
      ),
    );
  }
  asking = false;
  await Promise.all(askers);
  t.strictSame(failures, [], `of ${asked} predictions`);
  t.ok(asked > 50);
  const status = await running.caughtUp('m');
  t.equal(status.learned, learned + published, 'every event once');
  t.equal(
    (await client.checkpoint('m')).learned,
    learned + published,
    'and the checkpointer is back at work',
  );
}

async function killBroker(t: Test, running: Running): Promise<void> {
  const { client, log, modelStatus, server } = running;
  const { learned } = await modelStatus('m');
  const start = log.find(({ facts }) => 'pid' in facts && 'port' in facts);
  process.kill(start!.facts.pid as number, 'SIGKILL');
  const receipts = await Promise.all(
    Array.from({ length: 20 }, (_, at) => client.learn('m', event(at), { timeoutMs: 20_000 })),
  );
  t.equal(new Set(receipts.map(({ seq }) => seq)).size, 20, 'each publish was taken once');
  const minSeq = Math.max(...receipts.map(({ seq }) => seq));
  await until(20_000, 'the predictor has followed', async () =>
    client.predict('m', probes[0]!, { minSeq }).then(
      () => true,
      () => false,
    ),
  );
  t.equal((await running.caughtUp('m')).learned, learned + 20, 'and learned once');
  t.match(await server.status(), { models: [{ phase: 'running' }, { phase: 'running' }] });
  const said = log.filter(({ sentence }) => sentence === 'nats-server ended; starting it again');
  t.match(said, [{ level: 'error', facts: { how: /SIGKILL/ } }], 'the log names what happened');
}

/** Flips one byte in the middle of the newest version's first shard. */
function damageNewestVersion(folder: string): number {
  const files = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => /shard/.test(name))
    .sort();
  const name = files.findLast((file) => !file.endsWith('.json'))!;
  const data = readFileSync(join(folder, name));
  data[data.length >> 1]! ^= 0x10;
  writeFileSync(join(folder, name), data);
  return Number(/\d+/.exec(name)![0]);
}

t.test('lifecycle - a killed process loses nothing and learns nothing twice', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const model: ModelInput = { actors: { shards: 2 }, checkpoint: { everyEvents: 150 } };
  const config = { ...quickConfig(join(folder, 'data'), { m: model }), log: { level: 'info' as const } };
  const first = await startServerProcess(t, folder, { ...config, nats: { embedded: embedded() } });
  const door = await openDoor(t, first.url);
  let published = 0;
  const publishSome = async (messages: number) => {
    await publish(door, messages, 5);
    published += 5 * messages;
  };
  await until(20_000, 'versions are being made', async () => {
    await publishSome(20);
    return published > 400 && (await door.modelStatus('m')).version > 0;
  });
  // In the middle of publishing and learning.
  const publishing = publishSome(100);
  await first.end('SIGKILL');
  await publishing;
  const second = await startServerProcess(t, folder, config);
  t.equal(second.url, first.url, 'the nats-server that was left running is adopted, on its port');
  t.match(second.output(), /was adopted/);
  const status = await door.caughtUp('m');
  t.equal(status.learned, published, 'each event once');
  t.ok(status.version > 0, `from version ${status.version}`);
  const manifest = await door.client.checkpoint('m');
  t.equal(manifest.learned, published);
  await door.close();
  t.equal(await second.end('SIGTERM'), 0, 'and a polite stop ends well');
});
