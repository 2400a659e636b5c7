/** Cuts across learners and shards: the checkpointer's side, the learners' and the shards', over a channel in memory. */
import t from 'tap';
import { CutClient } from '../../src/cut/cut-client.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { model, type RunningShard, subjects } from '../shard/row-of-shards.ts';
import { until } from '../support/channel-fixture.ts';
import { MemoryChannel } from '../support/memory-channel.ts';
import { learnEntry } from './entries.ts';
import { clientOf, configOf, eventOf, plainTable, runLearner, runShards, tableOf } from './harness.ts';

const actors = (shards: number, learners = 1) => ({ shards, learners, predictors: 1 });
const events = Array.from({ length: 300 }, (_, at) => eventOf(at));
const entries = events.map((event, at) => learnEntry(at + 1, event));

function cutsOf(
  channel: MemoryChannel,
  config: ReturnType<typeof configOf>,
  cutTimeoutMs = 2_000,
): CutClient {
  const { keyCount, width: rowWidth } = buildModel(config).model.layout;
  const { shards } = config.actors;
  const settings = { model, epoch: 1, shards, keyCount, rowWidth, cutTimeoutMs, requestTimeoutMs: 500 };
  return new CutClient(channel, subjects, settings);
}

async function imageTable(cuts: CutClient, shards: readonly RunningShard[], cut: string): Promise<number[]> {
  const parts: number[] = [];
  for (let shard = 0; shard < shards.length; shard++) {
    for await (const image of cuts.images(cut, shard, false)) {
      const table = new Float32Array((image.end - image.start) * image.rowWidth);
      image.keys.forEach((key, at) => {
        const row = image.rows.subarray(at * image.rowWidth, (at + 1) * image.rowWidth);
        table.set(row, (key - image.start) * image.rowWidth);
      });
      parts.push(...table);
    }
  }
  return parts;
}

t.test('a cut under load - is the plain loop up to its marks, while learning goes on', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(3), batch: { eventsMax: 2 } });
  const shards = runShards(channel, config);
  const learner = await runLearner(channel, config, { queued: entries });
  await until(2_000, 'work', () => shards[0]!.shard.seq > 20);
  const cuts = cutsOf(channel, config);
  const { marks, learned, totals } = await cuts.open('cut');
  const at = marks[0]!;
  t.ok(at > 20 && at < 300 && marks.every((mark) => mark === at), `a cut at ${at}`);
  t.equal(learned, at);
  t.equal(totals[0], at);
  await until(3_000, 'the end', () => shards.every(({ shard }) => shard.seq === 300));
  t.strictSame(await imageTable(cuts, shards, 'cut'), plainTable(config, events.slice(0, at)));
  t.strictSame(tableOf(shards), plainTable(config, events));
  await cuts.close('cut');
  await t.rejects(cuts.images('cut', 0, false).next(), { name: 'MillraceError', kind: 'conflict' });
  await learner.stop();
});

t.test('a cut of several learners - holds whole batches of each', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2, 3), batch: { eventsMax: 3 } });
  const shards = runShards(channel, config);
  const learners = await Promise.all(
    [0, 1, 2].map((learner) => runLearner(channel, config, { learner, queued: entries })),
  );
  await until(2_000, 'work', () => shards[0]!.shard.seq > 10);
  const cuts = cutsOf(channel, config);
  const { marks, learned, totals } = await cuts.open('cut');
  const within = entries.filter(({ seq }) => seq <= marks[seq % 8]!).length;
  t.equal(learned, within, 'as many events as the marks cover');
  t.equal(totals[0], within);
  t.ok(learned < 300);
  await until(3_000, 'the end', () => shards.every(({ shard }) => shard.seq === 300));
  await cuts.close('cut');
  await Promise.all(learners.map((learner) => learner.stop()));
});

t.test('a learner that does not come by - fails the cut in time, and holds nobody longer', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2, 2), batch: { eventsMax: 3 } });
  const shards = runShards(channel, config);
  const learner = await runLearner(channel, config, { learner: 0 });
  const cuts = cutsOf(channel, config, 60);
  const opening = cuts.open('cut');
  await until(2_000, 'markers', () => shards.every(({ heard }) => heard.at(-1)?.verb === 'marker'));
  learner.feed(entries.slice(0, 4));
  await t.rejects(opening, { name: 'MillraceError', kind: 'deadline', message: /60 ms/ });
  await until(2_000, 'the learner', () =>
    shards.every(({ shard }) => shard.memory.ledger.committedTo[0] === 4),
  );
  const late = await runLearner(channel, config, { learner: 1, queued: entries.slice(0, 4) });
  t.equal((await cuts.open('cut')).marks[0], 4, 'the next one succeeds');
  await Promise.all([learner.stop(), late.stop()]);
});

t.test(
  'a cut that one shard cannot open - lets go of the learners on the others when it is closed',
  async (t) => {
    const channel = new MemoryChannel();
    const config = configOf({ actors: actors(2, 2) });
    const shards = runShards(channel, config);
    const learner = clientOf(channel, config);
    await learner.hello();
    shards[1]!.stop();
    const cuts = cutsOf(channel, config, 60_000);
    await t.rejects(cuts.open('cut'), { name: 'MillraceError', kind: 'notReady' });
    shards[0]!.heard.length = 0;
    const one = clientOf(channel, configOf({ actors: actors(1, 2) }));
    await one.marker('cut');
    let passed = false;
    const pulled = one
      .pull([{ numbers: new Uint32Array(0), keys: new Uint32Array(0) }], 0, new Float32Array(0))
      .then(() => {
        passed = true;
      });
    await until(2_000, 'the pull', () => shards[0]!.heard.some(({ verb }) => verb === 'pull'));
    t.notOk(passed, 'past its marker the learner waits');
    await cuts.close('cut').catch(() => undefined);
    await pulled;
    t.ok(passed);
  },
);

t.test(
  'a learner that dies between two markers - spoils the cut, which is refused and may be tried again',
  async (t) => {
    const channel = new MemoryChannel();
    const config = configOf({ actors: actors(2) });
    const shards = runShards(channel, config);
    const cuts = cutsOf(channel, config);
    const opening = cuts.open('cut');
    // Its marker reached the first shard only, and the next life commits a batch before it hears of the cut.
    await until(2_000, 'the cut', () => shards.every(({ heard }) => heard.at(-1)?.verb === 'openCut'));
    const dying = clientOf(channel, configOf({ actors: actors(1) }));
    await dying.hello();
    await dying.marker('cut');
    const next = await runLearner(channel, config, { life: 2, queued: entries.slice(0, 2) });
    await t.rejects(opening, { name: 'MillraceError', kind: 'conflict', message: /same marks/ });
    await cuts.close('cut');
    t.ok((await cuts.open('cut')).marks.every((mark) => mark === 2));
    await next.stop();
  },
);

t.test('a marker of an earlier life - is refused, however late it comes', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: actors(2) });
  runShards(channel, config);
  const [before, present] = [clientOf(channel, config), clientOf(channel, config, { life: 2 })];
  await before.hello();
  await present.hello();
  await t.rejects(before.marker('cut'), {
    name: 'MillraceError',
    kind: 'conflict',
    message: /life 1 is refused/,
  });
  await present.marker('cut');
});
