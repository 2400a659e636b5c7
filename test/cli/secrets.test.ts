/** A password in the URL of a server: neither the list of processes nor an error shows it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { redactedUrl, redactedUrlIn } from '../../src/base/redacted-url.ts';
import { until } from '../support/channel-fixture.ts';
import { inProcess } from './command-line.ts';

const secret = 'Tr0ub4dor-and-3';
const program = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

t.test('URLs - are shown without user and password, however they are written', async (t) => {
  const cases: [string, string][] = [
    ['nats://h:4222', 'nats://h:4222'],
    [`nats://u:${secret}@h:4222`, 'nats://h:4222'],
    [`u:${secret}@h`, 'h'],
    [`tls://u:p@${secret}/x@h:1`, 'tls://h:1'],
    [`nats://${secret}@[::1]:4222`, 'nats://[::1]:4222'],
    [`nats://u:${secret}\n@h`, 'nats://h'],
  ];
  for (const [url, shown] of cases) t.equal(redactedUrl(url), shown, url);
  t.equal(redactedUrlIn(`--server=nats://u:${secret}@h:4222`), '--server=nats://h:4222');
  t.equal(redactedUrlIn('{"mail":"a@b.c"}'), '{"mail":"a@b.c"}');
});

t.test('errors - about a server show no password', async (t) => {
  const urls = [
    `nats://u:${secret}@127.0.0.1:1`,
    `http://u:${secret}@h`,
    `nats://u:p@${secret}@h:1`,
    `nats://u:%zz${secret}@h`,
  ];
  for (const url of urls) {
    const { code, stdout, stderr } = await inProcess(['status', '--server', url], {
      environment: { MILLRACE_DEBUG: '1' },
    });
    t.ok(code === 2 || code === 3, url);
    t.notMatch(stdout + stderr, secret);
  }
});

t.test('config check - shows where secrets come from, and none that stands in the file', async (t) => {
  const users = [{ user: 'web', password: secret, roles: ['predict'] }];
  const folder = t.testdir({
    'a.json': JSON.stringify({ nats: { servers: [`nats://u:${secret}@127.0.0.1`], token: secret } }),
    'b.json': JSON.stringify({ nats: { embedded: { users } } }),
    'c.json': JSON.stringify({ nats: { servers: ['nats://127.0.0.1'], user: 'u', password: { env: 'PW' } } }),
  });
  for (const [file, shown] of [
    ['a.json', '"token":"(not shown)"'],
    ['b.json', '"password":"(not shown)"'],
    ['c.json', '"password":{"env":"PW"}'],
  ] as const) {
    const { code, stdout } = await inProcess(['config', 'check', join(folder, file), '--json']);
    t.equal(code, 0);
    t.ok(stdout.includes(shown) && !stdout.includes(secret), stdout);
  }
});

const noList = existsSync('/proc/self/cmdline') ? false : 'no /proc on this machine';

t.test('processes - show no password to the other users of the machine', { skip: noList }, async (t) => {
  // One that accepts and says nothing keeps the command waiting for as long as it is looked at.
  const silent = createServer().listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  const url = `nats://u:${secret}@127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [program, 'status', '--server', url], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const shown = () => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
  await once(silent, 'connection');
  await until(5_000, 'the command line is without the password', () => !shown().includes(secret));
  t.match(shown(), /^millrace.status/);
});
