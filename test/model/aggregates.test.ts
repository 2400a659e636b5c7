/** One group's slots against lists of what was observed. */
import fc from 'fast-check';
import t from 'tap';
import type { AggregateConfig } from '../../config/schema.ts';
import { modelSchema } from '../../config/schema.ts';
import { Aggregate } from '../../src/model/aggregates.ts';

type Input = Partial<AggregateConfig> & Pick<AggregateConfig, 'how'>;

const configOf = (input: object): AggregateConfig =>
  modelSchema.parse({ features: { aggregates: [{ name: 'a', by: [], ...input }] } }).features.aggregates![0]!;

/** A group that lies in rows of float32. */
function groupOf(input: Input | object) {
  const aggregate = new Aggregate(configOf(input));
  const row = new Float32Array(aggregate.slots);
  const slots = {
    get: (slot: number) => row[slot]!,
    set: (slot: number, value: number) => {
      row[slot] = value;
    },
  };
  return {
    row,
    aggregate,
    observe: (number: number, time = 0) => aggregate.observe(slots, time, number),
    value: (time = 0) => aggregate.value(slots, time),
  };
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
const near = (got: number, wanted: number) => Math.abs(got - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted));
const resultOf = (how: AggregateConfig['how'], numbers: readonly number[]): number => {
  if (how === 'count') return numbers.length;
  if (how === 'sum') return sumOf(numbers);
  return numbers.length === 0 ? 0 : sumOf(numbers) / numbers.length;
};

const anyHow = fc.constantFrom<AggregateConfig['how']>('count', 'sum', 'mean');
// Float32, so that sums are exact to 48 bits.
const anyNumber = fc.float({ min: -1000, max: 1000, noNaN: true });

t.test('aggregate - of all earlier events', async (t) => {
  const property = fc.property(anyHow, fc.array(anyNumber, { maxLength: 60 }), (how, numbers) => {
    const { observe, value } = groupOf({ how });
    for (const [at, number] of numbers.entries()) {
      if (!near(value(), resultOf(how, numbers.slice(0, at)))) return false;
      observe(number);
    }
    return near(value(), resultOf(how, numbers));
  });
  fc.assert(property);
  const mean = groupOf({ how: 'mean', prior: { value: 0.2, weight: 10 } });
  t.equal(mean.value(), 0.2, 'a mean begins at its prior');
  mean.observe(1);
  t.ok(near(mean.value(), 3 / 11));
  t.equal(groupOf({ how: 'mean', prior: { value: 5 } }).value(), 5, 'also one that counts for nothing');
});

/**
 * Goal: a sum that float32 alone would lose. Method: small numbers on top of a large one; 2^20 of 2^-10 are 2^10,
 * each of which is less than half a unit in the last place of 2^24.
 */
t.test('aggregate - a sum is good to 48 bits', async (t) => {
  const sum = groupOf({ how: 'sum' });
  sum.observe(2 ** 24);
  for (let i = 0; i < 2 ** 20; i++) sum.observe(2 ** -10);
  t.equal(sum.value(), 2 ** 24 + 2 ** 10);
});

t.test('aggregate - stands still where float32 cannot count on, and never holds an infinity', async (t) => {
  const mean = groupOf({ how: 'mean' });
  mean.row.set([2 ** 24 - 1, 0, 0]);
  mean.observe(3);
  t.same([...mean.row], [2 ** 24, 3, 0]);
  mean.observe(5);
  t.same([...mean.row], [2 ** 24, 3, 0]);
  const sum = groupOf({ how: 'sum' });
  for (let i = 0; i < 3; i++) sum.observe(3e38);
  t.equal(sum.value(), 3.4028234663852886e38);
  t.ok(sum.row.every(Number.isFinite));
});

t.test('aggregate - of the last events, which it forgets bucket by bucket', async (t) => {
  const property = fc.property(
    anyHow,
    fc.integer({ min: 2, max: 30 }),
    fc.integer({ min: 2, max: 5 }),
    fc.array(anyNumber, { maxLength: 90 }),
    (how, events, buckets, numbers) => {
      const { observe, value } = groupOf({ how, window: { events, buckets } });
      const size = Math.ceil(events / buckets);
      return numbers.every((number, at) => {
        observe(number);
        const count = at + 1;
        const full = size * buckets;
        const kept = count <= full ? count : full - size + ((count - 1) % size) + 1;
        return near(value(), resultOf(how, numbers.slice(count - kept, count)));
      });
    },
  );
  fc.assert(property, { numRuns: 300 });
  const { observe, value } = groupOf({ how: 'count', window: { events: 1000 } });
  const seen: number[] = [];
  for (let i = 0; i < 5000; i++) {
    observe(0);
    seen.push(value());
  }
  t.same([Math.min(...seen.slice(1000)), Math.max(...seen)], [876, 1000], 'as docs/protocol.md says');
});

/**
 * Goal: windows of stream time, whatever order times come in. Method: a list of what was taken in; taken in is what is
 * no older than the window that ends with the newest time so far; an event's window ends with its own bucket or, where
 * newer ones are there, is what is left of it.
 */
t.test('aggregate - of the last milliseconds of the stream', async () => {
  const anyTime = fc.oneof(
    fc.integer({ min: 0, max: 400 }),
    fc.integer({ min: -300, max: 0 }),
    fc.constantFrom(1_700_000_000_000, 1_700_000_000_050, 8e12),
  );
  const anyEvent = fc.record({ number: anyNumber, time: anyTime });
  const anyEvents = fc.oneof(
    fc.array(anyEvent, { maxLength: 50 }),
    fc.array(anyEvent, { maxLength: 50 }).map((events) => events.sort((a, b) => a.time - b.time)),
  );
  const property = fc.property(
    anyHow,
    fc.integer({ min: 2, max: 100 }),
    fc.integer({ min: 2, max: 6 }),
    anyEvents,
    (how, ms, buckets, events) => {
      const { observe, value } = groupOf({ how, window: { ms, buckets } });
      const width = Math.ceil(ms / buckets);
      const bucketOf = (time: number) => Math.floor(time / width);
      const taken: { number: number; bucket: number }[] = [];
      let newest = Number.NEGATIVE_INFINITY;
      return events.every(({ number, time }) => {
        const bucket = bucketOf(time);
        const inWindow = taken.filter((one) => one.bucket > Math.max(newest, bucket) - buckets);
        const isRight = near(
          value(time),
          resultOf(
            how,
            inWindow.map((one) => one.number),
          ),
        );
        observe(number, time);
        if (bucket > newest - buckets) taken.push({ number, bucket });
        newest = Math.max(newest, bucket);
        return isRight;
      });
    },
  );
  fc.assert(property, { numRuns: 500 });
});

t.test('aggregate - a time that no bucket can have is refused by name', async (t) => {
  const { aggregate } = groupOf({ how: 'count', window: { ms: 8 } });
  t.doesNotThrow(() => aggregate.checkTime(1.7e12));
  t.throws(() => aggregate.checkTime(1e15), {
    message: 'time: 1000000000000000 is out of range for aggregate a',
  });
  t.doesNotThrow(() => groupOf({ how: 'count' }).aggregate.checkTime(1e300));
});
