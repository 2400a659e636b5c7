import t from 'tap';
import { validateModel } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import type { Channel, LogEntry } from '../../src/nats/channel.ts';
import { encode } from '../../src/protocol/codec.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { largestWeights } from '../../src/replica/event-weights.ts';
import { Insight } from '../../src/replica/insight.ts';

const subjects = subjectsOf('mill');
const provenance = { model: 'm', version: 1, seq: 5, ageMs: 0 };

/** A stream of these messages (undefined: gone), and a model that has learned their events. */
function world(messages: readonly unknown[], input: ModelInput = {}, firstSeq = 1) {
  const config = validateModel('m', {
    kernel: 'cpu',
    optimizer: { name: 'sgd', learningRate: 0.5 },
    ...input,
  });
  const built = buildModel(config);
  const model = new SequentialModel(config);
  for (const event of messages.flat()) if (event instanceof Object) model.learn(event);
  let looks = 0;
  const channel = {
    streamState: async () => ({ firstSeq, lastSeq: messages.length }),
    entryAt: async (_stream: string, seq: number): Promise<LogEntry | undefined> => {
      looks++;
      const body = messages[seq - 1];
      if (body === undefined) return undefined;
      const isControl = body === 'control';
      const data = body instanceof Uint8Array ? body : encode(body, 'json');
      const subject = isControl ? subjects.control('m') : subjects.learn('m', seq % 2 ? 'key' : undefined);
      return { seq, subject, data, timeMs: 0, pending: 0, header: () => undefined };
    },
  } as unknown as Channel;
  const insight = new Insight(built, { contributionsMax: 10 });
  const state = () => ({ table: model.table, provenance });
  return {
    weights: (top: number, events: number) =>
      largestWeights({ channel, subjects, model: 'm', insight, state }, { top, events }),
    looks: () => looks,
    model,
  };
}

const event = (features: object, label: number) => ({ features, label });

t.test('weights - the largest by name, whatever their sign, from single events and arrays', async (t) => {
  const messages = [
    event({ city: 'Köln', old: 1 }, 1),
    [event({ city: 'Bonn' }, 0), event({ city: 'Bonn', hour: 2 }, 0)],
    'control',
    event({ city: 'Köln' }, 1),
  ];
  const { weights, model } = world(messages);
  const found = await weights(3, 100);
  t.match(found, { ...provenance, events: 4, rows: 5 });
  t.equal(found.weights.length, 3);
  const sizes = found.weights.map(({ weight }) => Math.abs(weight));
  t.strictSame(
    sizes,
    sizes.toSorted((left, right) => right - left),
  );
  const all = (await weights(1000, 100)).weights;
  t.strictSame(
    new Set(all.map(({ name }) => name)),
    new Set(['city=Köln', 'city=Bonn', 'hour', 'old', '(intercept)']),
  );
  for (const { name, weight } of all.filter(({ name }) => name.startsWith('city'))) {
    const [, { key }] = model.keysOf({ city: name.slice(5) }) as [unknown, { key: number }];
    t.equal(weight, model.table[key], name);
  }
});

t.test('weights - look at the latest events only, and at as many messages', async (t) => {
  const messages = Array.from({ length: 100 }, (_, i) => event({ city: `c${i}` }, 1));
  const { weights, looks } = world(messages);
  const names = (await weights(1000, 3)).weights.map(({ name }) => name);
  t.strictSame(new Set(names), new Set(['city=c99', 'city=c98', 'city=c97', '(intercept)']));
  t.equal(looks(), 3);
  const arrays = world([messages.slice(0, 50), messages.slice(50)]);
  t.match(await arrays.weights(1, 3), { events: 3, rows: 4 });
});

t.test('weights - pass over what is gone, cannot be read or cannot be learned', async (t) => {
  const bad = [Uint8Array.of(0xff), event({ a: [1, 'x'] }, 1), { label: 1 }, [3, null], undefined];
  const { weights } = world([event({ ok: 1 }, 1), ...bad], {}, 1);
  t.match((await weights(10, 100)).weights.map(({ name }) => name).sort(), ['(intercept)', 'ok']);
  t.match(await world([undefined, undefined], {}, 3).weights(10, 100), { events: 0, weights: [] });
});

t.test('weights - features that share a row are told together', async (t) => {
  const tags = Array.from({ length: 600 }, (_, i) => `w${i}`);
  const found = await world([event({ tags }, 1)], { features: { bits: 8 } }).weights(1000, 10);
  t.ok(found.rows <= 257);
  t.ok(found.weights.some(({ also }) => also !== undefined));
  t.ok(found.weights.every(({ also = [] }) => also.length <= 8));
});

t.test('weights - of exact ids and aggregates have names too', async (t) => {
  const messages = Array.from({ length: 6 }, (_, i) => event({ city: `c${i % 2}`, hour: i }, i % 2));
  const features = {
    exactIds: { of: ['city'] },
    aggregates: [{ name: 'rate', by: ['city'], how: 'mean' as const }],
  };
  const { weights } = await world(messages, { features }).weights(100, 100);
  t.strictSame(
    new Set(weights.map(({ name }) => name)),
    new Set(['city=c0', 'city=c1', 'hour', 'rate', '(intercept)']),
  );
  t.ok(weights.every(({ weight }) => weight !== 0));
});

t.test('weights - of a model whose scores are no sum of them are refused by name', async (t) => {
  const input: ModelInput = { family: { name: 'network' }, optimizer: { name: 'adagrad' } };
  await t.rejects(world([event({ a: 1 }, 1)], input).weights(10, 10), {
    code: 400,
    message: 'weights: not there for a network',
  });
});
