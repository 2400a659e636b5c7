import { mock } from 'node:test';
import t from 'tap';
import type { MillraceError } from '../../src/base/errors.ts';
import { Gate, type GateSettings } from '../../src/replica/gate.ts';
import { StreamAge } from '../../src/replica/stream-age.ts';

const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

/** A gate before a replica that the test moves by hand; answers are collected in order. */
function gateAt(more: Partial<GateSettings> = {}) {
  const view = {
    seq: 10,
    streamEnd: 10,
    leftOut: [[4, 6]] as [number, number][],
    age: 0,
    ageMs: () => view.age,
  };
  const refreshed = { end: 20, fails: false, count: 0 };
  const gate = new Gate(
    { waitMs: 500, waitersMax: 2, ...more },
    () => view,
    async () => {
      refreshed.count++;
      if (refreshed.fails) throw new Error('no broker');
      view.streamEnd = refreshed.end;
      gate.advanced();
    },
  );
  const answers: (string | number)[] = [];
  const ask = (options: { minSeq?: number; maxAgeMs?: number }) => {
    let heard = 0;
    gate.admit(options, (refusal?: MillraceError) => {
      if (++heard > 1) answers.push('answered twice');
      answers.push(refusal === undefined ? 'ok' : refusal.code);
    });
  };
  return { gate, view, refreshed, answers, ask };
}

t.beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
t.afterEach(() => mock.timers.reset());

t.test('the gate - lets at once whoever asks for what is there', async (t) => {
  const { ask, answers, refreshed } = gateAt();
  ask({});
  ask({ minSeq: 10 });
  ask({ minSeq: 0, maxAgeMs: 0 });
  t.strictSame(answers, ['ok', 'ok', 'ok']);
  t.equal(refreshed.count, 0);
});

t.test('minSeq - waits for the replica, and is answered once', async (t) => {
  const { gate, view, ask, answers } = gateAt();
  ask({ minSeq: 12 });
  ask({ minSeq: 14 });
  await settled();
  view.seq = 11;
  gate.advanced();
  t.strictSame(answers, []);
  view.seq = 13;
  gate.advanced();
  gate.advanced();
  t.strictSame(answers, ['ok']);
  mock.timers.tick(500);
  t.strictSame(answers, ['ok', 504]);
  view.seq = 14;
  gate.advanced();
  gate.close();
  t.strictSame(answers, ['ok', 504]);
});

t.test('minSeq - left out by a rollback is 409, also when the rollback comes while it waits', async (t) => {
  const { gate, view, ask, answers } = gateAt();
  for (const minSeq of [4, 6]) ask({ minSeq });
  ask({ minSeq: 3 });
  ask({ minSeq: 7 });
  t.strictSame(answers, [409, 409, 'ok', 'ok']);
  ask({ minSeq: 12 });
  view.leftOut = [[11, 15]];
  gate.advanced();
  t.strictSame(answers.slice(4), [409]);
});

t.test(
  'minSeq - beyond the stream is 400 after the end was asked for anew; at the end it waits',
  async (t) => {
    const { ask, answers, refreshed } = gateAt();
    ask({ minSeq: 21 });
    ask({ minSeq: 20 });
    t.strictSame(answers, [], 'the end as last seen is no reason');
    await settled();
    t.equal(refreshed.count, 2);
    t.strictSame(answers, [400]);
  },
);

t.test('without an answer about the end - a request waits for its time, and no longer', async (t) => {
  const { ask, answers, refreshed } = gateAt();
  refreshed.fails = true;
  ask({ minSeq: 1000 });
  await settled();
  t.strictSame(answers, []);
  mock.timers.tick(500);
  t.strictSame(answers, [504]);
});

t.test('maxAgeMs - waits until the replica is young enough; with minSeq both must hold', async (t) => {
  const { gate, view, ask, answers } = gateAt();
  view.age = 300;
  ask({ maxAgeMs: 300 });
  ask({ maxAgeMs: 299 });
  ask({ maxAgeMs: 299, minSeq: 12 });
  t.strictSame(answers, ['ok']);
  view.age = 0;
  gate.advanced();
  t.strictSame(answers, ['ok', 'ok']);
  view.seq = 12;
  view.age = 301;
  gate.advanced();
  t.strictSame(answers, ['ok', 'ok']);
  mock.timers.tick(500);
  t.strictSame(answers, ['ok', 'ok', 504]);
});

t.test('the waiting room - is bounded: 429, and free again when somebody leaves', async (t) => {
  const { gate, view, ask, answers } = gateAt();
  for (const minSeq of [11, 12, 13]) ask({ minSeq });
  t.strictSame(answers, [429]);
  view.seq = 11;
  gate.advanced();
  ask({ minSeq: 13 });
  t.strictSame(answers, [429, 'ok']);
  const closed = gateAt({ waitersMax: 0 });
  closed.ask({ minSeq: 11 });
  closed.ask({ minSeq: 10 });
  t.strictSame(closed.answers, [429, 'ok']);
});

t.test('close - answers everybody who waits with 503, once', async (t) => {
  const { gate, ask, answers } = gateAt();
  ask({ minSeq: 11 });
  ask({ maxAgeMs: 0, minSeq: 12 });
  gate.close();
  gate.close();
  mock.timers.tick(1000);
  await settled();
  t.strictSame(answers, [503, 503]);
});

t.test('age - counts from the last question about the end that the replica has caught up with', async (t) => {
  const age = new StreamAge();
  t.equal(age.ageMs(1e12), 1e12, 'nothing is known yet: no maxAgeMs is met');
  age.checked(1_000, 50, 10);
  age.checked(1_100, 60, 10);
  t.equal(age.lastSeq, 60);
  t.ok(age.ageMs(1e12) >= 1e12);
  age.reached(49);
  t.ok(age.ageMs(1e12) >= 1e12);
  age.reached(50);
  t.equal(age.ageMs(1_250), 250);
  age.reached(75);
  t.equal(age.ageMs(1_250), 150);
  t.equal(age.lastSeq, 75, 'what is held is in the stream');
  age.checked(1_200, 75, 75);
  t.equal(age.ageMs(1_250), 50);
  t.equal(age.ageMs(1_190), 0, 'a clock that steps back makes no negative age');
  age.checked(1_300, 70, 70);
  t.equal(age.lastSeq, 75);
});

t.test('age - stays right when checks pile up', async (t) => {
  const age = new StreamAge();
  for (let check = 1; check <= 5_000; check++) age.checked(check, check * 10, 0);
  age.reached(25_000);
  const known = 1e4 - age.ageMs(1e4);
  t.ok(known <= 2_500, `never younger than the truth: ${known}`);
  age.reached(50_000);
  t.equal(age.ageMs(5_000), 0, 'the newest check is never forgotten');
});
