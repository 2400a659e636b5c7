/** Bounds on the loss and the base rate of the latest events, judged from progressive sums. */
import fc from 'fast-check';
import t from 'tap';
import { configSchema, modelSchema } from '../../config/schema.ts';
import { sums, totalsLength } from '../../src/model/metrics.ts';
import { type GuardBounds, GuardWindow } from '../../src/monitor/guard-window.ts';

const bounds = (more: Partial<GuardBounds>): GuardBounds => ({
  ...modelSchema.parse({}).guard,
  windowEvents: 100,
  ...more,
});

/** Sums to which events are added, a loss and a label for each. */
class Sums {
  readonly totals = new Float64Array(totalsLength);

  add(events: number, loss: number, label: number, weight = 1): Float64Array {
    this.totals[sums.events]! += events;
    this.totals[sums.weight]! += events * weight;
    this.totals[sums.loss]! += events * weight * loss;
    this.totals[sums.label]! += events * weight * label;
    return this.totals.slice();
  }
}

t.test('guard - nothing is bounded by default', async (t) => {
  const { guard } = modelSchema.parse({});
  t.strictSame(guard, { windowEvents: 1000 });
  t.ok(configSchema.parse({ models: { m: {} } }));
  const window = new GuardWindow(bounds({}));
  const learned = new Sums();
  window.take(1, learned.add(0, 0, 0));
  t.equal(window.take(1, learned.add(1e6, 1e9, 1)), undefined);
});

t.test(
  'guard - the figure that has left its bound is named, with the value and over how many events',
  async (t) => {
    const cases = [
      [
        { averageLossMax: 1 },
        [2, 0.5],
        { figure: 'averageLoss', bound: 'averageLossMax', value: 2, limit: 1 },
      ],
      [
        { baseRateMin: 0.2 },
        [0.1, 0.1],
        { figure: 'baseRate', bound: 'baseRateMin', value: 0.1, limit: 0.2 },
      ],
      [
        { baseRateMax: 0.2 },
        [0.1, 0.5],
        { figure: 'baseRate', bound: 'baseRateMax', value: 0.5, limit: 0.2 },
      ],
      [{ averageLossMax: 1 }, [Number.NaN, 0], { value: Number.NaN }],
    ] as const;
    for (const [bound, [loss, label], wanted] of cases) {
      const window = new GuardWindow(bounds(bound));
      const learned = new Sums();
      t.equal(window.take(1, learned.add(0, 0, 0)), undefined);
      t.equal(window.take(1, learned.add(99, loss, label, 3)), undefined, 'not before the window is full');
      const breach = window.take(1, learned.add(1, loss, label, 3))!;
      t.equal(breach.events, 100);
      t.match(
        { ...breach, value: Number(breach.value.toPrecision(12)) },
        wanted,
        'weights count, as they do in the figures',
      );
    }
  },
);

t.test('guard - what lies before the window, or in another epoch, does not count', async (t) => {
  const window = new GuardWindow(bounds({ averageLossMax: 1 }));
  const learned = new Sums();
  t.equal(window.take(1, learned.add(10_000, 50, 0)), undefined, 'it begins with what it finds');
  for (let at = 0; at < 40; at++) t.equal(window.take(1, learned.add(10, 0.5, 0)), undefined);
  t.match(window.take(1, learned.add(100, 1.2, 0)), { value: /^1\.2/ }, 'good times before do not hide it');
  window.restart();
  t.equal(window.take(1, learned.add(99, 9, 0)), undefined, 'anew, from what was known last');
  t.equal(window.take(2, learned.add(99, 9, 0)), undefined, 'an epoch begins');
  t.equal(window.take(2, learned.add(99, 9, 0)), undefined);
  t.ok(window.take(2, learned.add(1, 9, 0)));
  t.equal(window.take(2, new Sums().add(500, 9, 0)), undefined, 'sums went back: it is another history');
});

t.test('guard - however the reports fall, the window holds windowEvents or little more', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(sizes, (steps) => {
      const window = new GuardWindow(bounds({ averageLossMax: 1e-9 }));
      const learned = new Sums();
      window.take(1, learned.add(0, 0, 0));
      let total = 0;
      return steps.every((events) => {
        total += events;
        const breach = window.take(1, learned.add(events, 1, 0));
        return breach === undefined ? total < 100 : breach.events >= 100 && breach.events <= 160;
      });
    }),
  );
});
