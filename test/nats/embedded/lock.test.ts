import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { acquireLock } from '../../../src/nats/embedded/lock.ts';
import { commandLineOf, identifyProcess, isRunning } from '../../../src/nats/embedded/process-identity.ts';
import { moduleAddress } from './servers.ts';

/** Waits for a line, takes the lock, tells how that went, and keeps it until it is ended. */
const taker = `
  import { acquireLock } from '${moduleAddress('lock')}';
  console.log('ready');
  process.stdin.once('data', () => acquireLock(process.argv[1], process.pid).then(
    () => console.log('won'),
    (error) => console.log('lost ' + error.message),
  ));`;

interface Taker {
  readonly child: ChildProcess;
  nextLine(): Promise<string>;
}

async function startTaker(test: Test, lockDir: string): Promise<Taker> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', taker, lockDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  test.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  await nextLine();
  return { child, nextLine };
}

const withoutTimes =
  identifyProcess(process.pid)?.startTime === null ? 'this system tells no start times' : false;

const end = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

t.test('lock - is taken, refuses a second taker by pid, and is free after the release', async (t) => {
  const lockDir = join(t.testdir(), 'lock');
  const lock = await acquireLock(lockDir, process.pid);
  await t.rejects(acquireLock(lockDir, process.pid), { name: 'SetupError', message: `pid ${process.pid}` });
  await lock.release();
  const again = await acquireLock(lockDir, process.pid);
  await again.release();
  t.same(readdirSync(lockDir), ['holder-2.json'], 'only the last holder is kept');
});

t.test('lock - a recycled process number is not taken for the holder', { skip: withoutTimes }, async (t) => {
  const lockDir = t.testdir({
    'holder-4.json': JSON.stringify({ pid: process.pid, startTime: 'another boot:1', released: false }),
  });
  await (await acquireLock(lockDir, process.pid)).release();
  t.same(readdirSync(lockDir), ['holder-5.json']);
});

t.test('lock - what a power cut leaves of a holder file does not lock anybody out', async (t) => {
  const lockDir = t.testdir({ 'holder-1.json': '', 'part-abc': '' });
  await (await acquireLock(lockDir, process.pid)).release();
  writeFileSync(join(lockDir, 'holder-9.json'), 'null');
  await t.resolves(acquireLock(lockDir, process.pid));
});

t.test('lock - a folder that cannot be made is an error that names it', async (t) => {
  const dir = t.testdir({ file: 'not a folder' });
  await t.rejects(acquireLock(join(dir, 'file', 'lock'), process.pid), {
    name: 'SetupError',
    message: /The lock .*file.lock cannot be taken/,
  });
});

// Goal: of many that find the same dead holder at once exactly one takes over. Method: real processes held at
// a line of standard input, let go together; after each round the winner is killed, so that the next round
// starts from a stale lock again.
t.test('lock - a dead holder is followed by exactly one of many takers', async (t) => {
  const lockDir = join(t.testdir(), 'lock');
  const holder = await startTaker(t, lockDir);
  holder.child.stdin?.write('go\n');
  t.equal(await holder.nextLine(), 'won');
  await end(holder.child);

  for (let round = 0; round < 3; round++) {
    const takers = await Promise.all(Array.from({ length: 6 }, () => startTaker(t, lockDir)));
    for (const { child } of takers) child.stdin?.write('go\n');
    const results = await Promise.all(takers.map((each) => each.nextLine()));
    const winners = takers.filter((_, i) => results[i] === 'won');
    t.equal(winners.length, 1, 'one winner');
    const pid = winners[0]?.child.pid;
    const losses = results.filter((result) => result !== 'won');
    t.ok(
      losses.every((loss) => loss.includes(`pid ${pid} `)),
      'every loser names the winner',
    );
    await Promise.all(takers.map(({ child }) => end(child)));
  }
});

// Goal: the same within one process, where look and link interleave more finely. Method: many rounds of
// takers started in one turn, with the release in between.
t.test('lock - takers of one turn never hold it together', async (t) => {
  const lockDir = join(t.testdir(), 'lock');
  let holders = 0;
  let taken = 0;
  const take = async (): Promise<void> => {
    const lock = await acquireLock(lockDir, process.pid).catch(() => undefined);
    if (lock === undefined) return;
    holders += 1;
    taken += 1;
    if (holders > 1) t.fail('two holders');
    await Promise.resolve();
    holders -= 1;
    await lock.release();
  };
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 8 }, take));
  t.ok(taken >= 20, 'somebody takes it in every round');
});

t.test('process identity - tells the living from the dead and reads a command line', async (t) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'some words']);
  await once(child, 'spawn');
  const identity = identifyProcess(child.pid as number);
  t.ok(identity !== undefined && isRunning(identity));
  t.match(commandLineOf(child.pid as number), 'some words');
  await end(child);
  t.notOk(identity !== undefined && isRunning(identity), 'not after its end');
  t.equal(identifyProcess(child.pid as number), undefined);
  t.ok(isRunning({ pid: process.pid, startTime: null }), 'the number alone does where no time is known');
});
