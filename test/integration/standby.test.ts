/**
 * A second server waits for the models of the first and takes over when that one is stopped, dead or gone; what a
 * stopped one still does when it wakes up counts for nothing. Real processes on one data folder.
 */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ConfigInput, ModelInput } from '../../config/schema.ts';
import { until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import { type Door, openDoor, quickConfig, temporaryFolder } from '../support/running-server.ts';
import { type ServerProcess, spawnServer, startServerProcess } from '../support/server-process.ts';

t.setTimeout(170_000);
const skip = availableServers().length === 0 && 'no nats-server on this machine';
const event = (at: number) => ({ features: { user: `u${at % 7}` }, label: at % 3 === 0 });

interface Waiting extends ServerProcess {
  said(): string;
}

async function standBy(t: Test, folder: string, config: ConfigInput): Promise<Waiting> {
  const { child, ...process } = await spawnServer(t, folder, config, ['--standby']);
  let said = '';
  child.stdout!.on('data', (chunk) => {
    said += chunk;
  });
  await until(40_000, 'it stands by', () => said.includes('{"standby":true}'));
  return { ...process, said: () => said };
}

const takenOver = ({ said }: Waiting) => until(40_000, 'it has taken over', () => said().includes('"url"'));

/** As a publisher that repeats what was not acked: the nats-server changes hands too. */
async function publish({ client }: Door, messages: number): Promise<number> {
  for (let at = 0; at < messages; at++) await client.learn('m', event(at), { timeoutMs: 60_000 });
  return messages;
}

t.test('standby', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  // Versions all the time, so that the first one is busy with one whenever it is stopped.
  const model: ModelInput = { actors: { shards: 2 }, checkpoint: { everyEvents: 3, keep: 1000 } };
  const config = { ...quickConfig(join(folder, 'data'), { m: model }), log: { level: 'info' as const } };
  const first = await startServerProcess(t, folder, config);
  const door = await openDoor(t, first.url);
  let published = await publish(door, 20);
  const second = await standBy(t, folder, config);

  await t.test('standby - a stopped owner is followed, and refused when it wakes', async (t) => {
    const publishing = publish(door, 40);
    process.kill(first.pid, 'SIGSTOP');
    published += await publishing;
    await takenOver(second);
    published += await publish(door, 20);
    process.kill(first.pid, 'SIGCONT');
    t.equal(await first.exited, 1, 'the first one ends');
    t.match(first.output(), /another server has taken over; this one stops/);
    t.match(first.output(), /The embedded server is left to another process/);
    published += await publish(door, 20);
    t.match(await door.caughtUp('m'), { phase: 'running', learned: published });
    t.equal((await door.client.checkpoint('m')).learned, published, 'each event once');
    await until(10_000, 'the second keeps the nats-server', () =>
      /keeps the nats-server/.test(second.output()),
    );
  });

  const third = await standBy(t, folder, config);
  await t.test('standby - an owner that stops politely is followed at once', async (t) => {
    t.equal(await second.end('SIGTERM'), 0);
    await takenOver(third);
    published += await publish(door, 20);
    t.match(await door.caughtUp('m'), { phase: 'running', learned: published });
  });
  await t.test('standby - one that only waits ends when it is asked to', async (t) => {
    const fourth = await standBy(t, folder, config);
    t.equal(await fourth.end('SIGTERM'), 0);
    await door.close();
    t.equal(await third.end('SIGTERM'), 0);
  });
});
