/** A model out of a running server into a file, and predictions from that file alone. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadModel } from '../../edge/index.ts';
import { inProcess } from '../cli/command-line.ts';
import { availableServers } from '../support/nats-server.ts';
import { refused, startRunning, temporaryFolder } from '../support/running-server.ts';

t.setTimeout(120_000);

t.test('export --predict-only', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const models = { m: { actors: { shards: 3 }, features: { interactions: [['city', 'hour']] } } };
  const { client, server, ask } = await startRunning(t, models);
  const folder = temporaryFolder(t);
  const run = (...args: string[]) => inProcess(['export', 'm', ...args, '--server', server.url]);
  const featuresOf = (i: number) => ({ city: ['Zürich', 'Köln'][i % 2]!, hour: i % 24, tags: [`t${i % 5}`] });
  const learn = (from: number) =>
    client.learn(
      'm',
      Array.from({ length: 200 }, (_, i) => ({ features: featuresOf(from + i), label: i % 2 })),
    );

  t.match(await run('--predict-only'), { code: 1, stderr: /m has no version yet; make one with/ });
  await learn(0);
  const { version } = await client.checkpoint('m');
  await learn(1);
  const { version: later, seq } = await client.checkpoint('m');

  const file = join(folder, 'm.edge');
  t.match(await run('--predict-only', '-o', file), {
    code: 0,
    stdout: new RegExp(`version ${later} of m is in .*m\\.edge \\(.*bytes\\)`),
  });
  const edge = loadModel(await readFile(file));
  t.match(edge.header, { model: 'm', version: later, seq, family: { name: 'linear' } });
  for (let i = 0; i < 48; i++) {
    const { score, prediction } = await client.predict('m', featuresOf(i));
    t.match(edge.predict(featuresOf(i)), { score, prediction });
  }

  const small = join(folder, 'small.edge');
  const said = await run('--predict-only', '--quantize', 'q2.13', '-o', small, '--json');
  t.strictSame(JSON.parse(said.stdout), {
    model: 'm',
    version: later,
    file: small,
    bytes: (await stat(small)).size,
  });
  const rounded = loadModel(await readFile(small));
  const far = Math.abs(rounded.predict(featuresOf(3)).rawScore - edge.predict(featuresOf(3)).rawScore);
  t.ok(far <= rounded.errorBound(featuresOf(3)));
  const older = join(folder, 'older.edge');
  await run('--predict-only', '--version', String(version), '-o', older);
  t.equal(loadModel(await readFile(older)).header.version, version);

  t.match(await run('--predict-only', '-o', file), { code: 2, stderr: /cannot write .*--force/ });
  t.match(await run(), { code: 2, stderr: /say --predict-only/ });
  t.match(await run('--predict-only', '--quantize', 'int4'), { code: 2, stderr: /q2.13, f16/ });
  t.match(await run('--predict-only', '--version', '99', '-o', join(folder, 'x')), { code: 1, stderr: /99/ });
  t.match(await refused(ask('millrace.v1.ctl.export.m', { quantize: 'f16' })), {
    code: 400,
    message: /quantize: goes with predictOnly/,
  });
});
