/** A log whose labels come later: what is learned when, and what counts. */
import fc from 'fast-check';
import t from 'tap';
import { validateModel } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';
import { type BacktestOutcome, backtest } from '../../src/backtest/backtest.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import type { EventRow } from '../../src/formats/records.ts';
import { type Row, recordOf } from '../../src/formats/row.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { dataMissing, readTable } from '../support/data.ts';

// Recorded streams are long for a busy machine.
t.setTimeout(180_000);

interface Logged {
  readonly event: LearnEvent & { readonly time: number };
  readonly labelTime?: number | undefined;
}

async function* rowsOf(log: Iterable<Logged>): AsyncGenerator<Row<EventRow>> {
  let line = 0;
  for (const { event, labelTime } of log) yield recordOf(++line, { event, record: {}, labelTime });
}

const delayed = (
  input: ModelInput,
  log: Iterable<Logged>,
  ms: number | undefined,
  more: { strict?: boolean; waitingMax?: number; notes?: string[] } = {},
): Promise<BacktestOutcome> => {
  const config = validateModel('m', { kernel: 'cpu', ...input });
  const { strict = true, waitingMax = 1000, notes = [] } = more;
  return backtest([{ name: 'm', config }], rowsOf(log), {
    strict,
    delay: { ms, waitingMax },
    note: (text) => notes.push(text),
  });
};

const small: ModelInput = {
  task: 'regression',
  optimizer: { name: 'sgd', learningRate: 0.05 },
  features: { bits: 8, standardize: true, aggregates: [{ name: 'mean', by: ['g'], how: 'mean', bits: 4 }] },
};

const anyLog: fc.Arbitrary<Logged[]> = fc.array(
  fc.record({
    event: fc.record({
      features: fc.record({ g: fc.constantFrom('a', 'b', 'c'), x: fc.integer({ min: -3, max: 3 }) }),
      label: fc.integer({ min: -5, max: 5 }),
      time: fc.integer({ min: 0, max: 60 }),
    }),
    labelTime: fc.option(fc.integer({ min: 0, max: 90 }), { nil: undefined }),
  }),
  { maxLength: 40 },
);

/**
 * Goal: the order of a log with late labels. Method: for each event the time of the stream when it is predicted (the
 * latest time so far), and when its label comes; a list of labels, sorted anew for every event.
 */
function inPlainWords(input: ModelInput, log: readonly Logged[], ms: number | undefined) {
  const model = new SequentialModel(validateModel('m', { kernel: 'cpu', ...input }));
  let waiting: { readonly event: LearnEvent; readonly arrival: number }[] = [];
  let now = Number.NEGATIVE_INFINITY;
  let error = 0;
  const learnUntil = (time: number) => {
    const due = waiting.filter(({ arrival }) => arrival <= time).sort((a, b) => a.arrival - b.arrival);
    waiting = waiting.filter(({ arrival }) => arrival > time);
    for (const { event } of due) model.step(event);
  };
  for (const { event, labelTime } of log) {
    now = Math.max(now, event.time);
    learnUntil(now);
    error += Math.abs(model.score(event.features, event.time) - Number(event.label));
    const arrival = ms === undefined ? labelTime : event.time + ms;
    if (arrival !== undefined) waiting.push({ event, arrival: Math.max(arrival, event.time) });
    learnUntil(now);
  }
  const afterEnd = waiting.length;
  learnUntil(Number.POSITIVE_INFINITY);
  return { fingerprint: model.fingerprint, mae: error / log.length, learned: model.learned, afterEnd };
}

t.test('late labels - are learned when they come, in whatever order times and labels are', async () => {
  const anyDelay = fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined });
  const property = fc.asyncProperty(anyLog, anyDelay, async (log, ms) => {
    const { models, lateLabels } = await delayed(small, log, ms);
    const { fingerprint, events, metrics } = models[0]!;
    const wanted = inPlainWords(small, log, ms);
    return (
      fingerprint === wanted.fingerprint &&
      events === wanted.learned &&
      lateLabels!.afterEnd === wanted.afterEnd &&
      lateLabels!.never === log.length - wanted.learned &&
      (log.length === 0 || Math.abs(metrics.mae! - wanted.mae) < 1e-9)
    );
  });
  await fc.assert(property, { numRuns: 200 });
});

t.test('late labels - that come at once are those of a log without delay, bit for bit', async (t) => {
  const log = Array.from({ length: 200 }, (_, n) => ({
    event: { features: { g: 'abc'[n % 3]!, x: n % 5 }, label: (n * 7) % 11, time: n * 10, id: `e${n % 150}` },
  }));
  const config = validateModel('m', { kernel: 'cpu', ...small });
  const plain = await backtest([{ name: 'm', config }], rowsOf(log), { strict: true, note: () => undefined });
  const { models } = await delayed(small, log, 0);
  t.same(models, plain.models);
  t.equal(models[0]!.duplicates, 50);
  const late = await delayed(small, log, 10_000);
  t.equal(late.models[0]!.duplicates, 50, 'an id that waits for its label is known, too');
  t.same(late.lateLabels, { waitingMost: 150, afterEnd: 150, never: 0 });
});

t.test('late labels - classes are predicted before anybody knows them', async (t) => {
  const log = Array.from({ length: 60 }, (_, n) => ({
    event: { features: { x: `${n % 3}` }, label: ['red', 'green', 'blue'][n % 3]!, time: n },
  }));
  const { models } = await delayed({ task: 'multiclass' }, log, 10);
  t.equal(models[0]!.events, 60);
  const { accuracy, averageLoss } = models[0]!.metrics;
  t.ok(accuracy! > 0.7 && accuracy! <= 50 / 60, `nothing is known before the 11th event: ${accuracy}`);
  t.ok(Number.isFinite(averageLoss));
});

t.test('late labels - what cannot wait, or cannot be learned, is said with its line', async (t) => {
  const at = (n: number, more: object = {}) => ({
    event: { features: { x: 1 }, label: 1, time: n, ...more },
  });
  await t.rejects(delayed({}, [at(1), at(2), at(3)], 100, { waitingMax: 2 }), {
    kind: 'tooLarge',
    message: /more than 2 events wait for their labels/,
  });
  await t.rejects(delayed({}, [at(1, { time: undefined })], 100), { message: /^line 1: time: missing/ });
  const notes: string[] = [];
  const log = [at(1), at(2, { label: 7 }), at(3, { features: { x: [[]] } }), at(4)];
  const { models } = await delayed({}, log as Logged[], 1, { strict: false, notes });
  t.match(models, [{ events: 2, rejected: 2 }]);
  t.match(notes, [/^line 2: label/, /^line 3: features\.x/]);
});

/** The first hour of a day is 0, as in River's `moment.hour`. */
function* bikes(): Generator<Logged> {
  const weather = ['clouds', 'humidity', 'pressure', 'temperature', 'wind'];
  for (const { moment, station, bikes, ...cells } of readTable('river/toulouse_bikes.csv.gz')) {
    const time = Date.parse(`${moment!.replace(' ', 'T')}Z`);
    const features = {
      station: station!,
      hour: new Date(time).getUTCHours(),
      ...Object.fromEntries(weather.map((name) => [name, Number(cells[name])])),
    };
    yield { event: { features, label: Number(bikes), time } };
  }
}

/**
 * Goal: River's figures for Toulouse's bikes: weather, and the mean of past bikes by station and hour. Method: the
 * whole log, without and with labels that come 30 minutes late. 2e-5 is what float32 statistics make of 182,470 steps.
 */
t.test(
  'late labels - of bikes, with their mean by station and hour, as in River',
  { skip: dataMissing('river/toulouse_bikes.csv.gz') },
  async (t) => {
    const model: ModelInput = {
      task: 'regression',
      optimizer: { name: 'sgd', learningRate: 0.001, interceptLearningRate: 0.01 },
      features: {
        bits: 10,
        standardize: true,
        ignoreLinear: ['station', 'hour'],
        aggregates: [{ name: 'mean', by: ['station', 'hour'], how: 'mean' }],
      },
    };
    for (const [minutes, expected] of [
      [0, 3.933442],
      [30, 4.233166],
    ] as const) {
      const { models } = await delayed(model, bikes(), minutes * 60_000);
      const { mae } = models[0]!.metrics;
      t.ok(Math.abs(mae! - expected) < 5e-5, `${minutes} minutes: ${mae}, River ${expected}`);
    }
  },
);
