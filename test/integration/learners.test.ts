/**
 * Several learners share one stream. They see each other's changes late, so parameters depend on timing; what
 * must not is how often an event is applied: once.
 *
 * The proof is a model that only counts. Its l1 is so large that every weight stays 0, so the score is 0, and an
 * event with squared loss adds `-2 label weight` to the z of each of its categories and the square of that to n:
 * small whole numbers, exact in float32 in any order. Each number it carries adds 1 to the count of that number's
 * statistics. Every event has a category and a number of its own: an event lost or applied twice shows in two
 * rows of its own, and cannot be made up for by another.
 */
import t, { type Test } from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { sums } from '../../src/model/metrics.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { dataMissing, randomOf, readLibsvm } from '../support/data.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import {
  type ModelState,
  type System,
  startSystem,
  systemMissing,
  temporaryFolder,
} from '../support/system.ts';

t.setTimeout(180_000);

const noVersions = { everyEvents: 0, everyMs: 0, atStop: false, cutTimeoutMs: 2_000 };

const countingModel = (learners: number): ModelInput => ({
  task: 'regression',
  optimizer: { name: 'ftrl', alpha: 0.1, l1: 1e6 },
  // Wide enough that no event's own features fall on one row.
  features: { bits: 18, standardize: true },
  actors: { shards: 2, learners },
  batch: { eventsMax: 16 },
  checkpoint: noVersions,
});

interface CountedEvent {
  readonly event: LearnEvent;
  readonly ownCategory: Record<string, string>;
  readonly ownNumber: Record<string, number>;
  /** What one application adds to z. */
  readonly step: number;
}

function countedEvents(count: number, seed: number): CountedEvent[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, at) => {
    const ownCategory = { event: `e${at}` };
    // Always 1: numbers of two events that fall on one row must not differ, or a step would be scaled by that.
    const ownNumber = { [`number${at}`]: 1 };
    const label = random() < 0.3 ? 0.5 : -0.5;
    const weight = 1 + Math.floor(random() * 3);
    const features = { ...ownCategory, ...ownNumber, group: `g${at % 7}`, one: 1 };
    return { event: { features, label, weight }, ownCategory, ownNumber, step: -2 * label * weight };
  });
}

const badEvent = { features: { group: 'bad' }, label: 'none' } as unknown as LearnEvent;

/**
 * Publishes in messages of some events, half of them with a key and a few of them bad; resolves to the last
 * sequence. With a key the partition follows from the key, without one from the sequence.
 */
async function publish(
  system: System,
  model: string,
  events: readonly CountedEvent[],
): Promise<{ readonly seq: number; readonly bad: number }> {
  let [seq, bad, message] = [0, 0, 0];
  const size = 5;
  const sent: Promise<void>[] = [];
  for (let at = 0; at < events.length; at += size) {
    const items = events.slice(at, at + size).map(({ event }) => event);
    if (message % 10 === 3) {
      items.splice(2, 0, badEvent);
      bad++;
    }
    const options = message % 2 === 0 ? { key: `user-${message % 46}` } : {};
    message++;
    sent.push(
      system.client.learn(model, items, options).then((receipt) => {
        seq = Math.max(seq, receipt.seq);
      }),
    );
    if (sent.length >= 32) await Promise.all(sent.splice(0));
  }
  await Promise.all(sent);
  return { seq, bad };
}

function appliedOnce(
  t: Test,
  state: ModelState,
  events: readonly CountedEvent[],
  loop: PlainLoop,
  bad: number,
) {
  const { width } = loop;
  const z = new Map<number, number>();
  const seen = new Map<number, number>();
  const add = (counts: Map<number, number>, features: object, amount: number) => {
    // The intercept comes first and is not the feature's own.
    const { key } = loop.keysOf(features).at(-1)!;
    counts.set(key, (counts.get(key) ?? 0) + amount);
  };
  for (const { ownCategory, ownNumber, step } of events) {
    add(z, ownCategory, step);
    add(seen, ownNumber, 1);
  }
  const categoriesOff = [...z].filter(([key, sum]) => !seen.has(key) && state.table[key * width] !== sum);
  const numbersOff = [...seen].filter(([key, count]) => state.table[key * width + 2] !== count);
  t.equal(categoriesOff.length, 0, `each of ${z.size} rows of single events holds its step once`);
  t.equal(numbersOff.length, 0, `each of ${seen.size} rows of single numbers counts one`);
  for (const { event } of events) loop.learn(event);
  t.same(
    differences(state.table, loop.table),
    [],
    'every shared row has the sum over all events, bit for bit',
  );
  const weight = events.reduce((sum, { event }) => sum + event.weight!, 0);
  t.equal(state.totals[sums.events], events.length, 'the progressive sums hold every event once');
  t.equal(state.totals[sums.weight], weight, 'and its weight');
  t.equal(state.totals[sums.loss], weight / 4, 'and its loss');
  t.same([state.learned, state.rejected], [events.length, bad], 'learned is what was published, none twice');
}

t.test('several learners - apply each event once, whoever dies', { skip: systemMissing() }, async (t) => {
  const learnersOf = { two: 2, four: 4 };
  const models = { two: countingModel(2), four: countingModel(4) };
  const system = await startSystem(t, { models, supervisor: { intensity: 100, backoffMs: 0 } });
  for (const [model, learners] of Object.entries(learnersOf)) {
    await t.test(`${learners} learners`, async (t) => {
      const events = countedEvents(2000, learners);
      // All of it is there before learning begins, so that the threads die at work.
      await system.client.pause(model);
      const { seq, bad } = await publish(system, model, events);
      await system.client.resume(model);
      const kills = 8;
      let atWork = 0;
      for (let kill = 0; kill < kills; kill++) {
        const status = await system.caughtUp(model, Math.floor((seq * kill) / (kills + 2)));
        if (status.seq < seq) atWork++;
        const victim = kill % 3 === 2 ? `shard/${kill % 2}` : `learner/${kill % learners}`;
        system.server.terminate(`${model}/${victim}`);
      }
      await system.caughtUp(model, seq);
      t.ok(atWork >= kills / 2, `${atWork} of ${kills} threads died in mid-stream`);
      appliedOnce(t, await system.stateOf(model), events, new PlainLoop(system.modelConfig(model)), bad);
    });
  }
});

/**
 * Learners are never at one place of the stream, so a version made while they learn has a mark for each; the next
 * start hands their partitions to others, who must leave out exactly what each partition has had already.
 */
t.test('another number of learners - goes on from each mark', { skip: systemMissing() }, async (t) => {
  const dataDir = await temporaryFolder(t);
  const events = countedEvents(6000, 5);
  let [published, bad, seq] = [0, 0, 0];
  const publishMore = async (system: System, count: number) => {
    const share = await publish(system, 'model', events.slice(published, published + count));
    published = Math.min(published + count, events.length);
    bad += share.bad;
    seq = Math.max(seq, share.seq);
  };
  for (const learners of [3, 4]) {
    const system = await startSystem(t, { models: { model: countingModel(learners) }, dataDir });
    let apart = 0;
    // Where the learners are when a version is made is chance: now and then at one place, or all at the end.
    for (let tries = 0; apart === 0 && tries < 5; tries++) {
      await system.client.pause('model');
      await publishMore(system, 500);
      await system.client.resume('model');
      const { manifest } = await system.stateOf('model');
      apart = Math.max(...manifest.stream.marks) - Math.min(...manifest.stream.marks);
    }
    t.ok(apart > 0, `${learners} learners are ${apart} messages apart in the version made of them`);
    await system.stop();
  }
  const system = await startSystem(t, { models: { model: countingModel(1) }, dataDir });
  await publishMore(system, events.length);
  await system.caughtUp('model', seq);
  const loop = new PlainLoop(system.modelConfig('model'));
  appliedOnce(t, await system.stateOf('model'), events, loop, bad);
});

const a9a = 'a9a/a9a.libsvm.gz';

/**
 * What a learner adds was worked out from rows as they were before its batch. The differences of batches made at
 * the same time add up, so they overshoot together: from about four learners on, and with hundreds of events in
 * a batch, a stream's beginning swings to and fro. Small batches keep several learners as good as one.
 */
const fewEvents = 32;

/** Log loss of an independent run of FTRL-Proximal over the same file, with the default settings. */
const referenceLoss = 0.334472;
const skip = systemMissing() || dataMissing(a9a);

t.test('several learners - learn as well as one', { skip }, async (t) => {
  const events = readLibsvm(a9a);
  const modelWith = (learners: number): ModelInput => {
    return {
      optimizer: { name: 'ftrl' },
      actors: { shards: 1, learners },
      batch: { eventsMax: fewEvents },
      checkpoint: noVersions,
    };
  };
  const models = { one: modelWith(1), two: modelWith(2), four: modelWith(4) };
  const system = await startSystem(t, { models });
  const losses: number[] = [];
  for (const model of Object.keys(models)) {
    const { seq } = await system.client.learnStream(model, events, { eventsPerMessage: fewEvents });
    const status = await system.caughtUp(model, seq);
    const loss = status.metrics.total.logLoss!;
    losses.push(loss);
    t.equal(status.learned, events.length, `${model}: learned what was published`);
    const worse = 100 * (loss / losses[0]! - 1);
    t.ok(Math.abs(worse) < 1, `${model}: log loss ${loss.toFixed(6)}, ${worse.toFixed(3)} % off one`);
  }
  t.ok(Math.abs(losses[0]! - referenceLoss) < 1e-6, `one learner has the reference's ${referenceLoss}`);
});
