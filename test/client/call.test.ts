import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { type Attempts, attempt } from '../../src/client/call.ts';
import { clientDefaults, serversOf } from '../../src/client/options.ts';
import { Packer } from '../../src/client/packer.ts';
import { instanceOf } from '../../src/client/predict.ts';
import { keyToken, nameOf } from '../../src/client/tokens.ts';

const attempts = (more: Partial<Attempts> = {}): Attempts => ({
  timeoutMs: 10_000,
  now: () => performance.now(),
  explain: async () => {},
  ...more,
});

t.test('attempts - each may use half of the time that is left, but no less than a second', async (t) => {
  let clock = 0;
  const given: number[] = [];
  const call = async (timeoutMs: number): Promise<never> => {
    given.push(timeoutMs);
    clock += timeoutMs;
    throw new MillraceError('deadline', 'no answer');
  };
  await t.rejects(attempt(call, attempts({ now: () => clock })), { kind: 'deadline', message: 'no answer' });
  t.same(given, [5_000, 2_500, 1_250, 1_000, 250]);
  given.length = clock = 0;
  await t.rejects(attempt(call, attempts({ now: () => clock, attemptMs: 4_000 })), { message: 'no answer' });
  t.same(given.slice(0, 2), [4_000, 3_000]);
});

t.test('attempts - what the server said outlives a last attempt that nobody answered', async (t) => {
  const silence = new MillraceError('deadline', 'no answer in time', { cause: new Error('TIMEOUT') });
  const answers = [new MillraceError('deadline', 'maxAgeMs 5 is not met'), silence];
  let count = 0;
  const call = async (): Promise<never> => {
    throw answers[Math.min(count++, 1)];
  };
  await t.rejects(attempt(call, attempts({ timeoutMs: 100 })), { message: 'maxAgeMs 5 is not met' });
  t.ok(count > 1);
  await t.rejects(
    attempt(async () => Promise.reject(silence), attempts({ timeoutMs: 100 })),
    {
      message: 'no answer in time',
    },
  );
});

t.test('attempts - only what may pass is tried again, and the reason is asked for once', async (t) => {
  for (const kind of ['badInput', 'conflict', 'tooLarge', 'overloaded', 'notFound', 'internal'] as const) {
    let count = 0;
    const call = async (): Promise<never> => {
      count += 1;
      throw new MillraceError(kind, 'no');
    };
    await t.rejects(attempt(call, attempts()), { kind, message: 'no' });
    t.equal(count, 1, kind);
  }
  let shed = 0;
  const busy = async (): Promise<string> => {
    if (++shed < 3) throw new MillraceError('overloaded', 'later');
    return 'served';
  };
  const retried = new Set(['overloaded'] as const);
  t.equal(await attempt(busy, attempts({ retried })), 'served', 'a prediction that was shed is asked again');
  shed = -1_000;
  await t.rejects(attempt(busy, attempts({ retried, timeoutMs: 50 })), { message: 'later' });
  let asked = 0;
  let count = 0;
  const result = await attempt(
    async () => {
      count += 1;
      if (count < 4) throw new MillraceError(count === 2 ? 'deadline' : 'notReady', 'later');
      return 'done';
    },
    attempts({
      explain: async () => {
        asked += 1;
      },
    }),
  );
  t.same([result, count, asked], ['done', 4, 1]);
});

t.test('packer - packs are full, or the oldest when there are too many', async (t) => {
  const packer = new Packer(2, 2);
  const event = (n: number) => ({ features: { n }, label: 1 });
  const numbers = (pack: ReturnType<Packer['add']>) => [
    pack?.key,
    ...(pack?.events ?? []).map((one) => one.features.n),
  ];
  t.equal(packer.add(event(1), 'a'), undefined);
  t.same(numbers(packer.add(event(2), 'a')), ['a', 1, 2]);
  t.equal(packer.add(event(3), 'b'), undefined);
  t.equal(packer.add(event(4), 'c'), undefined);
  t.equal(packer.add(event(5), 'd'), undefined);
  t.same(numbers(packer.add(event(6), undefined)), ['b', 3], 'four events are held at most');
  t.same(packer.takeOld(), [], 'none has waited for a whole tick');
  t.same(numbers(packer.add(event(7), 'e')), ['c', 4]);
  t.same(packer.takeOld().map(numbers), [
    ['d', 5],
    [undefined, 6],
  ]);
  t.same(numbers(packer.takeOldest()), ['e', 7]);
  t.equal(packer.takeOldest(), undefined);
});

t.test('instances - features and at most an id beside it', async (t) => {
  const instance = { id: 'x', features: { a: 1 } };
  t.equal(instanceOf(instance), instance);
  t.same(instanceOf({ a: 1 }), { features: { a: 1 } });
  const timed = { features: { a: 1 }, time: 5 };
  t.equal(instanceOf(timed), timed);
  t.same(instanceOf({ features: [1, 2] }), { features: { features: [1, 2] } });
  t.same(instanceOf({ features: { a: 1 }, more: 1 }), { features: { features: { a: 1 }, more: 1 } });
});

t.test('tokens - names are refused, keys are fitted', async (t) => {
  t.equal(nameOf('a_B-9'), 'a_B-9');
  for (const name of ['', 'a.b', 'a b', '*', 'x'.repeat(65)])
    t.throws(() => nameOf(name), { kind: 'badInput', message: /is no model name/ });
  t.equal(keyToken('user 1.*>é'), 'user_1____');
  t.equal(keyToken('x'.repeat(500)).length, 128);
  t.throws(() => keyToken(''), { kind: 'badInput', message: /the key is empty/ });
});

t.test('servers - what is named, else NATS_URL, else the usual one', async (t) => {
  t.same(serversOf('nats://a, nats://b', {}), ['nats://a', 'nats://b']);
  t.same(serversOf(['nats://a'], { NATS_URL: 'nats://c' }), ['nats://a']);
  t.same(serversOf(undefined, { NATS_URL: 'nats://c' }), ['nats://c']);
  t.same(serversOf(undefined, { NATS_URL: '' }), [clientDefaults.server]);
  t.throws(() => serversOf([], {}), { name: 'SetupError' });
});
