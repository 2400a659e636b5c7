import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'nats';
import t, { type Test } from 'tap';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  type ServerExit,
  startEmbeddedServer,
} from '../../../src/nats/embedded/embedded-server.ts';
import { readGreeting } from '../../../src/nats/embedded/probe.ts';
import { identifyProcess } from '../../../src/nats/embedded/process-identity.ts';
import {
  bareEnvironment,
  moduleAddress,
  realServers,
  settingsOf,
  silentLog,
  temporaryFolder,
} from './servers.ts';

const servers = await realServers();
const binary = servers[0]?.path ?? '';
const skip = servers.length === 0 ? 'there is no nats-server on this machine' : false;

const optionsOf = (
  dataDir: string,
  settings: object = {},
  changes: Partial<EmbeddedServerOptions> = {},
): EmbeddedServerOptions => ({
  dataDir,
  settings: settingsOf({ binary, ...settings }),
  log: silentLog,
  environment: bareEnvironment(join(dataDir, 'cache')),
  root: 'millrace',
  ...changes,
});

async function start(t: Test, options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer(options);
  t.teardown(() => server.stop());
  return server;
}

const runs = (pid: number): boolean => identifyProcess(pid) !== undefined;

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${condition}`);
    await sleep(10);
  }
}

async function publish(url: string, create: boolean): Promise<number> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  try {
    const manager = await connection.jetstreamManager();
    if (create) await manager.streams.add({ name: 'events', subjects: ['events'] });
    return (await connection.jetstream().publish('events')).seq;
  } finally {
    await connection.close();
  }
}

for (const { path, version } of servers) {
  t.test(`embedded server ${version} - starts, stores, stops and starts again on its store`, async (t) => {
    // A folder that needs quoting in every layer that it goes through.
    const dataDir = join(temporaryFolder(t), `a "b" c's $HOME \\x é 数`);
    const first = await start(t, optionsOf(dataDir, { binary: path }));
    t.equal(first.version, version);
    t.match(first.source, `nats-server ${version} at ${path} (named by nats.embedded.binary)`);
    t.equal(first.url, `nats://127.0.0.1:${first.port}`);
    t.equal(first.adopted, false);
    t.equal(await publish(first.url, true), 1);
    const connection = await connect({ servers: first.url });
    t.equal(connection.info?.max_payload, 1024 * 1024);
    await connection.close();
    t.equal((await readGreeting(first.port, 1000))?.version, version);
    await Promise.all([first.stop(), first.stop()]);
    t.notOk(runs(first.pid), 'it has ended');

    const second = await start(t, optionsOf(dataDir, { binary: path }));
    t.equal(await publish(second.url, false), 2, 'the store is the same');
    t.ok(existsSync(join(dataDir, 'nats', 'jetstream')), 'the store lies in the data folder');
    t.match(readFileSync(join(dataDir, 'nats-server.log'), 'utf8'), 'Server is ready');
  });

  t.test(`embedded server ${version} - a kill is told, and a restart keeps address and store`, async (t) => {
    const server = await start(t, optionsOf(temporaryFolder(t), { binary: path }));
    const { url, pid } = server;
    await publish(url, true);
    const exits: ServerExit[] = [];
    server.onExit((exit) => exits.push(exit));
    process.kill(pid, 'SIGKILL');
    await until(() => exits.length > 0);
    t.match(exits, [{ pid, how: 'was ended by SIGKILL' }]);
    server.onExit((exit) => exits.push(exit));
    await until(() => exits.length === 2);
    t.pass('a listener that came late is told too');
    await Promise.all([server.restart(), server.restart()]);
    t.equal(server.url, url);
    t.not(server.pid, pid);
    t.equal(await publish(url, false), 2);
    await server.restart();
    t.equal(await publish(url, false), 3, 'a running server can be restarted');
    await server.stop();
    t.equal(exits.length, 2, 'what was asked for is no exit');
    await t.rejects(server.restart(), { message: 'was stopped: start a new one' });
  });

  t.test(`embedded server ${version} - an orphan is adopted, and stopped at our stop`, async (t) => {
    const dataDir = temporaryFolder(t);
    const orphan = await leaveOrphan(t, dataDir, path);
    const server = await start(t, optionsOf(dataDir));
    t.equal(server.adopted, true);
    t.equal(server.pid, orphan.pid);
    t.equal(server.port, orphan.port);
    t.equal(server.version, version);
    t.match(server.source, `left running (pid ${orphan.pid})`);
    t.equal(await publish(server.url, true), 1);
    const exits: ServerExit[] = [];
    server.onExit((exit) => exits.push(exit));
    process.kill(orphan.pid, 'SIGKILL');
    await until(() => exits.length > 0);
    await server.restart();
    t.equal(server.adopted, false, 'what follows an adopted server is our own');
    t.equal(server.port, orphan.port);
    t.equal(await publish(server.url, false), 2);
  });
}

/** A server whose parent, a process like ours, was killed. */
async function leaveOrphan(t: Test, dataDir: string, path: string): Promise<{ pid: number; port: number }> {
  const code = `
    import { startEmbeddedServer } from '${moduleAddress('embedded-server')}';
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const options = JSON.parse(process.argv[1]);
    startEmbeddedServer({ ...options, log }).then(({ pid, port }) => console.log(JSON.stringify({ pid, port })));`;
  const options = JSON.stringify(optionsOf(dataDir, { binary: path }));
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const orphan = JSON.parse(line.toString()) as { pid: number; port: number };
  t.teardown(() => runs(orphan.pid) && process.kill(orphan.pid, 'SIGKILL'));
  await end(parent);
  t.ok(runs(orphan.pid), 'the server outlives its parent');
  return orphan;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

t.test('embedded server - an adopted server is stopped as if we had started it', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const orphan = await leaveOrphan(t, dataDir, binary);
  const server = await start(t, optionsOf(dataDir));
  t.equal(server.adopted, true);
  await server.stop();
  t.notOk(runs(orphan.pid));
  const next = await start(t, optionsOf(dataDir));
  t.equal(next.adopted, false);
});

t.test('embedded server - an orphan with other settings is replaced', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const orphan = await leaveOrphan(t, dataDir, binary);
  const server = await start(t, optionsOf(dataDir, { storeBytesMax: 32 * 1024 * 1024 }));
  t.equal(server.adopted, false);
  t.notOk(runs(orphan.pid));
});

t.test('embedded server - an orphan that does not answer stops the start, by pid', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const orphan = await leaveOrphan(t, dataDir, binary);
  process.kill(orphan.pid, 'SIGSTOP');
  await t.rejects(startEmbeddedServer(optionsOf(dataDir, { startTimeoutMs: 300 })), {
    name: 'SetupError',
    message: new RegExp(`pid ${orphan.pid}\\) still runs on the store and did not answer within 300 ms`),
  });
});

t.test('embedded server - a stranger with the number in the pid file is left alone', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  t.teardown(() => end(stranger));
  mkdirSync(join(dataDir, 'nats'));
  writeFileSync(join(dataDir, 'nats', 'nats-server.pid'), String(stranger.pid));
  const server = await start(t, optionsOf(dataDir));
  t.equal(server.adopted, false);
  await server.stop();
  t.ok(runs(stranger.pid as number));
});

t.test('embedded server - a process that ends without stop takes its server along', { skip }, async (t) => {
  const code = `
    import { startEmbeddedServer } from '${moduleAddress('embedded-server')}';
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const server = await startEmbeddedServer({ ...JSON.parse(process.argv[1]), log });
    process.stdout.write(String(server.pid), () => process.exit(0));`;
  const options = JSON.stringify(optionsOf(temporaryFolder(t)));
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const pid = Number(line.toString());
  t.teardown(() => runs(pid) && process.kill(pid, 'SIGKILL'));
  await until(() => !runs(pid));
  t.pass('it has ended');
});

t.test('embedded server - a second start on one store names the holder', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await start(t, optionsOf(dataDir));
  await t.rejects(startEmbeddedServer(optionsOf(`${dataDir}/../${dataDir.split('/').at(-1)}`)), {
    name: 'SetupError',
    message: `The data folder is in use: this process (pid ${process.pid})`,
  });
  t.ok(runs(server.pid), 'the first is not disturbed');
});

t.test(
  'embedded server - a taken port names the setting, and a NATS server that holds it',
  { skip },
  async (t) => {
    const holder = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    t.teardown(() => holder.close());
    const { port } = holder.address() as AddressInfo;
    const dataDir = temporaryFolder(t);
    await t.rejects(startEmbeddedServer(optionsOf(dataDir, { port })), {
      name: 'SetupError',
      message:
        /^Port \d+ of 127\.0\.0\.1 is taken: set nats\.embedded\.port to a free port, or to 0 for any\.$/,
    });
    const server = await start(t, optionsOf(dataDir));
    t.ok(server.port > 0, 'the failed start left no lock');
    await t.rejects(startEmbeddedServer(optionsOf(join(dataDir, 'other'), { port: server.port })), {
      message: new RegExp(`set nats\\.servers to \\["${server.url}"\\]`),
    });
  },
);

t.test('embedded server - one that ends at the start is quoted', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  mkdirSync(join(dataDir, 'nats'));
  writeFileSync(join(dataDir, 'nats', 'jetstream'), 'a file where the store should be');
  await t.rejects(startEmbeddedServer(optionsOf(dataDir)), {
    name: 'SetupError',
    message: /ended with exit code 1 before it was ready .* Its last words in .*nats-server\.log: .*\[FTL\]/,
  });
});

t.test('embedded server - one that is never ready is ended and quoted', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const mute = join(dataDir, 'mute');
  writeFileSync(
    mute,
    '#!/bin/sh\n[ "$1" = --version ] && exec echo "nats-server: v2.9.9"\necho pid $$\nexec sleep 60\n',
    {
      mode: 0o755,
    },
  );
  await t.rejects(startEmbeddedServer(optionsOf(dataDir, { binary: mute, startTimeoutMs: 300 })), {
    name: 'SetupError',
    message: /was not ready within 300 ms .* raise nats\.embedded\.startTimeoutMs .*: pid \d+$/,
  });
  const pid = Number(/pid (\d+)/.exec(readFileSync(join(dataDir, 'nats-server.log'), 'utf8'))?.[1]);
  t.notOk(runs(pid), 'nothing is left running');
});

t.test('embedded server - a missing binary is an error by name and leaves no lock', { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  const missing = optionsOf(dataDir, { binary: join(dataDir, 'missing') });
  await t.rejects(startEmbeddedServer(missing), { name: 'SetupError', message: /no file at .*missing/ });
  await t.rejects(startEmbeddedServer(missing), { message: /no file at .*missing/ });
});

t.test('embedded server - a data folder that cannot be made is an error by name', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'file'), '');
  await t.rejects(startEmbeddedServer(optionsOf(join(dir, 'file', 'data'))), {
    name: 'SetupError',
    message: /The data folder .* cannot be used/,
  });
});

t.test(
  'embedded server - one that does not stop politely is ended after the grace period',
  { skip },
  async (t) => {
    const server = await start(t, optionsOf(temporaryFolder(t), {}, { stopGraceMs: 200 }));
    process.kill(server.pid, 'SIGSTOP');
    await server.stop();
    t.notOk(runs(server.pid));
  },
);

t.test('embedded server - stops cleanly when its data folder was deleted', { skip }, async (t) => {
  const dataDir = join(temporaryFolder(t), 'data');
  const server = await start(t, optionsOf(dataDir));
  rmSync(dataDir, { recursive: true, force: true });
  await server.stop();
  t.notOk(runs(server.pid));
});
