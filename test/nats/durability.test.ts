import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { configSchema } from '../../config/schema.ts';
import { startEmbeddedServer } from '../../src/nats/embedded/embedded-server.ts';
import { startServer } from '../../src/server.ts';
import { availableServers, startTestServer } from '../support/nats-server.ts';
import { type LogLine, recordingLogger } from '../support/running-server.ts';
import { bareEnvironment, realServers, settingsOf, silentLog, temporaryFolder } from './embedded/servers.ts';

const minorOf = (version: string) => Number(version.split('.')[1]);
const servers = await realServers();
const old = servers.find(({ version }) => minorOf(version) < 10);
const young = servers.find(({ version }) => minorOf(version) >= 10);
const refusal = (found: RegExp, mend: RegExp) => ({
  name: 'SetupError',
  message: new RegExp(`^durability: expected nats-server 2.10.*"fsync".*${found.source}.*${mend.source}`),
});

const embeddedOptions = (dataDir: string, binary: string, durability: 'fast' | 'fsync') => ({
  dataDir,
  root: 'millrace',
  settings: { ...settingsOf({ binary }), durability },
  log: silentLog,
  environment: bareEnvironment(join(dataDir, 'cache')),
});

t.test(
  'fsync on an old embedded server - refused by name, with the mend',
  { skip: old === undefined ? 'no nats-server below 2.10 here' : false },
  async (t) => {
    const dataDir = temporaryFolder(t);
    await t.rejects(
      startEmbeddedServer(embeddedOptions(dataDir, old!.path, 'fsync')),
      refusal(/2\.9\.\d+/, /nats\.embedded\.binary/),
    );
    const server = await startEmbeddedServer(embeddedOptions(dataDir, old!.path, 'fast'));
    t.match(server.version, /^2\./, 'and it runs without');
    await server.stop();
  },
);

t.test(
  'fsync on an embedded server of 2.10 or newer - it syncs always, and fast does not',
  { skip: young === undefined ? 'no nats-server from 2.10 on here' : false },
  async (t) => {
    const dataDir = temporaryFolder(t);
    for (const [durability, line] of [
      ['fsync', /sync_interval: "always"/],
      ['fast', /sync_interval: "10s"/],
    ] as const) {
      const server = await startEmbeddedServer(embeddedOptions(dataDir, young!.path, durability));
      t.match(readFileSync(join(dataDir, 'nats', 'nats-server.conf'), 'utf8'), line);
      await server.stop();
    }
  },
);

for (const { binary, version, label } of availableServers()) {
  const config = (url: string, dataDir: string) =>
    configSchema.parse({ durability: 'fsync', nats: { servers: [url] }, dataDir, log: { level: 'silent' } });
  t.test(`fsync on a server of somebody else - ${label}`, async (t) => {
    const { url } = await startTestServer(t, { binary });
    const dataDir = temporaryFolder(t);
    const lines: LogLine[] = [];
    const starting = startServer(config(url, dataDir), { log: recordingLogger(lines) });
    if (minorOf(version) < 10) return t.rejects(starting, refusal(/2\.9\.\d+/, /upgrade it/));
    const server = await starting;
    t.match(
      lines.find(({ level }) => level === 'warn')?.sentence,
      /needs `sync_interval: always`, which cannot be seen from here/,
      'what cannot be checked is said',
    );
    await server.stop();
  });
}
