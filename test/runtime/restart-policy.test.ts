import fc from 'fast-check';
import t from 'tap';
import { decideRestart, type RestartHistory } from '../../src/runtime/restart-policy.ts';

const limits = { intensity: 3, periodMs: 1000, backoffMs: 50, backoffMaxMs: 120 };

t.test('restart policy - the wait doubles with each restart in the period, up to its cap', async (t) => {
  let history: RestartHistory = [];
  const waits: number[] = [];
  for (const nowMs of [0, 100, 200]) {
    const decision = decideRestart(limits, history, nowMs);
    if (decision.kind !== 'restart') throw new Error('given up too early');
    waits.push(decision.waitMs);
    history = decision.history;
  }
  t.same(waits, [50, 100, 120]);
  t.same(history, [0, 100, 200]);
});

t.test('restart policy - one more than the intensity within the period is given up', async (t) => {
  t.same(decideRestart(limits, [0, 100, 200], 999), { kind: 'giveUp', restartsInPeriod: 3 });
});

t.test('restart policy - what lies a period back is forgotten', async (t) => {
  t.same(decideRestart(limits, [0, 100, 200], 1000), {
    kind: 'restart',
    waitMs: 120,
    history: [100, 200, 1000],
  });
  t.same(decideRestart(limits, [0, 100, 200], 5000), { kind: 'restart', waitMs: 50, history: [5000] });
});

t.test('restart policy - intensity 0 never restarts', async (t) => {
  t.same(decideRestart({ ...limits, intensity: 0 }, [], 0), { kind: 'giveUp', restartsInPeriod: 0 });
});

t.test('restart policy - no window of one period ever holds more restarts than the intensity', async (t) => {
  const gaps = fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 0, max: 6 }), (gapsMs, intensity) => {
      let history: RestartHistory = [];
      let nowMs = 0;
      const restarts: number[] = [];
      for (const gapMs of gapsMs) {
        nowMs += gapMs;
        const decision = decideRestart({ ...limits, intensity }, history, nowMs);
        if (decision.kind === 'giveUp') continue;
        history = decision.history;
        restarts.push(nowMs);
      }
      return restarts.every((time, at) => {
        const laterOnes = restarts.slice(at).filter((later) => later < time + limits.periodMs);
        return laterOnes.length <= intensity;
      });
    }),
  );
  t.pass('holds for every sequence tried');
});
