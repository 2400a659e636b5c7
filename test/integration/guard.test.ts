/**
 * A guard: learning stops by itself when the loss or the base rate of the latest events leaves its bounds. Goal: it
 * says so, with figures, wherever one looks; predictions go on; it stays so over a restart; and an operator lets it
 * go on, with a window that begins anew.
 */
import t, { type Test } from 'tap';
import { inProcess } from '../cli/command-line.ts';
import { bytes, text, until } from '../support/channel-fixture.ts';
import { type Running, startRunning } from '../support/running-server.ts';
import { systemMissing } from '../support/system.ts';

const skip = systemMissing();
t.setTimeout(120_000);

const eventsOf = (count: number, label: (n: number) => number) =>
  Array.from({ length: count }, (_, n) => ({ features: { who: `w${Math.floor(n / 10)}` }, label: label(n) }));
const honest = (n: number) => n % 2;
const allClicks = () => 1;

async function learn(running: Running, count: number, label: (n: number) => number): Promise<void> {
  for (let at = 0; at < count; at += 50)
    await running.append('millrace.v1.learn.m', eventsOf(Math.min(50, count - at), label));
}

const stoppedByGuard = async (running: Running) => {
  await until(20_000, 'the guard has stopped learning', async () => {
    const { phase, guard } = await running.modelStatus('m');
    return phase === 'paused' && guard !== undefined;
  });
  return running.modelStatus('m');
};

const status = async ({ server }: Running, ...words: string[]) => {
  const outcome = await inProcess(['status', ...words, '--server', server.url]);
  return outcome.stdout;
};

async function predicts(t: Test, running: Running) {
  const answer = await running.client.predict('m', { who: 'w1' });
  t.ok(answer.score >= 0 && answer.score <= 1, 'predictions go on');
}

t.test(
  'guard - a base rate out of bounds stops learning until an operator lets it go on',
  { skip },
  async (t) => {
    const models = { m: { guard: { baseRateMax: 0.8, windowEvents: 100 }, checkpoint: { atStop: false } } };
    const running = await startRunning(t, models);
    const told: unknown[] = [];
    running.channel.subscribe('millrace.v1.evt.guard.m', ({ data }) => told.push(JSON.parse(text(data))));
    await learn(running, 400, honest);
    const calm = await running.caughtUp('m');
    t.match(calm, { phase: 'running', learned: 400 });
    t.equal(calm.guard, undefined);

    await learn(running, 400, allClicks);
    const stopped = await stoppedByGuard(running);
    const { guard } = stopped;
    t.match(guard, {
      figure: 'baseRate',
      bound: 'baseRateMax',
      limit: 0.8,
      detail: /^the mean label of the last \d+ events is (1|0\.[89]\d*), above guard\.baseRateMax 0\.8$/,
    });
    t.ok(guard!.value > 0.8 && guard!.events >= 100, `${guard!.value} over ${guard!.events}`);
    t.match(told, [{ model: 'm', ...guard }]);
    t.match(
      running.log.filter(({ level }) => level === 'error'),
      [{ facts: { bound: 'baseRateMax' } }],
    );
    await predicts(t, running);
    await until(20_000, 'a version of what was learned until then', async () => {
      const { learned, version } = await running.modelStatus('m');
      const { versions } = await running.client.checkpoints('m');
      return versions.some((one) => one.version === version && one.learned === learned);
    });
    const sentence = `the guard stopped learning at ${guard!.seq} (${guard!.at}): ${guard!.detail}; let it go on with \`millrace resume m\``;
    t.match(await status(running, 'm'), `paused: ${sentence}`);
    t.match(await status(running), `m: ${sentence}`);

    const line = JSON.stringify(eventsOf(1, honest)[0]);
    const learning = await inProcess(['learn', 'm', '-', '--server', running.server.url], { input: line });
    t.match(learning, { code: 0, stdout: /m is paused: `millrace status m` says why, `millrace resume m`/ });

    const before = (await running.modelStatus('m')).learned;
    await learn(running, 50, honest);
    await running.client.checkpoint('m');
    t.equal(
      (await running.modelStatus('m')).learned,
      before,
      'nothing is learned, and a version can be made',
    );

    await running.stop();
    const next = await startRunning(t, models, { folder: running.dataDir });
    const again = await next.modelStatus('m');
    t.match(again, { phase: 'paused', guard }, 'stopped in the next life too, for the same reason');
    await predicts(t, next);

    const { learned: atResume } = await next.modelStatus('m');
    await learn(next, 300, allClicks);
    const resumed = await inProcess(['resume', 'm', '--server', next.server.url]);
    t.match(resumed, { code: 0, stdout: /m learns again/ });
    t.equal((await next.modelStatus('m')).guard?.seq === guard!.seq, false, 'the reason is gone with it');
    const stoppedAgain = await stoppedByGuard(next);
    t.ok(stoppedAgain.learned >= atResume + 100, 'a window that began anew is judged when it is full');
    await until(20_000, 'everything is learned, with an operator who lets it go on each time', async () => {
      const { phase, lag } = await next.modelStatus('m');
      if (phase === 'paused') await next.client.resume('m');
      return phase === 'running' && lag === 0;
    });
    const done = await next.modelStatus('m');
    t.match(done, { learned: 1151 });
    await next.client.checkpoint('m');
    await next.stop();
    const last = await startRunning(t, models, { folder: running.dataDir });
    t.match(
      await last.modelStatus('m'),
      { phase: 'running' },
      'an operator has decided, also for the next start',
    );
  },
);

t.test(
  'guard - a loss out of bounds stops learning; what nobody sent in earnest does not',
  { skip },
  async (t) => {
    const models = {
      m: {
        guard: { averageLossMax: 0.9, windowEvents: 100 },
        optimizer: { name: 'sgd' as const, learningRate: 3 },
      },
    };
    const running = await startRunning(t, models);
    for (const body of ['', '{', 'null']) running.channel.publish('millrace.v1.report.shard.m', bytes(body));
    // Steps so large that each event is learned at the cost of the next, whose label is the other one.
    await learn(running, 300, honest);
    const { guard, phase } = await stoppedByGuard(running);
    t.match({ phase, guard }, { phase: 'paused', guard: { figure: 'averageLoss', limit: 0.9 } });
    await predicts(t, running);
    await running.client.rollback('m', 0, { mode: 'continue' });
    t.match(
      await running.modelStatus('m'),
      { phase: 'paused', guard },
      'a rollback leaves the decision to the operator',
    );
    await running.client.resume('m');
    await learn(running, 60, honest);
    t.match(await running.caughtUp('m'), { phase: 'running', learned: 60 });
  },
);
