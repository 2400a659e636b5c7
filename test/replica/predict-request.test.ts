import fc from 'fast-check';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { checkedInstance, predictRequest } from '../../src/replica/predict-request.ts';

const refusalOf = (body: unknown, instancesMax = 2): string => {
  try {
    predictRequest(body, instancesMax);
  } catch (error) {
    if (error instanceof MillraceError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
};

const features = { a: 1 };

t.test('a request - for one instance, or for several', async (t) => {
  t.strictSame(predictRequest({ id: 'x', features }, 2), {
    kind: 'single',
    options: {},
    instance: { id: 'x', features, time: undefined },
  });
  t.strictSame(predictRequest({ id: null, features, minSeq: null, maxAgeMs: null }, 2), {
    kind: 'single',
    options: {},
    instance: { id: undefined, features, time: undefined },
  });
  t.match(predictRequest({ features, time: 1.5 }, 2), { instance: { time: 1.5 } });
  t.strictSame(predictRequest({ id: 'x', features, explain: true, uncertainty: true }, 2).options, {
    explain: true,
    uncertainty: true,
  });
  t.strictSame(predictRequest({ features, explain: false, uncertainty: null }, 2).options, {});
  const instances = [{ features }, 'not looked at here'];
  t.strictSame(predictRequest({ instances, minSeq: 7, maxAgeMs: 0.5 }, 2), {
    kind: 'batch',
    options: { minSeq: 7, maxAgeMs: 0.5 },
    instances,
  });
});

t.test('what is wrong - is refused by the name of the field', async (t) => {
  for (const body of [null, 7, 'text', [], undefined])
    t.match(refusalOf(body), /^400 a predict request is an object/);
  t.match(refusalOf({}), /^400 features: missing/);
  t.match(refusalOf({ instances: {} }), /^400 instances: expected an array/);
  t.match(refusalOf({ instances: [1, 2, 3] }), /^413 instances: 3; at most 2/);
  for (const minSeq of [-1, 1.5, '3', 2 ** 53, Number.NaN, true, {}])
    t.match(refusalOf({ features, minSeq }), /^400 minSeq: /);
  for (const maxAgeMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, '3', []])
    t.match(refusalOf({ features, maxAgeMs }), /^400 maxAgeMs: /);
  for (const time of ['noon', Number.NaN, {}]) t.match(refusalOf({ features, time }), /^400 time: /);
  for (const explain of [1, 'yes', {}]) t.match(refusalOf({ features, explain }), /^400 explain: /);
  t.match(refusalOf({ instances: [], uncertainty: 0 }), /^400 uncertainty: expected true or false, got 0/);
  for (const id of ['', 'x'.repeat(257), 3, {}]) t.match(refusalOf({ features, id }), /^400 id: /);
  for (const item of [null, 3, [], 'x'])
    t.throws(() => checkedInstance(item), { name: 'MillraceError', kind: 'badInput' });
});

t.test('anything at all - is accepted or refused, never something else', async (t) => {
  const wild = fc.oneof(
    fc.anything(),
    fc.record({ features: fc.anything(), id: fc.anything(), minSeq: fc.anything(), maxAgeMs: fc.anything() }),
    fc.record({ instances: fc.anything(), minSeq: fc.anything() }),
  );
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(wild, (body) => refusalOf(body).length > 0),
      { numRuns: 500 },
    ),
  );
});
