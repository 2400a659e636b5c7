import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

/**
 * The script that runs the tests must not be able to say "passed" of what did not pass. Each made-up file is
 * run by the real script; what it writes is TAP as tap writes it.
 */
const runner = 'scripts/test.mjs';
const says = (...lines: string[]): string =>
  lines.map((line) => `console.log(${JSON.stringify(line)});`).join('\n');

function ran(folder: string, names: readonly string[], ...options: string[]) {
  const paths = names.map((name) => join(folder, name));
  const { stdout, status } = spawnSync(process.execPath, [runner, ...options, ...paths], {
    encoding: 'utf8',
  });
  return { stdout, status, last: stdout.trimEnd().split('\n').at(-1) };
}

const passing = says(
  'TAP version 14',
  '# Subtest: thing - does',
  '    ok 1 - first',
  '    ok 2 - second',
  '    1..2',
  'ok 1 - thing - does # time=1ms',
  'ok 2 - needs a server # SKIP no server',
  '1..2',
);
const failing = says(
  '# Subtest: thing - does',
  '    ok 1 - first',
  '    not ok 2 - second',
  '      ---',
  '      source: |',
  '        ok 9 - in the details',
  '      ...',
  '    1..2',
  'not ok 1 - thing - does',
  '1..1',
);

t.test('test script - counts assertions, not the lines that sum them up', async (t) => {
  const folder = t.testdir({ 'a.test.js': passing, 'b.test.js': failing });
  const good = ran(folder, ['a.test.js']);
  t.equal(good.last, '2 passed, 0 failed, 1 skipped');
  t.equal(good.status, 0);
  t.match(good.stdout, /skipped needs a server: no server/);
  const both = ran(folder, ['a.test.js', 'b.test.js']);
  t.equal(both.last, '3 passed, 1 failed, 1 skipped');
  t.equal(both.status, 1);
  t.match(both.stdout, /FAILED .*b\.test\.js - 1 passed, 1 failed/);
  t.match(both.stdout, /not ok 2 - second/);
});

t.test('test script - a crash, a cut-off run and an empty one are failures', async (t) => {
  const cases: [string, string, string][] = [
    ['crash', `${passing}\nprocess.exit(3);`, '2 passed, 1 failed, 1 skipped'],
    ['cut off', says('ok 1 - first', '1..2'), '1 passed, 1 failed'],
    ['no plan', says('ok 1 - first'), '1 passed, 1 failed'],
    ['no tests', says('1..0'), '0 passed, 1 failed'],
    ['nothing at all', '', '0 passed, 1 failed'],
    ['a syntax error', 'const = 1', '0 passed, 1 failed'],
    ['not ok, exit 0', says('not ok 1 - first', '1..1'), '0 passed, 1 failed'],
    [
      'a subtest that fails as a whole',
      says('    ok 1 - a', '    1..2', 'not ok 1 - s', '1..1'),
      '1 passed, 1 failed',
    ],
    ['skipped as a whole', says('1..0 # SKIP no server'), '0 passed, 0 failed, 1 skipped'],
  ];
  const folder = t.testdir(Object.fromEntries(cases.map(([, text], index) => [`${index}.test.js`, text])));
  for (const [index, [name, , last]] of cases.entries()) {
    const { last: got, status } = ran(folder, [`${index}.test.js`]);
    t.equal(got, last, name);
    t.equal(status, last.includes('0 failed') ? 0 : 1, `${name}: exit code`);
  }
});

t.test('test script - a test that hangs is ended and named', async (t) => {
  const folder = t.testdir({ 'a.test.js': `${says('ok 1 - first')}\nsetInterval(() => {}, 1000);` });
  const { last, stdout, status } = ran(folder, ['a.test.js'], '--timeout=1');
  t.equal(last, '1 passed, 1 failed');
  t.match(stdout, /not finished within 1 s/);
  t.equal(status, 1);
});

t.test('test script - a file that is not there, or not compiled, is a failure', async (t) => {
  const folder = t.testdir({ 'a.test.ts': '' });
  t.match(ran(folder, ['none.test.ts']), { last: '0 passed, 1 failed', status: 1 });
  t.match(ran(folder, ['a.test.ts']), { last: '0 passed, 1 failed', status: 1, stdout: /not compiled/ });
});
