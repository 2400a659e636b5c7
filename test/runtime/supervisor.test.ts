/** Real threads and a real nats-server: who is started, restarted and stopped when. Faults are injected by the puppets. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import t from 'tap';
import type { ErrorKind } from '../../src/base/errors.ts';
import { startTestServer } from '../support/nats-server.ts';
import { entryUrl, eventually, puppetSpec, startHarness } from './harness.ts';

const { url } = await startTestServer(t);

/** What a rejection must match; the cast is for tap's types, which know no `kind`. */
const ofKind = (kind: ErrorKind) => ({ name: 'MillraceError', kind }) as unknown as NodeJS.ErrnoException;

t.test('supervisor - starts in order, each ready before the next, and stops in reverse order', async (t) => {
  const { supervisor, changes, announced, channel } = await startHarness(t, url);
  await supervisor.startAll([puppetSpec('a'), [puppetSpec('b1'), puppetSpec('b2')], puppetSpec('c')]);
  const at = (name: string, state: string) => changes.findIndex((c) => c.name === name && c.state === state);
  t.ok(at('a', 'running') < Math.min(at('b1', 'starting'), at('b2', 'starting')), 'a before the b stage');
  t.ok(at('b2', 'starting') < at('b1', 'running'), 'a stage starts together');
  t.ok(Math.max(at('b1', 'running'), at('b2', 'running')) < at('c', 'starting'), 'the b stage before c');
  const running = { kind: 'monitor', state: 'running', restarts: 0 };
  t.same(supervisor.statuses()[3], { name: 'c', ...running });

  await supervisor.stop();
  await channel.flush();
  t.equal(announced[0], 'c');
  t.same(announced.slice(1, 3).sort(), ['b1', 'b2']);
  t.equal(announced[3], 'a', 'every actor was asked to stop, the first one last');
  t.ok(supervisor.statuses().every(({ state, lastError }) => state === 'stopped' && lastError === undefined));
});

t.test('actor thread - answers NATS requests while its task runs, and shares memory', async (t) => {
  const { supervisor, command } = await startHarness(t, url);
  const shared = new SharedArrayBuffer(4);
  await supervisor.start(puppetSpec('answering', { note: 'hello', shared }));
  for (let request = 0; request < 5; request++)
    t.same(await command('answering', 'count'), { life: 1, note: 'hello' });
  t.equal(new Int32Array(shared)[0], 5);
});

for (const [fault, reason] of [
  ['fail', 'asked to fail'],
  ['throw', 'asked to throw'],
  ['reject', 'asked to reject'],
  ['exit', 'the thread exited with code 3'],
  ['finish', 'the actor finished by itself'],
  ['disconnect', /^the NATS connection was closed/],
] as const)
  t.test(`supervisor - an actor that ends by ${fault} is restarted in its next life`, async (t) => {
    const { supervisor, command, inflict, reached, givenUp } = await startHarness(t, url);
    await supervisor.start(puppetSpec('faulty'));
    inflict('faulty', fault);
    const { reason: told } = await reached('faulty', 'backing-off', 1);
    t.match(told, reason);
    await reached('faulty', 'running', 2);
    t.same(await command('faulty', 'ping'), { life: 2, note: null });
    t.match(supervisor.statuses(), [{ name: 'faulty', state: 'running', restarts: 1 }]);
    t.same(givenUp, []);
  });

t.test('supervisor - a terminated actor is restarted, and memory it shared is still there', async (t) => {
  const { supervisor, command, reached } = await startHarness(t, url);
  const shared = new SharedArrayBuffer(4);
  await supervisor.start(puppetSpec('victim', { shared }));
  await command('victim', 'count');
  supervisor.terminate('victim');
  await reached('victim', 'running', 2);
  t.match(await command('victim', 'count'), { life: 2 });
  t.equal(new Int32Array(shared)[0], 2);
  t.match(supervisor.statuses(), [{ lastError: 'terminated on request' }]);
});

t.test('supervisor - the last instruction of a killed thread lies before its successor', async (t) => {
  const { supervisor, command, reached } = await startHarness(t, url);
  const shared = new SharedArrayBuffer(4);
  const counters = new Int32Array(shared);
  await supervisor.start(puppetSpec('writer', { shared }));
  await command('writer', 'countForEver');
  await eventually('the writer writes', () => (Atomics.load(counters, 0) > 1000 ? true : undefined));
  let atItsEnd: number | undefined;
  supervisor.onChange(({ state }) => {
    if (state === 'backing-off') atItsEnd = Atomics.load(counters, 0);
  });
  supervisor.terminate('writer');
  await reached('writer', 'running', 2);
  t.equal(Atomics.load(counters, 0), atItsEnd);
});

const noProc = process.platform !== 'linux' && 'counts threads in /proc';
t.test('supervisor - threads of ended actors do not pile up', { skip: noProc }, async (t) => {
  const threads = () => readdirSync('/proc/self/task').length;
  const lives = 6;
  const { supervisor, reached } = await startHarness(t, url);
  const before = threads();
  await supervisor.start(puppetSpec('again'));
  for (let life = 1; life < lives; life++) {
    supervisor.terminate('again');
    await reached('again', 'running', life + 1);
  }
  // The operating system may still be clearing away the last one or two.
  t.ok(threads() < before + lives - 2, 'far fewer than the lives there were');
  await supervisor.stop();
  const left = await eventually('the threads are gone', () => (threads() <= before ? threads() : undefined));
  t.ok(left <= before);
});

t.test('supervisor - a stop during the start ends it, also from a listener', async (t) => {
  const { supervisor, changes } = await startHarness(t, url);
  let stopped: Promise<void> | undefined;
  supervisor.onChange(({ state }) => {
    if (state === 'running') stopped ??= supervisor.stop();
  });
  await t.rejects(supervisor.startAll([puppetSpec('early'), puppetSpec('never')]), ofKind('notReady'));
  await stopped;
  t.match(supervisor.statuses(), [{ name: 'early', state: 'stopped' }]);
  t.notOk(
    changes.some(({ name }) => name === 'never'),
    'the next stage was not begun',
  );
});

t.test('supervisor - a hung thread is replaced', async (t) => {
  const { supervisor, command, inflict, reached } = await startHarness(t, url, { heartbeatTimeoutMs: 500 });
  await supervisor.start(puppetSpec('hung'));
  inflict('hung', 'hang');
  const { reason } = await reached('hung', 'backing-off', 1);
  t.match(reason, /^no heartbeat for \d+ ms$/);
  await reached('hung', 'running', 2);
  t.match(await command('hung', 'ping'), { life: 2 });
});

t.test(
  'supervisor - gives up after the intensity, with the structured error, and starts anew on request',
  async (t) => {
    const { supervisor, changes, givenUp } = await startHarness(t, url, { intensity: 2 });
    const failing = supervisor.startAll([puppetSpec('hopeless', { start: 'failure' }), puppetSpec('next')]);
    await t.rejects(failing, ofKind('conflict'));
    t.match(givenUp, [{ name: 'hopeless', error: { message: 'hopeless cannot start in life 3' } }]);
    t.match(givenUp[0]?.error.stack, /puppet/, 'the stack is that of the thread');
    t.match(supervisor.statuses(), [{ name: 'hopeless', state: 'failed', restarts: 2 }]);
    t.notOk(
      changes.some(({ name }) => name === 'next'),
      'what comes after it was not started',
    );

    await supervisor.start(puppetSpec('hopeless'));
    t.match(supervisor.statuses(), [{ name: 'hopeless', state: 'running' }]);
    t.equal(changes.at(-1)?.life, 4);
  },
);

t.test('supervisor - an actor that fails at first is ready after a restart', async (t) => {
  const { supervisor, command } = await startHarness(t, url);
  await supervisor.start(puppetSpec('late', { start: 'failureInFirstLife' }));
  t.match(await command('late', 'ping'), { life: 2 });
});

t.test('supervisor - a setting that can never work is given up at once', async (t) => {
  const { supervisor, givenUp } = await startHarness(t, url);
  await t.rejects(supervisor.start(puppetSpec('unset', { start: 'badSetting' })), { name: 'SetupError' });
  const wrong = { ...puppetSpec('wrong'), entry: entryUrl('not-an-actor.js') };
  await t.rejects(supervisor.start(wrong), {
    name: 'SetupError',
    message: /must export default actorThread/,
  });
  t.same(
    givenUp.map(({ name }) => name),
    ['unset', 'wrong'],
  );
});

t.test('supervisor - an entry file that cannot be loaded is named, and holds up no stop', async (t) => {
  const { supervisor, reached } = await startHarness(t, url, { intensity: 1 });
  const missing = { ...puppetSpec('missing'), entry: entryUrl('missing.js') };
  await t.rejects(supervisor.start(missing), { message: /missing\.js/ });
  t.equal((await reached('missing', 'failed', 2)).life, 2);
  await supervisor.stop();
});

t.test('supervisor - an actor not ready in time is restarted', async (t) => {
  const { supervisor, reached } = await startHarness(t, url, { startTimeoutMs: 1000, intensity: 0 });
  await t.rejects(supervisor.start(puppetSpec('sleeper', { start: 'never' })), /not ready within 1000 ms/);
  t.match(await reached('sleeper', 'failed', 1), { reason: 'not ready within 1000 ms' });
});

t.test('supervisor - an actor that does not stop is killed after the grace period', async (t) => {
  const { supervisor } = await startHarness(t, url, { stopTimeoutMs: 200 });
  await supervisor.startAll([
    [puppetSpec('stubborn', { stop: 'never' }), puppetSpec('broken', { stop: 'failure' })],
  ]);
  await supervisor.stop();
  t.match(supervisor.statuses(), [
    { state: 'stopped', lastError: 'not stopped within 200 ms' },
    { state: 'stopped', lastError: 'asked to fail at the stop' },
  ]);
});

t.test('supervisor - a stop ends what is not ready or waits for its restart', async (t) => {
  const slow = { backoffMs: 60_000, backoffMaxMs: 60_000 };
  const { supervisor, inflict, reached } = await startHarness(t, url, slow);
  const starting = supervisor.start(puppetSpec('starting', { start: 'never' }));
  await supervisor.start(puppetSpec('waiting'));
  inflict('waiting', 'fail');
  await reached('waiting', 'backing-off', 1);
  const rejected = t.rejects(starting, ofKind('notReady'));
  await supervisor.stop();
  await rejected;
  const unborn = t.rejects(supervisor.start(puppetSpec('unborn')), ofKind('notReady'));
  await supervisor.stop();
  await unborn;
  t.same(
    supervisor.statuses().map(({ state }) => state),
    ['stopped', 'stopped', 'stopped'],
  );
});

t.test('supervisor - transient actors may finish, temporary ones are never restarted', async (t) => {
  const { supervisor, inflict, reached, givenUp } = await startHarness(t, url);
  await supervisor.startAll([[puppetSpec('trans', {}, 'transient'), puppetSpec('temp', {}, 'temporary')]]);
  inflict('trans', 'fail');
  await reached('trans', 'running', 2);
  inflict('trans', 'finish');
  await reached('trans', 'stopped', 2);
  inflict('temp', 'fail');
  t.match(await reached('temp', 'failed', 1), { reason: 'asked to fail' });
  t.same(givenUp, []);
});

t.test('supervisor - beforeRestart may hand the next life other settings; its failure counts', async (t) => {
  const asked: number[] = [];
  const beforeRestart = async (_spec: unknown, life: number) => {
    asked.push(life);
    if (asked.length === 1) throw new Error('the memory cannot be repaired yet');
    return puppetSpec('repaired', { note: `for life ${life}` });
  };
  const { supervisor, command, inflict, reached, changes } = await startHarness(
    t,
    url,
    {},
    { beforeRestart },
  );
  await supervisor.start(puppetSpec('repaired'));
  inflict('repaired', 'fail');
  await reached('repaired', 'running', 2);
  t.same(await command('repaired', 'ping'), { life: 2, note: 'for life 2' });
  t.same(asked, [2, 2]);
  t.ok(changes.some(({ reason }) => reason === 'the memory cannot be repaired yet'));
});

t.test('supervisor - a restart that is excused does not count; each end is asked about once', async (t) => {
  const asked: string[] = [];
  const isExcused = (_spec: unknown, { message }: Error) => {
    asked.push(message);
    return asked.length <= 3;
  };
  const { supervisor, inflict, reached, givenUp } = await startHarness(
    t,
    url,
    { intensity: 1 },
    { isExcused },
  );
  await supervisor.start(puppetSpec('excused'));
  for (const life of [1, 2, 3, 4]) {
    await reached('excused', 'running', life);
    inflict('excused', 'fail');
  }
  await reached('excused', 'running', 5);
  inflict('excused', 'fail');
  await reached('excused', 'failed', 5);
  t.equal(givenUp.length, 1, 'the fourth was the one allowed, the fifth was one too many');
  t.strictSame(asked, new Array(5).fill('asked to fail'));
});

t.test('supervisor - refuses names in use, unknown names, and more actors than allowed', async (t) => {
  const { supervisor, command } = await startHarness(t, url, { actorsMax: 2 });
  await supervisor.startAll([[puppetSpec('first'), puppetSpec('second')]]);
  await t.rejects(supervisor.start(puppetSpec('first')), ofKind('conflict'));
  await t.rejects(supervisor.startAll([puppetSpec('x'), puppetSpec('x')]), ofKind('conflict'));
  await t.rejects(supervisor.start(puppetSpec('third')), ofKind('overloaded'));
  await t.rejects(supervisor.stop(['nobody']), ofKind('notFound'));
  t.throws(() => supervisor.terminate('nobody'), ofKind('notFound'));
  t.throws(() => supervisor.forget(['first']), ofKind('conflict'));

  await supervisor.stop(['first']);
  supervisor.forget(['first']);
  t.same(
    supervisor.statuses().map(({ name }) => name),
    ['second'],
  );
  await supervisor.start(puppetSpec('first'));
  t.match(await command('first', 'ping'), { life: 2 }, 'its life is not forgotten');
});

t.test('supervisor - as many actors as allowed, all killed at once, all come back', async (t) => {
  const { supervisor, reached } = await startHarness(t, url, { actorsMax: 4 });
  const names = ['w', 'x', 'y', 'z'];
  await supervisor.startAll([names.map((name) => puppetSpec(name))]);
  for (const name of names) supervisor.terminate(name);
  for (const name of names) await reached(name, 'running', 2);
  t.ok(supervisor.statuses().every(({ state, restarts }) => state === 'running' && restarts === 1));
});

t.test('supervisor - after the last stop nothing keeps the process alive', async (t) => {
  const lone = spawn(process.execPath, [new URL('./actors/lone-process.js', import.meta.url).pathname, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => lone.kill('SIGKILL'));
  let said = '';
  lone.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const exit = once(lone, 'exit');
  await eventually('the lone process has stopped its actors', () =>
    said === 'stopped\n' ? true : undefined,
  );
  const stoppedAt = performance.now();
  const [code] = await exit;
  t.equal(code, 0);
  t.ok(performance.now() - stoppedAt < 5_000, 'it ended by itself soon after');
});
