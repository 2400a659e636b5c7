/** Versions of a running server: laid over one another, in files and with the NATS servers, restored elsewhere. */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { inProcess } from '../cli/command-line.ts';
import { onEachServer } from '../support/channel-fixture.ts';
import { startTestServer } from '../support/nats-server.ts';
import { type Running, startRunning, temporaryFolder } from '../support/running-server.ts';

t.setTimeout(120_000);

const eventsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => {
    const n = from + at;
    return { features: { a: `v${n % 17}`, x: (n % 11) / 4, b: `w${n % 5}` }, label: n % 3 === 0 ? 1 : 0 };
  });

const asked = [{ features: { a: 'v3', x: 1, b: 'w2' } }, { features: { a: 'v16', b: 'w4' } }];

async function learn(running: Running, from: number, count: number): Promise<void> {
  await running.append('millrace.v1.learn.m', eventsOf(from, count));
  await running.caughtUp('m');
}

async function scores(running: Running): Promise<number[]> {
  const { predictions } = (await running.ask('millrace.v1.predict.m', { instances: asked })) as {
    predictions: { score: number }[];
  };
  return predictions.map(({ score }) => score);
}

const modelWith = (checkpoint: ModelInput['checkpoint']): ModelInput => ({
  actors: { shards: 2 },
  checkpoint: { fullEvery: 4, atStop: false, ...checkpoint },
});

await onEachServer(
  t,
  'the object store - a server with another folder goes on from it',
  async (t, { binary }) => {
    const { url } = await startTestServer(t, { binary });
    const nats = { servers: [url] };
    const first = await startRunning(t, { m: modelWith({ store: 'nats' }) }, { nats });
    for (let version = 1; version <= 6; version++) {
      await learn(first, version * 100, 40);
      t.equal((await first.client.checkpoint('m')).version, version);
    }
    const wanted = await scores(first);
    const { versions } = await first.client.checkpoints('m');
    t.strictSame(
      versions.map(({ base }) => base ?? 0),
      [0, 1, 2, 3, 0, 5],
      'every fourth version is full',
    );
    await first.stop();
    const second = await startRunning(t, { m: modelWith({ store: 'nats' }) }, { nats });
    await second.caughtUp('m');
    t.strictSame(await scores(second), wanted);
    t.equal((await second.modelStatus('m')).version, 6);
    await learn(second, 1_000, 20);
    const next = await second.client.checkpoint('m');
    t.strictSame([next.version, next.base], [7, 6], 'and lays its versions over those of the other');
    await second.client.rollback('m', 6);
    t.strictSame(await scores(second), wanted);
  },
);

t.test('versions - are verified, compared, exported, imported and pruned by the command line', async (t) => {
  const running = await startRunning(t, { m: modelWith({}), other: { task: 'regression' } });
  const file = join(running.dataDir, 'm.tar');
  const cli = async (...words: string[]) => {
    const { code, stdout, stderr } = await inProcess([
      'checkpoints',
      ...words,
      '--server',
      running.server.url,
    ]);
    return { code, text: `${stdout}${stderr}` };
  };
  for (const from of [0, 50, 100]) {
    await learn(running, from, 40);
    await running.client.checkpoint('m');
  }
  t.match(await cli('list', 'm'), { code: 0, text: /full(?:.|\n)*over 1(?:.|\n)*over 2/ });
  t.match(await cli('verify', 'm'), {
    code: 0,
    text: /version 3 is whole(?:.|\n)*3 versions can be restored/,
  });
  t.match(await cli('diff', 'm', '1', '3'), { code: 0, text: /rows: \d+ changed(?:.|\n)*change/ });
  const diff = JSON.parse((await cli('diff', 'm', '1', '3', '--json')).text);
  t.match(diff, {
    from: { version: 1, learned: 40 },
    to: { version: 3, learned: 120 },
    slots: ['weight', 'squares', 'scale'],
  });
  t.ok(diff.rows.changed > 0);
  t.match(await cli('prune', 'm', '--keep', '1'), { code: 0, text: /nothing of m can go/ });
  const wanted = await scores(running);
  t.match(await cli('export', 'm', '--out', file), { code: 0, text: /version 3 of m is in/ });
  t.match(await cli('export', 'm', '--out', file), { code: 2, text: /error: cannot write .*--force/ });
  t.match(await cli('import', 'other', file), {
    code: 1,
    text: /another model than other: .*task \("binary" there, "regression" here\); import it into/,
  });
  await learn(running, 500, 40);
  t.match(await cli('import', 'm', file), { code: 0, text: /is version 4 of m now; serve it with/ });
  t.match(await cli('rollback', 'm', '4'), { code: 0 });
  t.strictSame(await scores(running), wanted);
  t.match(await cli('prune', 'm', '--keep', '1', '--dry-run'), {
    code: 0,
    text: /would remove of m: 1, 2, 3/,
  });
  t.match(await cli('prune', 'm', '--keep', '1'), { code: 0, text: /removed of m: 1, 2, 3/ });
  await writeFile(file, 'something else');
  t.match(await cli('import', 'm', file), { code: 2, text: /error: this is not a version as/ });
  t.match(await cli('import', 'm', `${file}.not-there`), { code: 2, text: /error: cannot read/ });
  t.match(await cli('verify', 'm', '77'), { code: 1, text: /error: model m has no version 77/ });
  const shard = join(running.dataDir, 'checkpoints/m/0000000004/shard-000.bin');
  await truncate(shard, 100);
  t.match(await cli('verify', 'm'), {
    code: 1,
    text: /version 4 is damaged: shard-000.bin: its size is 100/,
  });
});

t.test('another store in the settings - takes the current version along, both ways', async (t) => {
  const folder = temporaryFolder(t);
  const inFiles = await startRunning(t, { m: modelWith({}) }, { folder });
  await learn(inFiles, 0, 60);
  await inFiles.client.checkpoint('m');
  const wanted = await scores(inFiles);
  await inFiles.stop();
  const inObjects = await startRunning(t, { m: modelWith({ store: 'nats' }) }, { folder });
  t.strictSame(await scores(inObjects), wanted);
  t.ok(inObjects.log.some(({ sentence }) => /copied to the configured store/.test(sentence)));
  t.match(await inObjects.client.checkpoints('m'), { versions: [{ version: 1, current: true }] });
});
