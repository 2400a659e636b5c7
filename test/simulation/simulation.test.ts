/**
 * Goal: what must hold does, whatever dies, hangs, gets lost or fills up, and whenever.
 * Method: seeded schedules of the whole product in one thread on simulated time, network and disk
 * (docs/simulation.md); `npm run simulate` runs as many as one likes.
 */
import t from 'tap';
import { sharedBuilds } from './builds.ts';
import { type Outcome, runSchedule } from './schedule.ts';
import { runShare } from './share.ts';
import { addTotals, type Totals } from './totals.ts';

t.setTimeout(170_000);

async function outcomesOf(first: number, count: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await runShare({ first, count, stride: 1, bail: false }, (outcome) => outcomes.push(outcome));
  return outcomes;
}

t.test('simulation - seeded schedules end in the state of the plain loop', async (t) => {
  const outcomes = await outcomesOf(1, 60);
  t.equal(outcomes.length, 60);
  for (const { seed, failure } of outcomes) {
    if (failure !== undefined) t.fail(`${failure}\nreplay: npm run simulate -- --seed ${seed}`);
  }
  const totals: Totals = {};
  for (const outcome of outcomes) addTotals(totals, outcome.totals);
  const sum = (group: string) => Object.values(totals[group] ?? {}).reduce((all, one) => all + one, 0);
  t.ok(sum('faults') > 150, 'much went wrong');
  t.ok(sum('taken over') > 2, 'batches were taken over');
  t.ok(sum('versions') > 25, 'versions were made');
  t.ok(sum('epochs') > 70, 'epochs changed');
  t.ok(totals.traffic!.answered! > 500, 'predictions were answered');
});

t.test('simulation - the same seed is the same schedule, event by event', async (t) => {
  const alone = await outcomesOf(4, 1);
  const [, afterOthers, another] = await outcomesOf(3, 3);
  t.strictSame(afterOthers, alone[0]);
  t.not(another!.digest, alone[0]!.digest, 'another seed is another schedule');
});

t.test('simulation - the platform has its own time back afterwards', async (t) => {
  const before = { setTimeout, setInterval, setImmediate, now: performance.now, dateNow: Date.now };
  await runSchedule(1, sharedBuilds());
  t.strictSame({ setTimeout, setInterval, setImmediate, now: performance.now, dateNow: Date.now }, before);
});
