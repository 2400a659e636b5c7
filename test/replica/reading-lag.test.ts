import t from 'tap';
import { ReadingLag } from '../../src/replica/reading-lag.ts';

const settled = async () => {
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
};

function lagAt() {
  const clock = { nowMs: 1_000 };
  const pings: PromiseWithResolver[] = [];
  interface PromiseWithResolver {
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }
  const ping = () =>
    new Promise<void>((resolve, reject) => {
      pings.push({ resolve, reject });
    });
  return { clock, pings, lag: new ReadingLag(ping, () => clock.nowMs) };
}

t.test('reading lag - is the round trip of a ping, and no less than how long one is under way', async (t) => {
  const { clock, pings, lag } = lagAt();
  t.equal(lag.ms(), 0);
  clock.nowMs += 30;
  t.equal(lag.ms(), 30);
  t.equal(pings.length, 1, 'one at a time');
  clock.nowMs += 270;
  pings[0]!.resolve();
  await settled();
  t.equal(pings.length, 2, 'a long wait is looked at again at once, also when no request comes any more');
  t.equal(lag.ms(), 300, 'what is read next waited as long');
  clock.nowMs += 2;
  pings[1]!.resolve();
  await settled();
  t.equal(lag.ms(), 2);
});

t.test(
  'reading lag - a short wait is not asked for again at once; without a broker there is none',
  async (t) => {
    const { clock, pings, lag } = lagAt();
    lag.ms();
    clock.nowMs += 1;
    pings[0]!.resolve();
    await settled();
    for (let i = 0; i < 100; i++) lag.ms();
    t.equal(pings.length, 1);
    clock.nowMs += 50;
    lag.ms();
    t.equal(pings.length, 2);
    clock.nowMs += 500;
    pings[1]!.reject(new Error('disconnected'));
    await settled();
    t.equal(lag.ms(), 0);
  },
);

t.test('reading lag - a wait of before a pause is not that of the request after it', async (t) => {
  const { clock, pings, lag } = lagAt();
  lag.ms();
  clock.nowMs += 40;
  pings[0]!.resolve();
  await settled();
  clock.nowMs += 60;
  t.equal(lag.ms(), 40, 'soon after, it is the best that is known');
  clock.nowMs += 30;
  pings[1]!.resolve();
  await settled();
  clock.nowMs += 3_600_000;
  t.equal(lag.ms(), 0);
});
