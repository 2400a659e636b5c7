/**
 * State = f(config, log) for every family of models (equivalence.test.ts has the optimisers of linear ones): what a
 * model keeps beside weights, names of classes, vectors, dense layers, is the plain loop's too, bit for bit.
 */
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { madeEvent, madeStream, randomOf } from '../support/data.ts';
import { type Log, learnInOrder, publisherOf, sameAsLoop } from '../support/equivalence.ts';
import { PlainLoop } from '../support/plain-loop.ts';
import { startSystem, systemMissing, temporaryFolder } from '../support/system.ts';

const skip = systemMissing();
// On a busy machine; a test that waits in vain says so itself, long before.
t.setTimeout(420_000);

type Case = readonly [shards: number, eventsMax: number, model: ModelInput];
const adagrad = { optimizer: { name: 'adagrad' } } as const;
const pair = { name: 'mf', user: 'city', item: 'day' } as const;

/** Each family with 1, 2 and 5 shards, batches of 1, 7 and many, and both kernels, over its tasks. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  classes: [
    [2, 7, { ...adagrad, task: 'multiclass', features: { standardize: true } }],
    [5, 1024, { optimizer: { name: 'nag' }, task: 'multiclass', classesMax: 7 }],
    [1, 1, { optimizer: { name: 'ftrl' }, task: 'multiclass', loss: 'logistic', kernel: 'webasm' }],
  ],
  fm: [
    [1, 1024, { family: { name: 'fm' }, features: { standardize: true }, kernel: 'webasm' }],
    [2, 1, { family: { name: 'fm', factors: 3 }, features: { exactIds: { of: ['user'], bits: 6 } } }],
    [5, 7, { family: { name: 'fm', seed: 9 }, task: 'regression', features: { intercept: false } }],
  ],
  mf: [
    [1, 7, { family: pair, task: 'regression' }],
    [2, 1024, { family: { ...pair, feedback: 'implicit', items: 16 }, kernel: 'webasm' }],
    [5, 1, { family: { ...pair, feedback: 'implicit', items: 64, negatives: 2 } }],
  ],
  network: [
    [2, 7, { family: { name: 'network' }, features: { standardize: true }, loss: 'squared' }],
    [5, 1024, { family: { name: 'network', hidden: [7] }, task: 'multiclass', kernel: 'webasm' }],
    [1, 1, { family: { name: 'network', hidden: [8, 6, 4] }, task: 'regression' }],
  ],
};

const taskOf = ({ task = 'binary' }: ModelInput) => task;

function modelOf([shards, eventsMax, model]: Case): ModelInput {
  return {
    kernel: 'cpu',
    ...model,
    features: { bits: 10, ...model.features },
    actors: { shards },
    batch: { eventsMax },
    checkpoint: { everyEvents: 0, everyMs: 0, atStop: false },
    // Fewer than the streams repeat: ids are forgotten, and learned again.
    dedupe: { idsMax: 40 },
  };
}

for (const [family, list] of Object.entries(cases)) {
  t.test(`one learner with ${family} - equals the plain loop bit for bit`, { skip }, async (t) => {
    const models = Object.fromEntries(list.map((one, at) => [`model${at}`, modelOf(one)]));
    const system = await startSystem(t, { models });
    const publisher = await publisherOf(t, system);
    const runs = list.map(([, , model], at) => ({
      log: new Map() as Log,
      stream: madeStream(at + 1, 400, taskOf(model), 60),
    }));
    const ends = runs.map(({ log, stream }, at) => publisher.publish(`model${at}`, log, stream.messages));
    for (const [at, end] of (await Promise.all(ends)).entries()) {
      const model = `model${at}`;
      const { log, stream } = runs[at]!;
      const config = system.modelConfig(model);
      const status = await system.caughtUp(model, end);
      t.equal(status.kernels.executor, config.kernel, 'the kernel mode that was asked for really runs');
      const loop = learnInOrder(new PlainLoop(config), log);
      sameAsLoop(t, await system.stateOf(model), loop, stream, family === 'network');
      const { features } = madeEvent(randomOf(99), config.task);
      const served = await system.client.predict(model, features, { minSeq: end });
      t.equal(served.score, loop.score(features), 'a prediction is that of the plain loop');
    }
  });
}

/** Of each family one: what it keeps beside weights is restored and divided anew, too. */
const families: Readonly<Record<string, ModelInput>> = {
  linear: { ...adagrad, features: { standardize: true, interactions: [['city', 'day']] } },
  mf: { family: pair, task: 'regression' },
  fm: { family: { name: 'fm', factors: 4 }, task: 'regression' },
  network: { family: { name: 'network', hidden: [9, 5] }, task: 'multiclass' },
  classes: { task: 'multiclass', optimizer: { name: 'adagrad' }, features: { standardize: true } },
};

t.test('another number of shards after a restart - the same parameters', { skip }, async (t) => {
  const dataDir = await temporaryFolder(t);
  const names = Object.keys(families);
  const streams = names.map((name, at) => madeStream(11 + at, 450, taskOf(families[name]!), 60));
  const logs = names.map((): Log => new Map());
  for (const [part, shards] of [2, 5, 1].entries()) {
    const inputs = names.map((name): [string, ModelInput] => {
      const { features, ...rest } = families[name]!;
      // Once from a version made at the stop, once from the log alone.
      const checkpoint = { everyEvents: 0, everyMs: 0, atStop: part === 0 };
      const sized = { batch: { eventsMax: 64 }, actors: { shards }, checkpoint };
      return [name, { ...rest, features: { ...features, bits: 10 }, ...sized }];
    });
    const system = await startSystem(t, { models: Object.fromEntries(inputs), dataDir });
    const publisher = await publisherOf(t, system);
    for (const [at, name] of names.entries()) {
      const [stream, log] = [streams[at]!, logs[at]!];
      const messages = stream.messages.filter((_, number) => number % 3 === part);
      await system.caughtUp(name, await publisher.publish(name, log, messages));
      if (part < 2) continue;
      const loop = learnInOrder(new PlainLoop(system.modelConfig(name)), log);
      const state = await system.stateOf(name);
      t.equal(state.manifest.shards.length, 1, `the last version of ${name} has one shard`);
      sameAsLoop(t, state, loop, stream, name === 'network');
    }
    await system.stop();
  }
});

t.test('several classes - replies, rejections and status over the wire', { skip }, async (t) => {
  const model: ModelInput = { ...adagrad, task: 'multiclass', classesMax: 3, features: { bits: 8 } };
  const system = await startSystem(t, { models: { model } });
  const { client } = system;
  const ask = (legs: number, minSeq?: number) =>
    client.predict<string | number | boolean>(
      'model',
      { legs: `${legs}` },
      minSeq === undefined ? {} : { minSeq },
    );
  await t.rejects(client.predict('model', { legs: '4' }, { timeoutMs: 300 }), {
    kind: 'notReady',
    message: /no class is known yet/,
  });
  const kinds = ['cat', 2, true];
  const events = Array.from({ length: 90 }, (_, at) => ({
    features: { legs: `${at % 3}` },
    label: kinds[at % 3]!,
  }));
  await client.learn('model', events);
  const { seq } = await client.learn('model', { features: { legs: '9' }, label: 'one too many' });
  for (const [legs, kind] of kinds.entries()) {
    const { prediction, score, probabilities } = await ask(legs, seq);
    t.equal(prediction, kind);
    t.same(Object.keys(probabilities!).sort(), ['2', 'cat', 'true']);
    t.equal(probabilities![String(kind)], score);
    const sum = Object.values(probabilities!).reduce((total, share) => total + share, 0);
    t.ok(Math.abs(sum - 1) < 1e-9 && score > 0.5, `${sum}`);
  }
  const json = await system.connect({ wire: 'json' });
  const packed = await ask(1);
  const {
    id: _own,
    ageMs: _age,
    ...plain
  } = await json.predict<string | number | boolean>('model', { legs: '1' });
  t.match(packed, plain, 'the same in JSON');
  const status = await system.caughtUp('model', seq);
  t.match(status, { task: 'multiclass', family: 'linear', learned: 90, rejected: 1 });
  const { accuracy, macroF1, logLoss, auc, meanLabel } = status.metrics.total;
  t.ok(accuracy! > 0.8 && macroF1! > 0.8 && logLoss! < 0.8, `${accuracy}, ${macroF1}, ${logLoss}`);
  t.same([auc, meanLabel], [null, null]);
});

t.test('matrix factorisation - ranks items for a user', { skip }, async (t) => {
  const model: ModelInput = { family: { ...pair, user: 'who', item: 'what' }, task: 'regression' };
  const system = await startSystem(t, { models: { model } });
  const events = Array.from({ length: 400 }, (_, at) => ({
    features: { who: at % 10, what: `w${at % 7}` },
    label: (at % 10) % 2 === (at % 7) % 2 ? 5 : 1,
  }));
  const { seq } = await system.client.learn('model', events);
  const candidates = ['w0', 'w1', 'w2', 'w3'].map((what) => ({ id: what, features: { what } }));
  const { items } = await system.client.rank('model', { context: { who: 3 }, candidates }, { minSeq: seq });
  t.same(
    items
      .slice(0, 2)
      .map(({ id }) => id)
      .sort(),
    ['w1', 'w3'],
  );
});
