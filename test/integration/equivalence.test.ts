/**
 * State = f(config, log). Whatever the batches, the shards, the wire format and the threads that die, one learner
 * leaves behind exactly what the plain loop over the same log leaves: every parameter, every count and every
 * progressive sum, compared bit for bit. Half of the events have an id that comes again, now and then long after it
 * was forgotten.
 *
 * The log decides the order: messages are published by several clients at once, and the oracle learns them in
 * the order of their sequences.
 */
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { madeEvent, madeStream, randomOf, type StreamMessage } from '../support/data.ts';
import { type Log, learnInOrder, publisherOf, sameAsLoop } from '../support/equivalence.ts';
import { availableServers, startTestServer } from '../support/nats-server.ts';
import { PlainLoop } from '../support/plain-loop.ts';
import { startSystem, systemMissing } from '../support/system.ts';

const skip = systemMissing();
// On a busy machine; a test that waits in vain says so itself, long before.
t.setTimeout(360_000);

const crosses = [
  ['city', 'day'],
  ['user', 'price'],
  ['city', 'member', 'words'],
];
const sums = [
  { name: 'mean', by: ['city'], how: 'mean' as const, bits: 6 },
  { name: 'spent', of: 'price', by: ['user.id'], how: 'sum' as const, bits: 6 },
  { name: 'recent', by: ['member'], how: 'mean' as const, window: { events: 20 }, bits: 2 },
];
type Case = readonly [
  optimizer: NonNullable<ModelInput['optimizer']>,
  shards: number,
  eventsMax: number,
  kernel: 'cpu' | 'webasm',
  switches: {
    standardize?: boolean;
    interactions?: boolean;
    intercept?: boolean;
    exactIds?: boolean;
    standardizeLabel?: boolean;
    aggregates?: boolean;
  },
  more?: ModelInput,
];

/**
 * Not every combination, but every pair of optimiser, shards, batch size; each of them with each kernel; and
 * every optimiser with and without standardisation, interactions and intercept.
 */
const cases: Readonly<Record<string, readonly Case[]>> = {
  sgd: [
    [{ name: 'sgd', learningRate: 0.05, interceptLearningRate: 0.01 }, 1, 1, 'cpu', { standardize: true }],
    [
      { name: 'sgd', learningRate: 0.002 },
      2,
      7,
      'webasm',
      { interactions: true, intercept: false },
      { task: 'regression' },
    ],
    [{ name: 'sgd', learningRate: 0.02 }, 5, 1024, 'cpu', { standardize: true, interactions: true }],
  ],
  adagrad: [
    [{ name: 'adagrad', learningRate: 0.1, interceptLearningRate: 0.03 }, 1, 7, 'webasm', {}],
    [
      { name: 'adagrad', learningRate: 0.1 },
      2,
      1024,
      'cpu',
      { standardize: true, interactions: true, intercept: false },
      { task: 'regression' },
    ],
    [{ name: 'adagrad', learningRate: 0.05 }, 5, 1, 'webasm', { standardize: true }, { loss: 'squared' }],
  ],
  nag: [
    [{ name: 'nag' }, 2, 1024, 'cpu', { interactions: true }],
    [{ name: 'nag', learningRate: 0.3 }, 5, 7, 'webasm', { intercept: false }, { task: 'regression' }],
    [{ name: 'nag' }, 1, 1, 'cpu', {}, { loss: 'squared' }],
    [{ name: 'nag', l1: 0.001, l2: 0.001 }, 3, 7, 'cpu', {}, { classWeights: { 1: 2.5 } }],
    [{ name: 'nag' }, 3, 7, 'cpu', { aggregates: true }],
  ],
  'a scaled label': [[{ name: 'nag' }, 2, 7, 'cpu', { standardizeLabel: true }, { task: 'regression' }]],
  'ids of their own': [
    [{ name: 'nag' }, 5, 7, 'cpu', { exactIds: true, interactions: true }],
    [{ name: 'sgd', learningRate: 0.05 }, 2, 1024, 'cpu', { exactIds: true, standardize: true }],
  ],
  adam: [
    [{ name: 'adam', variant: 'amsgrad', plainInterceptRate: 0.01 }, 3, 7, 'cpu', { standardize: true }],
    [{ name: 'momentum', nesterov: true, l2: 0.01 }, 2, 1024, 'webasm', {}, { task: 'regression' }],
  ],
  coin: [
    [{ name: 'coin' }, 3, 7, 'cpu', { interactions: true }],
    [{ name: 'coin' }, 2, 64, 'cpu', {}, { task: 'multiclass' }],
    [{ name: 'pistol' }, 2, 1, 'cpu', { intercept: false }, { task: 'regression' }],
  ],
  ftrl: [
    [{ name: 'ftrl', alpha: 0.2, l1: 0.3 }, 1, 1024, 'webasm', { standardize: true, interactions: true }],
    [{ name: 'ftrl', alpha: 0.05, l2: 0.1 }, 2, 1, 'webasm', { intercept: false }, { task: 'regression' }],
    [{ name: 'ftrl', alpha: 0.1, beta: 0.5 }, 5, 7, 'cpu', { standardize: true }],
  ],
};

function modelOf([optimizer, shards, eventsMax, kernel, switches, more = {}]: Case): ModelInput {
  const {
    standardize = false,
    interactions = false,
    intercept = true,
    exactIds = false,
    standardizeLabel = false,
    aggregates = false,
  } = switches;
  return {
    ...more,
    optimizer,
    kernel,
    features: {
      bits: 10,
      standardize,
      intercept,
      interactions: interactions ? crosses : [],
      // Fewer places than there are ids: some give way.
      ...(standardizeLabel && { standardizeLabel }),
      ...(exactIds && { exactIds: { of: ['user', 'words'], bits: 6, admitAfter: 2 } }),
      ...(aggregates && { aggregates: sums }),
    },
    actors: { shards },
    batch: { eventsMax },
    checkpoint: { everyEvents: 0, everyMs: 0, atStop: false },
    // Fewer than the streams repeat: ids are forgotten, and learned again.
    dedupe: { idsMax: 40 },
  };
}

const nameOf = ([optimizer, shards, eventsMax, kernel, switches, more]: Case): string => {
  const on = Object.entries(switches).map(([name, value]) => (value ? name : `no ${name}`));
  return [
    optimizer.name,
    `${shards} shards`,
    `batches of ${eventsMax}`,
    kernel,
    ...on,
    more?.task ?? 'binary',
  ].join(', ');
};

for (const [optimizer, list] of Object.entries(cases)) {
  t.test(`one learner with ${optimizer} - equals the plain loop bit for bit`, { skip }, async (t) => {
    const models = Object.fromEntries(list.map((one, at) => [`model${at}`, modelOf(one)]));
    const system = await startSystem(t, { models });
    const publisher = await publisherOf(t, system);
    // All models learn at the same time; each is then looked at by itself.
    const streamOf = (at: number) => madeStream(at + 1, 700, system.modelConfig(`model${at}`).task, 60);
    const runs = list.map((_, at) => ({ log: new Map() as Log, stream: streamOf(at) }));
    const ends = runs.map(({ log, stream }, at) => publisher.publish(`model${at}`, log, stream.messages));
    for (const [at, end] of (await Promise.all(ends)).entries()) {
      await t.test(nameOf(list[at]!), async (t) => {
        const model = `model${at}`;
        const { log, stream } = runs[at]!;
        const config = system.modelConfig(model);
        const status = await system.caughtUp(model, end);
        t.equal(status.kernels.executor, config.kernel, 'the kernel mode that was asked for really runs');
        const loop = learnInOrder(new PlainLoop(config), log);
        sameAsLoop(t, await system.stateOf(model), loop, stream);
        const { features } = madeEvent(randomOf(99), config.task);
        const served = await system.client.predict(model, features, { minSeq: end });
        t.equal(served.score, loop.score(features), 'a prediction is that of the plain loop');
      });
    }
  });
}

t.test('threads that are killed in mid-stream - leave no trace in the parameters', { skip }, async (t) => {
  const natsServer = await startTestServer(t, { binary: availableServers().at(-1)!.binary });
  const model: ModelInput = {
    ...modelOf([
      { name: 'ftrl', alpha: 0.1 },
      3,
      7,
      'cpu',
      { standardize: true, interactions: true, aggregates: true },
    ]),
    checkpoint: { everyEvents: 0, everyMs: 0, atStop: false, cutTimeoutMs: 1_000 },
  };
  const supervisor = { intensity: 100, backoffMs: 0 };
  const system = await startSystem(t, { models: { model }, natsServer, supervisor });
  const victims = ['model/learner/0', 'model/shard/0', 'model/shard/2', 'model/learner/0', 'model/shard/1'];
  const kills = 15;
  let atWork = 0;
  const publisher = await publisherOf(t, system);
  const log: Log = new Map();
  const stream = madeStream(7, 3000, 'binary', 60);
  // All of it is there before learning begins, so that every thread dies at work, and in every phase of it.
  await system.client.pause('model');
  const seq = await publisher.publish('model', log, stream.messages);
  await system.client.resume('model');
  const begin = Math.min(...log.keys());
  for (let kill = 0; kill < kills; kill++) {
    const status = await system.caughtUp('model', begin + Math.floor(((seq - begin) * kill) / (kills + 1)));
    if (status.seq < seq) atWork++;
    system.server.terminate(victims[kill % victims.length]!);
    if (kill % 4 === 3) system.server.terminate(victims[(kill + 1) % victims.length]!);
  }
  await system.caughtUp('model', seq);
  const loop = learnInOrder(new PlainLoop(system.modelConfig('model')), log);
  sameAsLoop(t, await system.stateOf('model'), loop, stream);
  const restarts = (await system.client.status()).actors.reduce((sum, actor) => sum + actor.restarts, 0);
  t.ok(restarts >= kills && atWork >= kills / 2, `${restarts} restarts, ${atWork} of ${kills} in mid-stream`);
});

t.test(
  'a batch of more rows than one message carries - goes in parts, and equals the plain loop',
  { skip },
  async (t) => {
    const { features, ...rest } = modelOf([
      { name: 'ftrl', alpha: 0.1 },
      1,
      1024,
      'cpu',
      { standardize: true },
    ]);
    const system = await startSystem(t, {
      models: { model: { ...rest, features: { ...features, bits: 17 } } },
    });
    const publisher = await publisherOf(t, system);
    const random = randomOf(3);
    const wide = (at: number) => ({
      features: { [`block${at % 24}`]: Array.from({ length: 2000 }, () => Math.round(random() * 200) / 100) },
      label: random() < 0.5,
    });
    const messages = [0, 1].map((): StreamMessage => {
      return { kind: 'events', wire: 'json', body: Array.from({ length: 48 }, (_, at) => wide(at)) };
    });
    const log: Log = new Map();
    await system.caughtUp('model', await publisher.publish('model', log, messages));
    const loop = learnInOrder(new PlainLoop(system.modelConfig('model')), log);
    const state = await system.stateOf('model');
    const bytes = state.manifest.shards[0]!.bytes;
    t.ok(bytes > 800_000, `${bytes} bytes of rows, touched by each message, are more than one message takes`);
    sameAsLoop(t, state, loop, { good: 96, bad: 0 });
  },
);
