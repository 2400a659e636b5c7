import { PassThrough } from 'node:stream';
import t from 'tap';
import { BaseRate } from '../../demo/base-rate.ts';
import { demoConfig, frozenModel, liveModel, tenthOf } from '../../demo/config.ts';
import { displayOn, fixed } from '../../demo/display.ts';
import { Endings } from '../../demo/endings.ts';
import { optionsOf } from '../../demo/options.ts';
import { paced } from '../../demo/pace.ts';
import { SetupError } from '../../src/base/errors.ts';

t.test('options - defaults, all, and a folder to keep', async (t) => {
  t.same(optionsOf([]), { events: 300_000, rate: 12_000, json: false, data: undefined });
  t.equal(optionsOf(['--all'])?.events, 3_000_000);
  t.match(optionsOf(['--events', '5_000', '--json', '--rate', '0', '--data', '/kept']), {
    events: 5000,
    rate: 0,
    json: true,
    data: '/kept',
  });
  t.equal(optionsOf(['--help']), undefined);
});

t.test('options - refused by name', async (t) => {
  for (const argv of [
    ['--events', 'many'],
    ['--events', '10'],
    ['--events', '4000000'],
    ['--rate', '-1'],
    ['--all', '--events', '5000'],
    ['--evnets', '5000'],
  ]) {
    t.throws(() => optionsOf(argv), SetupError, argv.join(' '));
  }
  t.throws(() => optionsOf(['--events', 'many']), /--events: expected a whole number, got "many"/);
});

t.test('config - two models of one definition, and a window over all that is scored', async (t) => {
  const config = demoConfig({ events: 300_000, data: undefined }, 'somewhere');
  const live = config.models[liveModel]!;
  const frozen = config.models[frozenModel]!;
  t.same({ ...live, actors: 0 }, { ...frozen, actors: 0 });
  t.equal(config.metrics.windowEvents, 270_000);
  t.equal(tenthOf(300_000), 30_000);
  t.equal(config.nats.embedded.port, 0, 'on a free port');
});

t.test('base rate - predicts before it learns, and is scored after the first part', async (t) => {
  const base = new BaseRate(2);
  base.add(true);
  base.add(false);
  t.equal(base.logLoss, null);
  base.add(true);
  t.equal(base.logLoss, Math.log(2), 'one of two were late so far');
  base.add(false);
  t.ok(Math.abs(base.logLoss! - (Math.log(2) - Math.log(1 - 3 / 5)) / 2) < 1e-12);
});

t.test('pace - holds the rate, and does not make up for a long pause', async (t) => {
  let nowMs = 0;
  const pace = {
    perSecond: 1000,
    now: () => nowMs,
    wait: async (ms?: number) => {
      nowMs += ms!;
    },
  };
  let seen = 0;
  for await (const item of paced(counting(1000), { ...pace, wait: pace.wait as never })) {
    seen += 1;
    if (item === 499) nowMs += 10_000;
  }
  t.equal(seen, 1000);
  t.ok(nowMs >= 10_900 && nowMs <= 11_000, `a thousand at 1000/s and a pause of 10 s took ${nowMs} ms`);
});

t.test('pace - a rate of 0 lets everything through', async (t) => {
  const never = () => t.fail('nothing to wait for');
  let seen = 0;
  for await (const _ of paced(counting(100), { perSecond: 0, now: () => 0, wait: never as never })) seen += 1;
  t.equal(seen, 100);
});

t.test('display - plain lines without a terminal, one every few seconds', async (t) => {
  const stream = new PassThrough();
  let nowMs = 0;
  const display = displayOn(stream as unknown as NodeJS.WriteStream, 1000, () => nowMs);
  const progress = {
    learned: 500,
    eventsPerSecond: 12_345.6,
    logLoss: 0.4321,
    auc: null,
    frozenLogLoss: 0.6,
    frozenAuc: 0.65,
    constantLogLoss: 1.25,
  };
  display.update(progress);
  display.update(progress);
  display.note('Something happened.');
  nowMs = 3_000;
  display.update({ ...progress, learned: 1000 });
  display.stop();
  const lines = String(stream.read()).trimEnd().split('\n');
  t.equal(lines.length, 3);
  t.equal(lines[0], '50% learned, 12346/s  log loss .432, frozen .600, base 1.250 | AUC --, frozen .650');
  t.equal(lines[1], 'Something happened.');
  t.equal(fixed(null), '--');
});

t.test('endings - in reverse, once, whatever fails', async (t) => {
  const ended: string[] = [];
  const endings = new Endings();
  endings.add(async () => ended.push('first'));
  endings.add(async () => {
    ended.push('second');
    throw new Error('broken');
  });
  const [failures, again] = await Promise.all([endings.endAll(), endings.endAll()]);
  t.match(failures, [{ message: 'broken' }]);
  t.equal(failures, again);
  t.same(ended, ['second', 'first']);
  endings.add(async () => ended.push('late'));
  t.same(ended, ['second', 'first', 'late'], 'ended at once');
});

async function* counting(count: number): AsyncGenerator<number> {
  for (let item = 0; item < count; item++) yield item;
}
