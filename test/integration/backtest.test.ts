/** A backtest and a server that learns the same log over NATS end with the same parameters. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { fingerprintOfRows } from '../../src/checkpoint/fingerprint.ts';
import { readVersion } from '../../src/server/starting-state.ts';
import { inProcess } from '../cli/command-line.ts';
import { availableServers } from '../support/nats-server.ts';
import { quickConfig, startRunning } from '../support/running-server.ts';

t.setTimeout(60_000);
const skip = availableServers().length === 0 && 'no nats-server on this machine';

t.test('backtest - has the fingerprint of the server that learned the log', { skip }, async (t) => {
  const lines = Array.from({ length: 700 }, (_, at) => {
    const features = { user: `u${at % 41}`, page: { name: `p${at % 5}`, depth: (at % 13) / 5 } };
    return JSON.stringify({ features, label: at % 11 === 10 ? 'no label' : Number((at * 7) % 3 === 0) });
  });
  const folder = t.testdir({ 'log.jsonl': lines.join('\n') });
  const log = `${folder}/log.jsonl`;
  const model: ModelInput = {
    optimizer: { name: 'ftrl' },
    features: { bits: 10, interactions: [['user', 'page.name']], standardize: true },
  };
  const running = await startRunning(t, { m: { ...model, actors: { shards: 3 } } });
  for (const line of lines) await running.append('millrace.v1.learn.m', JSON.parse(line));
  const { learned } = await running.caughtUp('m');
  const { version } = await running.client.checkpoint('m');
  const store = openFileStore({ folder: `${running.dataDir}/checkpoints`, now: Date.now });
  const { manifest, images } = await readVersion(store, 'm', version);
  t.equal(manifest.shards.length, 3);

  const flags = [
    '--optimizer',
    'ftrl',
    '--bits',
    '10',
    '--standardize',
    '--interactions',
    'user:page.name',
    '--lenient',
    '--json',
  ];
  const { stdout } = await inProcess(['backtest', log, ...flags]);
  const report = JSON.parse(stdout);
  t.equal(report.events, learned);
  t.equal(report.fingerprint, fingerprintOfRows(images));
});

t.test('backtest --save - a server starts from what the log taught, and goes on', { skip }, async (t) => {
  const eventOf = (at: number) => ({
    features: { user: `u${at % 41}`, n: at % 7 },
    label: Number((at * 7) % 3 === 0),
  });
  const line = (at: number) => JSON.stringify(eventOf(at));
  const [history, after] = [
    Array.from({ length: 500 }, (_, at) => at),
    Array.from({ length: 60 }, (_, at) => at + 500),
  ];
  const folder = t.testdir({
    'history.jsonl': history.map(line).join('\n'),
    'all.jsonl': [...history, ...after].map(line).join('\n'),
  });
  const dataDir = `${folder}/data`;
  const models = { m: { features: { bits: 10 }, actors: { shards: 2 } } };
  writeFileSync(`${folder}/millrace.json`, JSON.stringify(quickConfig(dataDir, models)));
  const save = [
    'backtest',
    `${folder}/history.jsonl`,
    '--config',
    `${folder}/millrace.json`,
    '--save',
    '--json',
  ];
  const saved = await inProcess(save);
  t.match(saved, { code: 0, stderr: /saved as version 1; millrace serve starts from it/ });

  const running = await startRunning(t, models, { folder: dataDir });
  t.match(await running.modelStatus('m'), { phase: 'running', version: 1, learned: 500 });
  for (const at of after) await running.append('millrace.v1.learn.m', eventOf(at));
  t.match(await running.caughtUp('m'), { learned: 560 });
  const { version } = await running.client.checkpoint('m');
  const store = openFileStore({ folder: `${dataDir}/checkpoints`, now: Date.now });
  const { images } = await readVersion(store, 'm', version);
  const whole = await inProcess(['backtest', `${folder}/all.jsonl`, '--bits', '10', '--json']);
  t.equal(JSON.parse(whole.stdout).fingerprint, fingerprintOfRows(images), 'as if all had been one log');
  await running.stop();

  const again = await inProcess(save);
  t.match(again, { code: 1, stdout: '', stderr: /model m has version \d already/ });
  const alone = await inProcess(['backtest', `${folder}/history.jsonl`, '--save']);
  t.match(alone, { code: 2, stderr: /--save needs --config FILE/ });
});

t.test('import - a server starts from weights that were trained elsewhere', { skip }, async (t) => {
  const weights = { 'country=DE': 0.25, 'user.age': 0.125 };
  const folder = t.testdir({ 'weights.json': JSON.stringify({ intercept: -1, weights }) });
  const dataDir = `${folder}/data`;
  const models = { m: { features: { bits: 10 }, actors: { shards: 2 } } };
  writeFileSync(`${folder}/millrace.json`, JSON.stringify(quickConfig(dataDir, models)));
  const words = ['import', 'm', `${folder}/weights.json`, '--format', 'json'];
  const config = ['--config', `${folder}/millrace.json`];
  t.match(await inProcess([...words, ...config]), { code: 0, stdout: /2 weights are version 1 of m/ });
  t.match(await inProcess([...words, ...config]), { code: 1, stderr: /model m has version 1 already/ });
  t.match(await inProcess(words), { code: 2, stderr: /--config/ });
  const running = await startRunning(t, models, { folder: dataDir });
  const features = { country: 'DE', user: { age: 10 } };
  const { score, version } = await running.client.predict('m', features);
  t.equal(version, 1);
  t.ok(Math.abs(score - 1 / (1 + Math.exp(-0.5))) < 1e-6, `${score}`);
  const seq = await running.append('millrace.v1.learn.m', { features, label: 0 });
  t.ok((await running.client.predict('m', features, { minSeq: seq })).score < score, 'and it learns on');
  await t.rejects(
    running.client.replay('m'),
    { kind: 'conflict', message: /--from 1/ },
    'no log tells of weights',
  );
  t.match(await running.client.replay('m', { from: 1 }), { identical: true });
});

t.test(
  'backtest --save - an id is learned once, in the log and by the server after it',
  { skip },
  async (t) => {
    const line = (id: number) => JSON.stringify({ features: { n: id }, label: id % 2, id: `e${id}` });
    const folder = t.testdir({
      'none.jsonl': JSON.stringify({ features: { n: 1 }, label: 'perhaps' }),
      'history.jsonl': [0, 1, 2, 0, 3].map(line).join('\n'),
    });
    const dataDir = `${folder}/data`;
    const models = { m: { features: { bits: 10 } } };
    writeFileSync(`${folder}/millrace.json`, JSON.stringify(quickConfig(dataDir, models)));
    const save = (file: string) =>
      inProcess([
        'backtest',
        `${folder}/${file}`,
        '--config',
        `${folder}/millrace.json`,
        '--save',
        '--lenient',
      ]);
    const none = await save('none.jsonl');
    t.match(none, { code: 2, stderr: /no event of .*none\.jsonl could be learned/ });
    t.notMatch(none.stderr, /saved/, 'a model that has learned nothing is none to start from');
    const saved = await save('history.jsonl');
    t.match(saved, { code: 0, stdout: /events +4 in/, stderr: /saved as version 1/ });
    t.match(saved.stdout, /known already +1 event with the id of an earlier one/);

    const running = await startRunning(t, models, { folder: dataDir });
    for (const id of [2, 4]) await running.append('millrace.v1.learn.m', JSON.parse(line(id)));
    t.match(await running.caughtUp('m'), { learned: 5, duplicates: 2 });
  },
);

t.test(
  'backtest --save - not into the folder of a server that has made no version yet',
  { skip },
  async (t) => {
    const folder = t.testdir({ 'history.jsonl': JSON.stringify({ features: { n: 1 }, label: 1 }) });
    const dataDir = `${folder}/data`;
    const models = { m: { features: { bits: 10 } } };
    writeFileSync(`${folder}/millrace.json`, JSON.stringify(quickConfig(dataDir, models)));
    const running = await startRunning(t, models, { folder: dataDir });
    const file = `${folder}/history.jsonl`;
    const saved = await inProcess(['backtest', file, '--config', `${folder}/millrace.json`, '--save']);
    t.match(saved, {
      code: 1,
      stdout: '',
      stderr: /m has been begun already, by a server, which may be running/,
    });
    t.match(await running.client.checkpoint('m'), { version: 1 }, 'its versions are still its own');
  },
);
