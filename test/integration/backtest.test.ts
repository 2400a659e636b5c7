/** A backtest and a server that learns the same log over NATS end with the same parameters. */
import t from 'tap';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { fingerprintOfRows } from '../../src/checkpoint/fingerprint.ts';
import { readVersion } from '../../src/server/starting-state.ts';
import { inProcess } from '../cli/command-line.ts';
import { availableServers } from '../support/nats-server.ts';
import { startRunning } from '../support/running-server.ts';

t.setTimeout(60_000);
const skip = availableServers().length === 0 && 'no nats-server on this machine';

t.test('backtest - has the fingerprint of the server that learned the log', { skip }, async (t) => {
  const lines = Array.from({ length: 700 }, (_, at) => {
    const features = { user: `u${at % 41}`, page: { name: `p${at % 5}`, depth: (at % 13) / 5 } };
    return JSON.stringify({ features, label: at % 11 === 10 ? 'no label' : Number((at * 7) % 3 === 0) });
  });
  const folder = t.testdir({ 'log.jsonl': lines.join('\n') });
  const log = `${folder}/log.jsonl`;
  const model = { features: { bits: 10, interactions: [['user', 'page.name']], standardize: true } };
  const running = await startRunning(t, { m: { ...model, actors: { shards: 3 } } });
  for (const line of lines) await running.append('millrace.v1.learn.m', JSON.parse(line));
  const { learned } = await running.caughtUp('m');
  const { version } = await running.client.checkpoint('m');
  const store = openFileStore({ folder: `${running.dataDir}/checkpoints`, now: Date.now });
  const { manifest, images } = await readVersion(store, 'm', version);
  t.equal(manifest.shards.length, 3);

  const flags = ['--bits', '10', '--standardize', '--interactions', 'user:page.name', '--lenient', '--json'];
  const { stdout } = await inProcess(['backtest', log, ...flags]);
  const report = JSON.parse(stdout);
  t.equal(report.events, learned);
  t.equal(report.fingerprint, fingerprintOfRows(images));
});
