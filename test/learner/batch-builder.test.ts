import fc from 'fast-check';
import t from 'tap';
import { fnv1a } from '../../src/base/hash.ts';
import { Featurizer } from '../../src/features/featurizer.ts';
import { Batch } from '../../src/learner/batch.ts';
import { BatchBuilder, type BuilderSettings } from '../../src/learner/batch-builder.ts';
import { learnableEvent } from '../../src/learner/events.ts';
import { ExclusionFilter } from '../../src/learner/exclusion-filter.ts';
import type { LogEntry } from '../../src/nats/channel.ts';
import { subjects } from '../shard/row-of-shards.ts';
import { entryOf, learnEntry } from './entries.ts';

const settings: BuilderSettings = {
  model: 'm',
  task: 'binary',
  partitions: 8,
  learner: 0,
  learners: 1,
  eventsMax: 4,
  eventsPerMessageMax: 5,
  featuresMax: 6,
  featuresPerMessageMax: 20,
  recentIdsMax: 100,
};
const featurizer = () =>
  new Featurizer({
    bits: 10,
    intercept: true,
    interactions: [],
    featuresMax: settings.featuresMax,
    depthMax: 2,
  });

const builderOf = (more: Partial<BuilderSettings> = {}, marks = new Float64Array(settings.partitions)) =>
  new BatchBuilder({ ...settings, ...more }, featurizer(), marks);

const good = (n: number) => ({ features: { a: n }, label: n % 2 });
const places = (batch: Batch) =>
  Array.from({ length: batch.count }, (_, at) => [batch.seqs[at], batch.indices[at]]);

t.test('an entry - is one event or an array of them, in either format', async (t) => {
  for (const format of ['json', 'msgpack'] as const) {
    const batch = new Batch();
    const builder = builderOf();
    t.strictSame(builder.take(learnEntry(5, good(1), undefined, format), batch), []);
    t.strictSame(builder.take(learnEntry(6, [good(2), good(3)], undefined, format), batch), []);
    t.strictSame(builder.take(learnEntry(7, [], undefined, format), batch), []);
    t.strictSame(places(batch), [
      [5, 0],
      [6, 0],
      [6, 1],
    ]);
    t.equal(batch.toSeq, 7);
    t.strictSame(Array.from(batch.labels.subarray(0, 3)), [1, 0, 1]);
    t.strictSame(batch.stamps, [5, 1001.25, 6, 1001.5, 7, 1001.75]);
  }
});

t.test('an event that is passed over - is neither learned nor refused, and counted', async (t) => {
  const filter = new ExclusionFilter([
    { kind: 'position', seq: 3 },
    { kind: 'position', seq: 4, index: 1 },
    { kind: 'key', value: 'k', untilSeq: 6 },
    { kind: 'feature', value: 'a=9', untilSeq: 6 },
  ]);
  const builder = new BatchBuilder(settings, featurizer(), new Float64Array(settings.partitions), filter);
  const batch = new Batch();
  const refused = [
    entryOf(3, Uint8Array.of(0xc1)),
    learnEntry(4, [good(1), { no: 'event' }, good(9), good(2)]),
    learnEntry(5, [good(1), null], 'k'),
    entryOf(6, Uint8Array.of(0xc1), subjects.label('m', 'k')),
  ].flatMap((entry) => builder.take(entry, batch));
  t.strictSame(refused, []);
  t.strictSame(places(batch), [
    [4, 0],
    [4, 3],
  ]);
  t.equal(batch.excluded, 1 + 2 + 2 + 1);
  t.equal(batch.toSeq, 6, 'all of them are done');
  t.equal(
    builder.take(learnEntry(7, [good(9)], 'k'), batch).length + batch.count,
    3,
    'later ones are learned',
  );
  batch.clear();
  t.equal(batch.excluded, 0);
});

t.test(
  'an event far ahead of the stream - is refused where the parameters go by time, and only there',
  async (t) => {
    const day = 86_400_000;
    const stamp = learnEntry(9, []).timeMs;
    const events = [stamp + day, stamp + day + 1, stamp - 1000 * day, stamp * 1000 + 2 * day].map((time) => ({
      ...good(0),
      time,
    }));
    const taken = (readsTime: boolean) => {
      const builder = new BatchBuilder(
        { ...settings, readsTime },
        featurizer(),
        new Float64Array(settings.partitions),
      );
      return builder.take(learnEntry(9, events), new Batch());
    };
    t.strictSame(
      taken(true).map(({ index }) => index),
      [1, 3],
    );
    t.match(taken(true)[0], {
      code: 400,
      reason: /^time: [\d.]+ is more than a day after the event reached the stream/,
    });
    t.strictSame(taken(false), []);
  },
);

t.test('one bad event in an array - is refused alone, with its index, its reason and itself', async (t) => {
  const batch = new Batch();
  const bad: unknown[] = [{ features: { a: 1 } }, null, { features: { a: [{}] }, label: 1 }];
  const refused = builderOf().take(learnEntry(9, [good(0), bad[0], bad[1], good(1), bad[2]]), batch);
  t.strictSame(
    refused.map(({ index }) => index),
    [1, 2, 4],
  );
  t.match(refused[0], {
    model: 'm',
    seq: 9,
    code: 400,
    reason: 'label: missing',
    original: bad[0],
    time: 1002.25,
  });
  t.equal(refused[1]!.original, null);
  t.match(refused[2]!.reason, /^features\.a: expected an array of strings or numbers/);
  t.strictSame(places(batch), [
    [9, 0],
    [9, 3],
  ]);
});

t.test('a message that cannot be taken apart - is refused whole, in base64', async (t) => {
  const cases: [LogEntry, number, RegExp][] = [
    [entryOf(1, Buffer.from('{"features"')), 400, /not valid JSON/],
    [entryOf(1, new Uint8Array(0)), 400, /empty/],
    [entryOf(1, Buffer.from('{}'), subjects.learn('m'), { 'Content-Type': 'text/csv' }), 400, /text\/csv/],
    [learnEntry(1, [1, 2, 3, 4, 5, 6]), 413, /6 events in one message; at most 5/],
    [entryOf(1, Buffer.from('{"id":"x","label":1}'), subjects.label('m')), 409, /labels need a join/],
    [entryOf(1, Buffer.from('{"id":"x","label":1}'), subjects.label('m', 'k')), 409, /labels need a join/],
  ];
  for (const [entry, code, reason] of cases) {
    const batch = new Batch();
    const refused = builderOf().take(entry, batch);
    t.match(refused, [{ seq: 1, index: 0, code, reason }]);
    t.equal(refused[0]!.original, Buffer.from(entry.data).toString('base64'));
    t.strictSame([batch.count, batch.toSeq, refused.length], [0, 1, 1]);
  }
});

t.test('control entries - move the end of the batch and nothing else', async (t) => {
  const batch = new Batch();
  t.strictSame(builderOf().take(entryOf(4, Buffer.from('{'), subjects.control('m')), batch), []);
  t.strictSame([batch.toSeq, batch.count, batch.stamps.length], [4, 0, 0]);
});

t.test(
  'limits - features of an event and of a message; what comes after an event too many is refused too',
  async (t) => {
    const wide = (n: number) => ({
      features: Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, 1])),
      label: 1,
    });
    const batch = new Batch();
    const refused = builderOf().take(learnEntry(1, [wide(6), wide(7), wide(6), wide(6), wide(1)]), batch);
    t.strictSame(
      refused.map(({ index, code }) => [index, code]),
      [
        [1, 413],
        [3, 413],
        [4, 413],
      ],
    );
    t.match(refused[1]!.reason, /more than 20 features in one message/);
    const other = new Batch();
    t.strictSame(builderOf().take(learnEntry(2, [wide(6)]), other), [], 'the next message starts anew');
  },
);

t.test('a batch - ends with the entry that fills it: by events, by messages, or by rows', async (t) => {
  const builder = builderOf();
  const filled = (entries: LogEntry[]) => {
    const batch = new Batch();
    let taken = 0;
    while (builder.accepts(batch) && taken < entries.length) builder.take(entries[taken++]!, batch);
    return taken;
  };
  const many = (body: unknown) => Array.from({ length: 9 }, (_, at) => learnEntry(at + 1, body));
  t.equal(filled(many([good(1), good(0), good(1)])), 2);
  t.equal(filled(many([])), 4);
  const rows = builderOf({ eventsMax: 100 });
  const batch = new Batch();
  let taken = 0;
  while (rows.accepts(batch))
    rows.take(learnEntry(++taken, { features: { [`f${taken}`]: 1 }, label: 1 }), batch);
  t.ok(taken <= 3, `${taken} entries make 20 / 8 rows`);
});

t.test(
  'partitions - a key goes by its hash, no key by its sequence; each entry to one learner',
  async (t) => {
    const keys = [undefined, 'a', 'b', 'user-7', 'Ünï'];
    for (const learners of [1, 2, 3]) {
      const builders = Array.from({ length: learners }, (_, learner) => builderOf({ learner, learners }));
      for (const [at, key] of keys.entries()) {
        const entry = learnEntry(at + 3, good(1), key);
        const taking = builders.map((builder) => {
          const batch = new Batch();
          builder.take(entry, batch);
          t.equal(batch.toSeq, entry.seq, 'marks pass what is not its own');
          return batch.count;
        });
        const partition = (key === undefined ? entry.seq : fnv1a(key)) % settings.partitions;
        t.strictSame(
          taking,
          builders.map((_, learner) => (learner === partition % learners ? 1 : 0)),
        );
      }
    }
  },
);

t.test('marks - what a partition holds already is skipped, a bad event in it too', async (t) => {
  const marks = new Float64Array(settings.partitions).fill(10);
  marks[3] = 19;
  const builder = builderOf({}, marks);
  const batch = new Batch();
  for (const seq of [10, 11, 12, 19, 20]) t.strictSame(builder.take(learnEntry(seq, good(1)), batch), []);
  t.strictSame(builder.take(entryOf(10, Buffer.from('{')), batch), []);
  t.same(Array.from(batch.seqs.subarray(0, batch.count)), [12, 20], '11 and 19 are of partition 3');
});

t.test('batching - any split into batches gives the same events and refusals in order', async (t) => {
  const item = fc.oneof(
    { weight: 3, arbitrary: fc.nat(20).map(good) },
    fc.constantFrom(
      null,
      {},
      { features: { a: 'x' }, label: 3 },
      { features: { a: Number.MAX_VALUE }, label: 0 },
    ),
  );
  const message = fc.oneof(item, fc.array(item, { maxLength: 6 }));
  const run = (messages: unknown[], eventsMax: number) => {
    const builder = builderOf({ eventsMax });
    const story: unknown[] = [];
    const batch = new Batch();
    const flush = () => {
      for (let at = 0; at < batch.count; at++) {
        const [from, to] = [batch.offsets[at]!, batch.offsets[at + 1]!];
        const keys = Array.from(batch.rows.subarray(from, to), (row) => batch.keys.keys[row]);
        story.push([
          batch.seqs[at],
          batch.indices[at],
          batch.labels[at],
          keys,
          Array.from(batch.values.subarray(from, to)),
        ]);
      }
      batch.clear();
    };
    const refused: unknown[] = [];
    for (const [at, body] of messages.entries()) {
      if (!builder.accepts(batch)) flush();
      refused.push(...builder.take(learnEntry(at + 1, body), batch));
    }
    flush();
    return fc.stringify([story, refused]);
  };
  const property = fc.property(
    fc.array(message, { maxLength: 12 }),
    fc.nat(20),
    (messages, eventsMax) => run(messages, eventsMax + 1) === run(messages, 1000),
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});

t.test('an event - is checked field by field', async (t) => {
  const features = {};
  t.strictSame(learnableEvent({ features, label: true }, 'binary'), {
    features,
    label: 1,
    weight: 1,
    time: undefined,
  });
  const weightOf = (label: unknown, weight?: number) =>
    learnableEvent({ features, label, weight }, 'binary', { 1: 5 }).weight;
  t.same(
    [weightOf(1), weightOf(true, 0.5), weightOf(0), weightOf(false, 3)],
    [5, 2.5, 1, 3],
    'classes weigh',
  );
  t.throws(() => weightOf(1, 3e38), { kind: 'badInput', message: /weight: expected a number/ });
  t.equal(learnableEvent({ features, label: 'toString' }, 'multiclass', { red: 2 }).weight, 1);
  t.equal(learnableEvent({ features, label: 'red', weight: 2 }, 'multiclass', { red: 2 }).weight, 4);
  t.strictSame(learnableEvent({ features, label: 0, weight: 0, time: null }, 'binary'), {
    features,
    label: 0,
    weight: 0,
    time: undefined,
  });
  t.strictSame(learnableEvent({ features, label: -2.5, weight: null, time: 5 }, 'regression'), {
    features,
    label: -2.5,
    weight: 1,
    time: 5,
  });
  const refused = (item: unknown, task: 'binary' | 'regression', reason: RegExp) =>
    t.throws(() => learnableEvent(item, task), { name: 'MillraceError', kind: 'badInput', message: reason });
  for (const item of [null, 3, 'x', [], undefined]) refused(item, 'binary', /^an event is an object/);
  refused({ label: 1 }, 'binary', /^features: missing/);
  for (const label of [undefined, null]) refused({ features, label }, 'regression', /^label: missing/);
  for (const label of [2, -1, 0.5, '1', [], Number.NaN])
    refused({ features, label }, 'binary', /^label: expected 0, 1/);
  for (const label of ['1', true, Number.NaN, 1e39, {}])
    refused({ features, label }, 'regression', /^label: expected a finite/);
  for (const weight of [-1, Number.NaN, 1e39, '1', true])
    refused({ features, label: 1, weight }, 'binary', /^weight: /);
  for (const time of ['now', Number.NaN, {}]) refused({ features, label: 1, time }, 'binary', /^time: /);
});
