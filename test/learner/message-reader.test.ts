/** MessagePack read where it lies gives what decoding gives: events, refusals and their words. */
import fc from 'fast-check';
import t from 'tap';
import { idHashOf } from '../../src/base/event-id.ts';
import type { SparseVector } from '../../src/base/sparse-vector.ts';
import { Featurizer } from '../../src/features/featurizer.ts';
import { eventsOf, learnableEvent } from '../../src/learner/events.ts';
import { MessageReader } from '../../src/learner/message-reader.ts';
import { encode, msgpackType } from '../../src/protocol/codec.ts';

const limits = { eventsPerMessageMax: 6, recentIdsMax: 10, task: 'binary' } as const;
const featurizer = new Featurizer({
  bits: 8,
  intercept: true,
  stateRows: 1,
  interactions: [],
  featuresMax: 12,
  depthMax: 3,
});

const messageOf = (data: Uint8Array) => ({
  data,
  headers: new Map([['Content-Type', msgpackType]]),
  header(name: string) {
    return this.headers.get(name);
  },
});

const words = (error: unknown): string => String(error);
const seen = ({ count, keys, values, numeric }: SparseVector) => [
  [...keys.subarray(0, count)],
  [...new Uint32Array(values.slice(0, count).buffer)],
  [...numeric.subarray(0, count)],
];

/** What became of a message: why it was refused, or each event or why that was refused. */
type Outcome = string | unknown[];

function short(data: Uint8Array, reader = new MessageReader(featurizer, limits)): Outcome {
  const vector = featurizer.vector();
  let count: number;
  try {
    count = reader.open(messageOf(data));
  } catch (error) {
    return words(error);
  }
  return Array.from({ length: count }, (_, index) => {
    try {
      const { label, weight, id } = reader.read(index, vector);
      return [label, weight, id, ...seen(vector), reader.original(index).value];
    } catch (error) {
      return [words(error), reader.original(index).value];
    }
  });
}

function long(data: Uint8Array): Outcome {
  const vector = featurizer.vector();
  let items: readonly unknown[];
  try {
    items = eventsOf(messageOf(data), limits.eventsPerMessageMax);
  } catch (error) {
    return words(error);
  }
  return items.map((item) => {
    try {
      const { label, weight, features } = learnableEvent(item, limits.task);
      featurizer.featurize(features, vector);
      return [label, weight, idHashOf((item as { id?: unknown }).id), ...seen(vector), item];
    } catch (error) {
      return [words(error), item];
    }
  });
}

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'user',
    'x.y',
    '',
    '7',
    '07',
    '__proto__',
    '_',
    'größe',
    'toString',
    'n'.repeat(40),
  ),
  fc.string({ maxLength: 6 }),
);
const number = fc.oneof(
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 2 ** 53, 1e39, Number.NaN, Number.POSITIVE_INFINITY),
);
const text = fc.oneof(fc.constantFrom('', 'x', 'ö', '\u{1f30a}', 'y'.repeat(300)), fc.string());
const { features } = fc.letrec((tie) => ({
  features: fc.dictionary(
    name,
    fc.oneof({ maxDepth: 4 }, text, number, fc.boolean(), fc.constant(null), tie('list'), tie('features')),
    {
      maxKeys: 9,
    },
  ),
  list: fc.oneof(
    fc.array(text, { maxLength: 5 }),
    fc.array(number, { maxLength: 5 }),
    fc.array(fc.oneof(text, number, fc.constant(null)), { maxLength: 3 }),
  ),
}));
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const event = fc.record(
  {
    features: fc.oneof({ weight: 9, arbitrary: features }, { weight: 1, arbitrary: fc.anything() }),
    label: fc.oneof(fc.constantFrom(0, 1, true, false), number, text, fc.constant(null)),
    weight: maybe(fc.oneof(number, text, fc.constant(null))),
    time: maybe(fc.oneof(number, text)),
    id: maybe(fc.oneof(text, number, fc.boolean())),
    other: fc.oneof(text, number, features),
  },
  { requiredKeys: [] },
);
const message = fc.oneof(event, fc.array(event, { maxLength: 8 }), fc.anything());

/** Circular and foreign values have no MessagePack. */
function encoded(value: unknown): Uint8Array | undefined {
  try {
    return encode(value, 'msgpack');
  } catch {
    return undefined;
  }
}

const isSame = (data: Uint8Array): boolean => {
  const [found, wanted] = [fc.stringify(short(data)), fc.stringify(long(data))];
  if (found !== wanted) throw new Error(`${found}\nfor ${wanted}`);
  return true;
};

t.test('any message - is read as it is decoded', async (t) => {
  const property = fc.property(message, (value) => {
    const data = encoded(value);
    return data === undefined || isSame(data);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 4_000 }));
});

t.test('any bytes - are read or refused as they are decoded', async (t) => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const property = fc.property(
    fc.array(event, { maxLength: 3 }),
    changes,
    fc.nat(3),
    (events, changed, cut) => {
      const data = encoded(events);
      if (data === undefined) return true;
      for (const [at, byte] of changed) data[at % data.length] = byte;
      return isSame(data.subarray(0, data.length - cut)) && isSame(data);
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 4_000 }));
});

t.test('names that come twice, and other forms that no encoder of ours writes', async (t) => {
  const bytes = (...parts: (number | string)[]) =>
    Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part)])));
  const withFeatures = (...parts: (number | string)[]) =>
    bytes(0x82, 0xa5, 'label', 1, 0xa8, 'features', ...parts);
  for (const data of [
    withFeatures(0x82, 0xa1, 'a', 0xa1, 'x', 0xa1, 'a', 0xa1, 'y'),
    withFeatures(0x82, 0xa1, 'a', 5, 0xa1, 'a', 0xc0),
    withFeatures(0x82, 0xa0, 5, 0xd9, 0, 7),
    withFeatures(0x81, 0xa1, 'a', 0x82, 0xa0, 5, 0xa0, 7),
    withFeatures(0x81, 0xd9, 1, 'a', 0xca, 0x3f, 0x80, 0, 0),
    withFeatures(0x81, 0xda, 0, 1, 'a', 0xcf, 0, 0, 0, 0, 0, 0, 0, 9),
    withFeatures(0xde, 0, 1, 0xa1, 'a', 0xdc, 0, 2, 1, 0xd0, 0xff),
    withFeatures(0x81, 0xa1, 'a', 0xc4, 1, 7),
    withFeatures(0x81, 5, 7),
    withFeatures(0x80),
    withFeatures(0xc0),
    bytes(0x83, 0xa5, 'label', 1, 0xa5, 'label', 0, 0xa8, 'features', 0x80),
    bytes(0x83, 0xa5, 'label', 1, 0xa8, 'features', 0x80, 0xa8, 'features', 0x81, 0xa1, 'a', 1),
    bytes(0xdc, 0, 1, 0x82, 0xa5, 'label', 1, 0xa8, 'features', 0x80),
    bytes(0x91, 0x82, 0xa5, 'label', 1, 0xa8, 'features', 0x80, 0xc0),
    bytes(0x90),
    bytes(),
    bytes(0xc1),
  ]) {
    t.ok(isSame(data), Buffer.from(data).toString('hex'));
  }
});

t.test('usual events - are not decoded', async (t) => {
  const usual = {
    features: { a: 'x', n: 1.5, bag: ['x', 'y'], user: { age: 7, on: true } },
    label: 1,
    id: 'e1',
  };
  const data = encode([usual, usual], 'msgpack');
  const reader = new MessageReader(featurizer, limits);
  const featurize = t.capture(featurizer, 'featurize', featurizer.featurize);
  t.equal(reader.open(messageOf(data)), 2);
  t.match(reader.read(1, featurizer.vector()), { label: 1, weight: 1, id: idHashOf('e1') });
  t.same(featurize(), [], 'the long way was not taken');
  t.same(reader.original(1).value, usual);
});
