/**
 * Events that end the learner's thread, or make it hang, whenever they are touched: faults at a place of the log,
 * which every life of the learner is armed with. Goal: each is found and passed over, alone; everything else is
 * learned once, bit for bit as by the plain loop without them; predictions are answered all the while; and neither a
 * replay nor the next start meets them again.
 */
import t, { type Test } from 'tap';
import type { ModelStatus } from '../../src/protocol/messages.ts';
import type { FaultOrder } from '../../src/runtime/armed-faults.ts';
import { until } from '../support/channel-fixture.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import { type Running, type RunningOptions, startRunning } from '../support/running-server.ts';
import { readState, systemMissing } from '../support/system.ts';

const skip = systemMissing();
t.setTimeout(120_000);

const always = 1_000_000;
const eventOf = (n: number) => ({
  features: { who: `w${n % 7}`, x: n % 5, kind: `k${n % 3}` },
  label: n % 3 === 0 ? 1 : 0,
});
const arrayOf = (from: number, count: number) => Array.from({ length: count }, (_, at) => eventOf(from + at));

/** Quick to notice a hang, and with hardly a restart to spare: a search must not need any. */
const supervisor = { intensity: 2, backoffMs: 10, heartbeatMs: 50, heartbeatTimeoutMs: 1_500 };
const armed = (orders: readonly FaultOrder[], learner = 0) => ({
  subject: 'millrace-test-faults',
  armed: [],
  lives: { [`m/learner/${learner}`]: orders.map((order) => ({ times: always, ...order })) },
});

/** Asks for predictions until it is told to stop; how many there were, and what went wrong. */
function predictAllTheWhile({ client }: Running) {
  let over = false;
  let answered = 0;
  const failures: unknown[] = [];
  const asking = (async () => {
    while (!over) {
      await client.predict('m', eventOf(answered).features).then(
        () => answered++,
        (error) => failures.push(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return async () => {
    over = true;
    await asking;
    return { answered, failures };
  };
}

/** Appends the messages while learning is paused, so that they are there together when it begins. */
async function learnTogether(running: Running, messages: readonly object[]): Promise<void> {
  await running.client.pause('m');
  for (const message of messages) await running.append('millrace.v1.learn.m', message);
  await running.client.resume('m');
}

/** Everything is learned or passed over, and no epoch is about to begin. */
async function settled({ modelStatus }: Running): Promise<ModelStatus> {
  let status = await modelStatus('m');
  await until(60_000, 'everything is learned or passed over', async () => {
    status = await modelStatus('m');
    if (status.phase === 'failed') throw new Error(`failed: ${status.reason}`);
    return status.phase === 'running' && status.lag === 0;
  });
  return status;
}

async function sameAsWithout(t: Test, running: Running, learned: readonly object[], excluded: number) {
  const { client, config, dataDir } = running;
  const status = await settled(running);
  t.match(status, { phase: 'running', learned: learned.length, excluded, rejected: 0 });
  const plain = new PlainLoop(config.models.m!);
  for (const event of learned) plain.learn(event);
  const { version } = await client.checkpoint('m');
  const state = await readState(dataDir, 'm', config.models.m!, version);
  t.strictSame(differences(state.table, plain.table), [], 'every parameter is that of a log without them');
  t.strictSame(differences(state.totals, plain.totals), [], 'and every sum');
  const replay = await client.replay('m');
  t.match(replay, { compared: 'bits', identical: true }, 'a replay passes them over too');
}

const model = { actors: { shards: 2 }, checkpoint: { atStop: false } };

t.test(
  'poison - at the first place, in the middle and at the last, each is passed over alone',
  { skip },
  async (t) => {
    // The epoch's entry has sequence 1.
    const faults = armed([
      { point: 'learner.featurizing', action: 'exit', at: { seq: 2, index: 0 } },
      { point: 'learner.learning', action: 'exit', at: { seq: 4, index: 5 } },
      { point: 'learner.decoding', action: 'exit', at: { seq: 6 } },
      { point: 'learner.learning', action: 'exit', at: { seq: 8, index: 9 } },
    ]);
    const running = await startRunning(t, { m: model }, { supervisor, faults });
    const told: unknown[] = [];
    running.channel.subscribe('millrace.v1.evt.rejected.m', ({ data }) =>
      told.push(JSON.parse(Buffer.from(data).toString())),
    );
    const stopPredicting = predictAllTheWhile(running);
    const messages = Array.from({ length: 8 }, (_, at) => arrayOf(at * 10, 10));
    await learnTogether(running, messages);
    const poisonous = new Set([0, 25, ...arrayOf(0, 10).map((_, at) => 40 + at), 69]);
    const wanted = messages.flat().filter((_, at) => !poisonous.has(at));
    await sameAsWithout(t, running, wanted, 4);
    const { answered, failures } = await stopPredicting();
    t.ok(answered > 20, `${answered} predictions`);
    t.strictSame(failures, [], 'not one of which failed');

    const kept = await running.rejected('m');
    t.strictSame(
      kept.map(({ seq, index, code }) => [seq, index, code]),
      [
        [2, 0, 500],
        [4, 5, 500],
        [6, 0, 500],
        [8, 9, 500],
      ],
    );
    t.match(kept[1], {
      reason: /given up: \d lives of the learner did not get past it.*exited with code 70/,
      original: eventOf(25),
    });
    t.equal(
      kept[2]!.whole && kept[2]!.original,
      Buffer.from(JSON.stringify(messages[4])).toString('base64'),
      'not looked into',
    );
    t.match(told, [{ seq: 2 }, { seq: 4 }, { seq: 6 }, { seq: 8 }]);

    await running.stop();
    const next = await startRunning(t, { m: model }, { supervisor, faults, folder: running.dataDir });
    await next.append('millrace.v1.learn.m', eventOf(90));
    await sameAsWithout(t, next, [...wanted, eventOf(90)], 4);
    const { actors } = await next.client.status();
    t.match(
      actors.find(({ name }) => name === 'm/learner/0'),
      { restarts: 0 },
      'the next start does not meet them',
    );
  },
);

t.test('poison - an event that makes the learner hang is passed over', { skip }, async (t) => {
  const options: RunningOptions = {
    supervisor,
    faults: armed([
      { point: 'learner.learning', action: 'hang', holdMs: 3_600_000, at: { seq: 3, index: 1 } },
    ]),
  };
  const running = await startRunning(t, { m: { ...model, poison: { failuresMax: 2 } } }, options);
  const stopPredicting = predictAllTheWhile(running);
  const messages = [eventOf(0), arrayOf(1, 3), eventOf(4)];
  await learnTogether(running, messages);
  await sameAsWithout(t, running, [eventOf(0), eventOf(1), eventOf(3), eventOf(4)], 1);
  t.strictSame((await stopPredicting()).failures, []);
  t.match(await running.rejected('m'), [{ seq: 3, index: 1, reason: /given up: 2 lives .*no heartbeat/ }]);
});

t.test('poison - with several learners only its own is concerned', { skip }, async (t) => {
  const faults = armed([{ point: 'learner.learning', action: 'exit', at: { seq: 5 } }], 1);
  const several = { actors: { shards: 2, learners: 2 }, partitions: 8, poison: { failuresMax: 2 } };
  const running = await startRunning(t, { m: several }, { supervisor, faults });
  await learnTogether(running, arrayOf(0, 40));
  t.match(await settled(running), { learned: 39, excluded: 1, phase: 'running' });
  t.match(await running.rejected('m'), [{ seq: 5, index: 0 }]);
  const { actors } = await running.client.status();
  t.match(
    actors.find(({ name }) => name === 'm/learner/0'),
    { restarts: 0 },
  );
});

t.test('poison - what cannot be passed over any more stops the model, by name', { skip }, async (t) => {
  const faults = armed([{ point: 'learner.learning', action: 'exit', at: { seq: 2 } }]);
  const limited = { ...model, limits: { exclusionsMax: 0 }, poison: { failuresMax: 2 } };
  const running = await startRunning(t, { m: limited }, { supervisor, faults });
  const stopPredicting = predictAllTheWhile(running);
  await running.append('millrace.v1.learn.m', eventOf(0));
  let status = await running.modelStatus('m');
  await until(30_000, 'the model has failed', async () => {
    status = await running.modelStatus('m');
    return status.phase === 'failed';
  });
  t.match(status.reason, /limits\.exclusionsMax/);
  t.strictSame((await stopPredicting()).failures, [], 'it still predicts');
});
