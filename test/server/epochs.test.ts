import fc from 'fast-check';
import t from 'tap';
import { encode } from '../../src/protocol/codec.ts';
import type { EpochEntry } from '../../src/protocol/internal.ts';
import { leftOutAfter, leftOutOfEpoch } from '../../src/server/epochs.ts';
import { subjects } from '../shard/row-of-shards.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

t.test('left out - what a rollback skips, with what the version itself had left out', async (t) => {
  t.strictSame(leftOutAfter([], 50, 100), [[51, 100]]);
  t.strictSame(leftOutAfter([[51, 100]], 150, 200), [
    [51, 100],
    [151, 200],
  ]);
  t.strictSame(leftOutAfter([[51, 100]], 100, 130), [
    [51, 100],
    [101, 130],
  ]);
  t.strictSame(leftOutAfter([[51, 100]], 50, 130), [[51, 130]], 'the same version again');
  t.strictSame(leftOutAfter([[51, 100]], 20, 130), [[21, 130]], 'an older version');
  t.strictSame(leftOutAfter([], 100, 100), [], 'nothing came after the version');
});

t.test('left out - nothing, when everything behind the version is learned again', async (t) => {
  t.strictSame(leftOutAfter([[51, 100]], 50, 0), []);
  t.strictSame(leftOutAfter([[51, 100]], 150, 0), [[51, 100]]);
  t.strictSame(leftOutAfter([[51, 100]], 0, 0), []);
});

t.test('left out - is exactly what a chain of rollbacks never learned', async (t) => {
  // Each step learns some events, then goes back to a version of this epoch's own line, continuing or relearning.
  const step = fc.record({ events: fc.nat(5), back: fc.nat(8), continues: fc.boolean() });
  const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    let end = 0;
    let learned = new Set<number>();
    let leftOut: ReturnType<typeof leftOutAfter> = [];
    for (const { events, back, continues } of steps) {
      for (let event = 0; event < events; event++) learned.add(++end);
      // A version can only stand where learning stood: never inside what was left out.
      const from = Math.max(0, ...[...learned].filter((seq) => seq <= end - back));
      leftOut = leftOutAfter(leftOut, from, continues ? end : 0);
      learned = new Set([...learned].filter((seq) => seq <= from));
      if (!continues) {
        for (let seq = from + 1; seq <= end; seq++) learned.add(seq);
      }
      for (let seq = 1; seq <= end; seq++) {
        const isLeftOut = leftOut.some(([first, last]) => seq >= first && seq <= last);
        if (isLeftOut === learned.has(seq)) return false;
      }
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test('left out - is bounded, the oldest first', async (t) => {
  const many = Array.from({ length: 300 }, (_, at) => [at * 10 + 1, at * 10 + 5] as const);
  const kept = leftOutAfter(many, 5_000, 6_000);
  t.equal(kept.length, 256);
  t.strictSame(kept.at(-1), [5_001, 6_000]);
  t.strictSame(kept[0], many[45]);
});

t.test("an epoch's entry - says what had been left out before it, if the stream still has it", async (t) => {
  const channel = new MemoryChannel();
  const entry: EpochEntry = {
    kind: 'epoch',
    reason: 'rollback',
    base: 3,
    skipTo: 9,
    leftOut: [[4, 9]],
    fingerprint: 'f',
  };
  const { seq } = await channel.append(subjects.control('m'), encode(entry, 'json'));
  const other = await channel.append(subjects.learn('m'), encode({ features: {}, label: 1 }, 'json'));
  t.strictSame(await leftOutOfEpoch(channel, subjects, 'm', seq), [[4, 9]]);
  t.strictSame(await leftOutOfEpoch(channel, subjects, 'm', other.seq), [], 'a stream that was made anew');
  t.strictSame(await leftOutOfEpoch(channel, subjects, 'm', 99), [], 'an entry that is gone');
});
