/**
 * What a user sees when something is wrong: one line on standard error that says how to mend it, nothing on
 * standard output, no stack trace, and an exit code that tells the kind.
 */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { asProcess, inProcess } from './command-line.ts';

/** A port on which nobody listens. */
async function silentPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

t.test('command line - what cannot work is refused in one line', async (t) => {
  const folder = t.testdir({
    'bad.json': '{ "models": { "m": { "task": "bniary" } } }',
    'names.csv': `name,y\n${Array.from({ length: 30 }, (_, index) => `n${index},${index % 2}`).join('\n')}\n`,
    'classes.csv': 'x,y\n1,red\n2,green\n3,blue\n',
    'cut.gz': gzipSync('x,y\n'.repeat(5000)).subarray(0, 30),
    'millrace.json': '{}',
  });
  const cases: [string[], number, RegExp][] = [
    [['sreve'], 2, /unknown command 'sreve'/],
    [['status', '--jsno'], 2, /unknown option '--jsno'/],
    [['predict'], 2, /missing required argument 'model'/],
    [['predict', 'm', '{x'], 2, /not valid JSON .*; quote them/],
    [['predict', 'm', '[1]'], 2, /no JSON object/],
    [['predict', 'm', '{}', '--min-seq', 'soon'], 2, /Expected a whole number/],
    [['learn', 'm', 'none.csv'], 2, /none\.csv cannot be read .*; name a file that exists/],
    [['learn', 'm', 'names.csv', '--positive', '1'], 2, /--positive needs --label COLUMN/],
    [['learn', 'm', 'names.csv', '--events-per-message', '0'], 2, /at least 1/],
    [['models', 'add', 'm', '{"a"'], 2, /not valid JSON/],
    [['models', 'add', 'm', '--config', 'millrace.json'], 2, /has no model "m"; it has none/],
    [['config', 'check', 'none.json'], 2, /none\.json: expected a readable configuration file/],
    [
      ['config', 'check', 'bad.json'],
      2,
      /bad\.json:1:\d+: models\.m\.task: expected "binary", "regression" or "multiclass", got "bniary"/,
    ],
    [['config', 'explain', 'modles'], 2, /there is no setting modles/],
    [['serve', '--config', 'bad.json'], 2, /models\.m\.task/],
    [
      ['init', '--from', 'names.csv', '--label', 'y', '--out', 'millrace.json'],
      2,
      /millrace\.json is there already; .*--force/,
    ],
    [
      ['init', '--from', 'names.csv', '--out', 'a.json'],
      2,
      /name the column to predict with --label; there are name, y/,
    ],
    [
      ['init', '--from', 'names.csv', '--out', 'a.json', '--label', 'z'],
      2,
      /no column "z".*; there are name, y/,
    ],
    [
      ['init', '--from', 'names.csv', '--out', 'a.json', '--label', 'y'],
      2,
      /no column is left to learn from/,
    ],
    [
      ['init', '--from', 'classes.csv', '--out', 'a.json', '--label', 'y'],
      2,
      /has 3 classes \(red, green, blue, .*--positive VALUE/,
    ],
    [['init', '--from', 'cut.gz', '--out', 'a.json', '--label', 'y'], 2, /damaged or cut short/],
    [['status', '--context', 'no-such-context'], 2, /no NATS context "no-such-context"/],
  ];
  for (const [args, code, message] of cases) {
    const outcome = await inProcess(
      args.map((arg) => (/\.(json|csv|gz)$/.test(arg) ? join(folder, arg) : arg)),
    );
    t.equal(outcome.code, code, args.join(' '));
    t.match(outcome.stderr, message, args.join(' '));
    t.match(outcome.stderr, /^error: [^\n]+\n(\(Did you mean .*\)\n)?$/, 'one line');
    t.equal(outcome.stdout, '', 'nothing on standard output');
  }
});

t.test('command line - no server to be reached is exit code 3, with how to start one', async (t) => {
  const server = `nats://user:secret@127.0.0.1:${await silentPort()}`;
  for (const args of [
    ['status'],
    ['predict', 'm', '{"a":1}'],
    ['checkpoints', 'list', 'm'],
    ['pause', 'm'],
  ]) {
    const outcome = await inProcess([...args, '--server', server]);
    t.equal(outcome.code, 3, args.join(' '));
    t.match(
      outcome.stderr,
      /^error: no NATS server answers at nats:\/\/127\.0\.0\.1:\d+; start one with `millrace serve`/,
    );
    t.notMatch(outcome.stderr, /secret/);
  }
  const debug = await inProcess(['status', '--server', server], { environment: { MILLRACE_DEBUG: '1' } });
  t.match(
    debug.stderr,
    /^error: .*\nServerUnreachableError: [\s\S]*\n {4}at [\s\S]*caused by/,
    'with stack and cause',
  );
});

t.test('command line - a process ends with the same line and code', async (t) => {
  const folder = t.testdir();
  const outcome = await asProcess(['learn', 'm', 'none.csv'], { cwd: folder });
  t.match(outcome, { code: 2, stdout: '', stderr: /^error: none\.csv cannot be read [^\n]*\n$/ });
});

t.test('command line - help and version are on standard output', async (t) => {
  const help = await asProcess(['--help']);
  t.equal(help.code, 0);
  t.match(help.stdout, /Usage: millrace[\s\S]*Exit codes: 0 done, 1 failed, 2 bad input/);
  const version = await asProcess(['--version']);
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' });
  t.match((await inProcess(['learn', '--help'])).stdout, /Gzip is unpacked/);
});

t.test('command line - config check and explain', async (t) => {
  const folder = t.testdir({ 'a.json': '{ "models": { "clicks": {} } } // fine' });
  t.match(await asProcess(['config', 'check', 'a.json'], { cwd: folder }), {
    code: 0,
    stdout: 'a.json is right; 1 model: clicks (binary, nag)\n',
  });
  const json = await asProcess(['config', 'check', 'a.json', '--json'], { cwd: folder });
  t.equal(JSON.parse(json.stdout).models.clicks.actors.shards, 2);
  t.match(
    (await inProcess(['config', 'explain', 'models.m.features.bits'])).stdout,
    /an integer from 8 to 26; default 18/,
  );
});

t.test('command line - doctor names every check', async (t) => {
  const folder = t.testdir({
    'millrace.json': JSON.stringify({ dataDir: 'kept', nats: { embedded: { port: await silentPort() } } }),
  });
  const outcome = await asProcess(['doctor', '--json'], { cwd: folder });
  const found = JSON.parse(outcome.stdout) as { check: string; state: string; text: string }[];
  const named = new Map(found.map((finding) => [finding.check, finding]));
  t.equal(named.get('config')?.text, 'millrace.json');
  t.equal(named.get('node')?.state, 'ok');
  t.match(named.get('port')?.text, /no NATS server answers on/);
  t.match(named.get('server')?.text, /none runs yet/);
  t.match(named.get('gpu.js cpu')?.text, /run by cpu/);
  t.match(named.get('data folder')?.text, /kept will be made/);
  const failed = found.some((finding) => finding.state === 'bad');
  t.equal(outcome.code, failed ? 1 : 0);
});
