/**
 * Events that somebody made to do harm: whatever an event is, the way from its bytes to hashed features ends, within
 * the limits, in numbers that are finite or in one error of ours that names the place.
 */
import fc from 'fast-check';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { Featurizer } from '../../src/features/featurizer.ts';
import { eventsOf, learnableEvent } from '../../src/learner/events.ts';
import { contentTypeHeader, decode, encode, msgpackType } from '../../src/protocol/codec.ts';
import { predictRequest } from '../../src/replica/predict-request.ts';

const limits = { bits: 10, intercept: true, featuresMax: 64, depthMax: 4 };
const interactions = [
  ['a', 'b'],
  ['a', 'b', 'c', 'd'],
];
const featurizer = new Featurizer({ ...limits, interactions });

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'c',
    'd',
    'a.b',
    '',
    '.',
    '__proto__',
    'constructor',
    'toString',
    'features',
    'label',
    '\u0000',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const leaf = fc.oneof(
  fc.double(),
  fc.constantFrom(1e39, -1e39, 5e-324, -0, Number.MAX_SAFE_INTEGER, 3.5e38),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(fc.double(), fc.string({ maxLength: 3 }), fc.constant(null)), { maxLength: 80 }),
);
const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    leaf,
    fc.dictionary(name, tie('value'), { maxKeys: 8 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

const isOurs = (error: unknown): boolean => error instanceof MillraceError && error.code < 500;

function check(features: unknown): boolean {
  const vector = new SparseVector(limits.featuresMax + 1);
  try {
    featurizer.featurize(features, vector);
  } catch (error) {
    return isOurs(error) && (error as MillraceError).message.length < 1_000;
  }
  if (vector.count > limits.featuresMax + 1) return false;
  for (let i = 0; i < vector.count; i++) {
    const isKey = vector.keys[i]! <= 2 ** limits.bits;
    if (!isKey || !Number.isFinite(vector.values[i]!)) return false;
  }
  return true;
}

t.test('events - any value is features within the limits, or refused by name', async () => {
  fc.assert(fc.property(anything, check), { numRuns: 700 });
});

t.test('events - on the wire, in either format, the same', async () => {
  const whole = fc.record(
    { features: anything, label: leaf, weight: leaf, time: leaf },
    { requiredKeys: [] },
  );
  const property = fc.property(
    fc.oneof(whole, fc.array(whole, { maxLength: 4 }), anything),
    fc.boolean(),
    (body, packed) => {
      const data = encode(body, packed ? 'msgpack' : 'json');
      const type = packed ? msgpackType : undefined;
      const header = (wanted: string) => (wanted === contentTypeHeader ? type : undefined);
      try {
        for (const item of eventsOf({ data, header }, 3)) {
          const { features, label, weight } = learnableEvent(item, 'binary');
          if (!Number.isFinite(label) || !(weight >= 0)) return false;
          if (!check(features)) return false;
        }
      } catch (error) {
        return isOurs(error);
      }
      return true;
    },
  );
  fc.assert(property, { numRuns: 500 });
});

t.test('predict requests - any value is a request, or refused by name', async () => {
  const body = fc.oneof(
    anything,
    fc.record(
      { id: leaf, features: anything, instances: anything, minSeq: leaf, maxAgeMs: leaf },
      { requiredKeys: [] },
    ),
  );
  const property = fc.property(body, (value) => {
    try {
      const request = predictRequest(decode(encode(value, 'json'), undefined), 16);
      return request.kind === 'single' || request.instances.length <= 16;
    } catch (error) {
      return isOurs(error);
    }
  });
  fc.assert(property, { numRuns: 500 });
});

t.test('events - interactions do not multiply past the limit', async (t) => {
  const wide = Object.fromEntries(
    ['a', 'b', 'c', 'd'].map((key) => [key, Array.from({ length: 15 }, (_, i) => `v${i}`)]),
  );
  const started = process.cpuUsage();
  t.throws(() => featurizer.featurize(wide, new SparseVector(limits.featuresMax + 1)), {
    kind: 'tooLarge',
    message: /more than 64/,
  });
  t.ok(process.cpuUsage(started).user < 1_000_000, 'refused before it is multiplied out');
});

t.test('events - no value of an event reaches a prototype', async (t) => {
  for (const format of ['json', 'msgpack'] as const) {
    const text =
      '{"features":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"label":1}';
    const data = encode(JSON.parse(text), format);
    const event = decode(data, format === 'msgpack' ? msgpackType : undefined) as { features: unknown };
    t.throws(
      () => featurizer.featurize(event.features, new SparseVector(65)),
      { message: /not allowed/ },
      format,
    );
  }
  t.equal(({} as { polluted?: number }).polluted, undefined);
});
