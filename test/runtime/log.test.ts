import { spawnSync } from 'node:child_process';
import t from 'tap';
import { createLogger, readableLine } from '../../src/runtime/log.ts';

const logModule = new URL('../../src/runtime/log.js', import.meta.url).href;

t.test(
  'log - JSON lines to standard error, nothing below the level, facts of the child included',
  async (t) => {
    const script = `import { createLogger } from '${logModule}';
    const log = createLogger('info', { actor: 'a' }).child({ model: 'm' });
    log.debug({}, 'unheard');
    log.warn({ rows: 3, err: new Error('boom') }, 'heard');
    process.kill(process.pid, 'SIGKILL');`;
    const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    t.equal(stdout, '');
    const lines = stderr.trim().split('\n');
    t.equal(lines.length, 1, 'written before the kill, and alone');
    t.match(JSON.parse(lines[0]!), {
      level: 40,
      actor: 'a',
      model: 'm',
      rows: 3,
      msg: 'heard',
      err: { message: 'boom' },
    });
  },
);

t.test('log - silent writes nothing', async (t) => {
  createLogger('silent').error({}, 'unheard');
  t.pass('nothing to hear');
});

t.test('log - a line for people is one short sentence with its facts', async (t) => {
  const time = '2026-01-02T12:03:04.512Z';
  const line = {
    level: 40,
    time,
    actor: 'flights/learner/0',
    waitMs: 50,
    msg: 'restarting',
    err: { message: 'boom' },
  };
  t.equal(
    readableLine(JSON.stringify(line)),
    '12:03:04.512 warn  flights/learner/0: restarting: boom (waitMs=50)\n',
  );
  t.equal(readableLine(JSON.stringify({ level: 30, time, msg: 'ready' })), '12:03:04.512 info  ready\n');
});

t.test('log - nothing that comes from elsewhere makes a line of its own, or moves the cursor', async (t) => {
  const time = '2026-01-02T12:03:04.512Z';
  const forged = 'x\n12:03:05.000 info  flights: all is well\u001b[2J';
  const text = readableLine(
    JSON.stringify({
      level: 40,
      time,
      actor: forged,
      msg: forged,
      err: { message: forged },
      [forged]: forged,
    }),
  );
  t.equal(text.indexOf('\n'), text.length - 1, 'one line');
  t.notOk(text.includes('\u001b'));
});
