/** The learner's data structures against plain maps and lists, over many uses and growths. */
import v8 from 'node:v8';
import vm from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { Batch } from '../../src/learner/batch.ts';
import { EntryQueue } from '../../src/learner/entry-queue.ts';
import { RowNumbers } from '../../src/learner/row-numbers.ts';
import { entryOf } from './entries.ts';

t.test('row numbers - are those of a map, over many clears and growths', async (t) => {
  const numbers = new RowNumbers();
  const key = fc.oneof(
    fc.nat(40),
    fc.nat(2 ** 26),
    fc.nat(3).map((high) => high * 2 ** 24),
  );
  const property = fc.property(fc.array(key, { maxLength: 300 }), (keys) => {
    numbers.clear();
    const oracle = new Map<number, number>();
    for (const key of keys) {
      if (!oracle.has(key)) oracle.set(key, oracle.size);
      if (numbers.numberOf(key) !== oracle.get(key)) return false;
    }
    const distinct = Array.from(numbers.keys.subarray(0, numbers.count));
    return distinct.join() === [...oracle.keys()].join();
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  numbers.clear();
  for (let round = 0; round < 2; round++) {
    for (let key = 0; key < 50_000; key++) {
      if (numbers.numberOf(key * 64) !== key) t.fail(`key ${key * 64} in round ${round}`);
    }
  }
  t.equal(numbers.count, 50_000);
  numbers.clear();
  t.equal(numbers.numberOf(64), 0, 'nothing is left of it after a clear');
});

const event = fc.record({
  features: fc.uniqueArray(fc.tuple(fc.nat(500), fc.integer({ min: -9, max: 9 })), {
    selector: ([key]) => key,
    maxLength: 40,
  }),
  label: fc.integer(),
  weight: fc.nat(),
});

t.test('a batch - holds its events as a list would, over many clears and growths', async (t) => {
  const batch = new Batch();
  const vector = new SparseVector(64);
  const property = fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    batch.clear();
    for (const [at, { features, label, weight }] of events.entries()) {
      vector.clear();
      for (const [key, value] of features) vector.add(key, value, (key % 2) as 0 | 1);
      batch.add(
        vector,
        { label, weight, time: undefined },
        { seq: at + 7, index: at, timeMs: at / 2 },
        { value: features },
        [at % 2, at],
      );
    }
    for (const [at, { features, label, weight }] of events.entries()) {
      const [from, to] = [batch.offsets[at]!, batch.offsets[at + 1]!];
      const read = Array.from({ length: to - from }, (_, i) => [
        batch.keys.keys[batch.rows[from + i]!],
        batch.values[from + i],
        batch.numeric[from + i],
      ]);
      const id = Array.from(batch.ids.subarray(2 * at, 2 * at + 2));
      const wanted = features.map(([key, value]) => [key, value, key % 2]);
      const facts = [
        batch.labels[at],
        batch.weights[at],
        batch.seqs[at],
        batch.indices[at],
        batch.times[at],
        id,
      ];
      const isRight =
        fc.stringify(read) === fc.stringify(wanted) &&
        fc.stringify(facts) === fc.stringify([label, weight, at + 7, at, at / 2, [at % 2, at]]) &&
        batch.originals[at]!.value === features;
      if (!isRight) return false;
    }
    const distinct = new Set(events.flatMap(({ features }) => features.map(([key]) => key)));
    if (batch.idCount !== events.length) return false;
    return batch.count === events.length && batch.keys.count === distinct.size;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  batch.clear();
  vector.clear();
  for (let key = 0; key < 50; key++) vector.add(key, key, 1);
  for (let at = 0; at < 3_000; at++)
    batch.add(
      vector,
      { label: at, weight: 1, time: undefined },
      { seq: at, index: 0, timeMs: 0 },
      { value: at },
      [1, at],
    );
  t.equal(batch.labels[2_999], 2_999);
  t.equal(batch.offsets[3_000], 150_000);
  t.equal(batch.values[149_999], 49);
  t.equal(batch.labels[0], 0);
});

t.test('the queue - gives entries in order, and is full by count or by bytes', async (t) => {
  const steps = fc.array(fc.oneof(fc.nat(30), fc.constant('shift' as const)), { maxLength: 100 });
  const property = fc.property(steps, (steps) => {
    const queue = new EntryQueue(5, 40);
    const oracle: Uint8Array[] = [];
    for (const step of steps) {
      if (step !== 'shift') {
        const entry = entryOf(oracle.length, new Uint8Array(step));
        queue.push(entry);
        oracle.push(entry.data);
      } else if (oracle.length > 0 && queue.shift().data !== oracle.shift()) return false;
      const bytes = oracle.reduce((sum, data) => sum + data.length, 0);
      if (queue.length !== oracle.length || queue.full !== (oracle.length >= 5 || bytes >= 40)) return false;
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property));
  t.throws(() => new EntryQueue(1, 1).shift(), InvariantError);
});

t.test('the queue - makes its reader wait while it is full, and wakes who waits for it', async (t) => {
  const queue = new EntryQueue(2, 100);
  const story: string[] = [];
  const reader = (async () => {
    for (let seq = 1; seq <= 5; seq++) {
      queue.push(entryOf(seq, new Uint8Array(1)));
      story.push(`read ${seq}`);
      await queue.room();
    }
  })();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  t.strictSame(story, ['read 1', 'read 2']);
  t.equal(queue.shift().seq, 1);
  await turn();
  t.strictSame(story, ['read 1', 'read 2', 'read 3']);
  for (const seq of [2, 3, 4, 5]) {
    if (queue.length === 0) await queue.wakeUp();
    t.equal(queue.shift().seq, seq);
    await turn();
  }
  await reader;
  const woken = queue.wakeUp();
  queue.wake();
  await woken;
});

t.test('the queue - lets go of what was taken, also when it never runs empty', async (t) => {
  v8.setFlagsFromString('--expose_gc');
  const collectGarbage = vm.runInNewContext('gc') as () => void;
  const queue = new EntryQueue(8, 1e6);
  const taken: WeakRef<object>[] = [];
  queue.push(entryOf(0, new Uint8Array(10)));
  for (let seq = 1; seq <= 100; seq++) {
    queue.push(entryOf(seq, new Uint8Array(10)));
    taken.push(new WeakRef(queue.shift()));
  }
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const held = taken.filter((entry) => entry.deref() !== undefined).length;
  t.ok(held <= 1, `${held} of ${taken.length} are still held`);
  t.equal(queue.length, 1);
});
