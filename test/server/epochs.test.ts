import fc from 'fast-check';
import t from 'tap';
import { learningSettingsOf } from '../../config/learning-settings.ts';
import { encode } from '../../src/protocol/codec.ts';
import { decodeEpochEntry, encodeEpochEntry } from '../../src/protocol/epoch-entry.ts';
import type { EpochEntry, Exclusion } from '../../src/protocol/internal.ts';
import { leftOutAfter, leftOutOfEpoch, withExclusions } from '../../src/server/epochs.ts';
import { configOf } from '../learner/harness.ts';
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
    exclusions: [],
    fingerprint: 'f',
  };
  const { seq } = await channel.append(subjects.control('m'), encode(entry, 'json'));
  const other = await channel.append(subjects.learn('m'), encode({ features: {}, label: 1 }, 'json'));
  t.strictSame(await leftOutOfEpoch(channel, subjects, 'm', seq), [[4, 9]]);
  t.strictSame(await leftOutOfEpoch(channel, subjects, 'm', other.seq), [], 'a stream that was made anew');
  t.strictSame(await leftOutOfEpoch(channel, subjects, 'm', 99), [], 'an entry that is gone');
});

t.test('exclusions - are carried on, each once, until the stream has lost what they speak of', async (t) => {
  const before: Exclusion[] = [
    { kind: 'position', seq: 5 },
    { kind: 'position', seq: 5, index: 0 },
    { kind: 'id', value: 'a', untilSeq: 20 },
    { kind: 'key', value: 'a', untilSeq: 9 },
  ];
  const added: Exclusion[] = [
    { kind: 'position', seq: 5 },
    { kind: 'id', value: 'a', untilSeq: 10 },
    { kind: 'key', value: 'a', untilSeq: 30 },
  ];
  t.strictSame(withExclusions(before, added, 1, 4), [before[0], before[1], before[2], added[2]]);
  t.strictSame(withExclusions(before, added, 21, 4), [added[2]]);
  t.throws(() => withExclusions(before, added, 1, 3), { kind: 'overloaded', message: /exclusionsMax/ });
});

t.test("an epoch's entry - comes back from its bytes, and an earlier Millrace's too", async (t) => {
  const entry: EpochEntry = {
    kind: 'epoch',
    reason: 'exclude',
    base: 3,
    from: { epoch: 2, marks: [7] },
    skipTo: 0,
    leftOut: [[4, 5]],
    exclusions: [{ kind: 'position', seq: 5, index: 1 }],
    fingerprint: 'f',
    settings: learningSettingsOf(configOf({})),
    changes: [{ path: 'optimizer.alpha', from: 0.1, to: 0.2 }],
  };
  t.strictSame(decodeEpochEntry(encodeEpochEntry(entry)), entry);
  const early = { kind: 'epoch', reason: 'start', base: 0, skipTo: 0, leftOut: [], fingerprint: 'f' };
  t.strictSame(decodeEpochEntry(encode(early, 'json')), { ...early, exclusions: [] });
  for (const other of [{}, { ...early, leftOut: [[1]] }, { ...early, exclusions: [{ kind: 'all' }] }, 7])
    t.equal(decodeEpochEntry(encode(other, 'json')), undefined);
  t.equal(decodeEpochEntry(Uint8Array.of(0xc1)), undefined);
});
