/** Which version a start takes: real versions in a real folder, and a history as the log tells it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { definitionOf } from '../../config/fingerprint.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { LeftOut } from '../../src/protocol/internal.ts';
import { sharesHistory, startingVersion } from '../../src/server/starting-version.ts';
import { sampleFacts } from '../checks/checkpoint-store.ts';
import { configOf } from '../learner/harness.ts';
import { silent } from '../shard/fixture.ts';

interface Made {
  readonly mark: number;
  readonly epoch?: number;
  readonly config?: typeof config;
}

const config = configOf({});

/** Versions 1, 2, ... that stand at these marks; their first row holds their number. */
async function fixture(t: Test, made: readonly Made[]) {
  const folder = mkdtempSync(join(tmpdir(), 'starting-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = openFileStore({ folder, now: () => 0 });
  for (const [at, { mark, epoch = 1, config: settings = config }] of made.entries()) {
    const writer = await store.begin('m');
    const [start, end, rowWidth] = [0, sampleFacts.keyCount, sampleFacts.rowWidth];
    const rows = new Float32Array(rowWidth).fill(at + 1);
    await writer.addShard({ start, end, rowWidth, keys: Uint32Array.of(0), rows });
    const stream = { ...sampleFacts.stream, marks: new Array<number>(8).fill(mark) };
    const definition = definitionOf(settings);
    await writer.commit({ ...sampleFacts, model: 'm', epoch, stream, definition });
  }
  const errors: string[] = [];
  const spoil = (file: string) => {
    const path = join(folder, 'm', file);
    const data = readFileSync(path);
    data[data.length - 9]! ^= 1;
    writeFileSync(path, data);
  };
  return {
    store,
    errors,
    spoilVersion: (version: number) => spoil(join(String(version).padStart(10, '0'), 'shard-000.bin')),
    spoilPointer: () => spoil('CURRENT'),
    /** `epochs`: base and left-out ranges of each, by its sequence; the last one is the present one. */
    async start(epochs: Readonly<Record<number, { base: number; leftOut: readonly LeftOut[] }>> = {}) {
      const epochsOfLog = {
        last: async () => Object.values(epochs).at(-1),
        leftOutOf: async (epoch: number) => epochs[epoch]?.leftOut ?? [],
      };
      const log = {
        ...silent,
        error: (facts: object, sentence: string) => errors.push(`${JSON.stringify(facts)} ${sentence}`),
      };
      const { stored, pointer } = await startingVersion({
        store,
        model: 'm',
        config,
        epochs: epochsOfLog,
        log,
      });
      return [stored?.manifest.version ?? 0, pointer?.skipTo ?? 0];
    },
  };
}

t.test("a start - takes the pointer's version, or the newest good one before it", async (t) => {
  const { store, errors, spoilVersion, start } = await fixture(
    t,
    [1, 2, 3, 4].map((mark) => ({ mark })),
  );
  t.strictSame(await start(), [0, 0], 'no pointer: the empty model');
  await store.writePointer('m', { version: 3, skipTo: 7 });
  t.strictSame(await start(), [3, 7], 'not a newer one than the pointer names');
  t.strictSame(errors, []);
  spoilVersion(3);
  t.strictSame(await start({ 1: { base: 1, leftOut: [] } }), [2, 7]);
  t.match(errors, [/"version":3.*cannot be used/]);
  spoilVersion(2);
  spoilVersion(1);
  await t.rejects(start({ 1: { base: 1, leftOut: [] } }), {
    name: 'SetupError',
    message: /no version can be read/,
  });
  t.strictSame(await start({ 1: { base: 0, leftOut: [] } }), [0, 7], 'the log alone, where it is all of it');
});

t.test('a damaged version after a rollback - does not bring back what was left out', async (t) => {
  // Versions 1 to 3 in epoch 10; back to 1, leaving out 51 to 100 (epoch 101), where version 4 was made.
  const made = [{ mark: 50 }, { mark: 70 }, { mark: 90 }, { mark: 120, epoch: 101 }];
  const { store, errors, spoilVersion, start } = await fixture(
    t,
    made.map((one) => ({ epoch: 10, ...one })),
  );
  const epochs = { 10: { base: 0, leftOut: [] }, 101: { base: 1, leftOut: [[51, 100]] as LeftOut[] } };
  await store.writePointer('m', { version: 4 });
  spoilVersion(4);
  t.strictSame(await start(epochs), [1, 100], 'the version gone back to, and on behind what was left out');
  t.match(errors, [/"version":4/, /"version":3.*went back behind/, /"version":2.*went back behind/]);
});

t.test('a damaged version after learning again - is not replaced by one that left events out', async (t) => {
  // Version 2 was made with 51 to 100 left out; then back to 1, and everything learned again.
  const { store, spoilVersion, start } = await fixture(t, [
    { mark: 50, epoch: 10 },
    { mark: 120, epoch: 101 },
    { mark: 150, epoch: 130 },
  ]);
  await store.writePointer('m', { version: 3 });
  spoilVersion(3);
  const epochs = {
    10: { base: 0, leftOut: [] },
    101: { base: 1, leftOut: [[51, 100]] as LeftOut[] },
    130: { base: 1, leftOut: [] },
  };
  t.strictSame(await start(epochs), [1, 0]);
});

t.test('a damaged pointer - is written anew for the newest good version', async (t) => {
  const { store, errors, spoilPointer, start } = await fixture(t, [{ mark: 50 }, { mark: 90 }]);
  await store.writePointer('m', { version: 1, skipTo: 100 });
  spoilPointer();
  t.strictSame(
    await start({ 1: { base: 0, leftOut: [] }, 101: { base: 1, leftOut: [[51, 100]] } }),
    [1, 100],
  );
  t.match(errors, [/pointer is damaged/, /"version":2/]);
  t.strictSame(await store.readPointer('m'), { version: 1, skipTo: 100 });
  await store.writePointer('m', { version: 0, skipTo: 100 });
  spoilPointer();
  t.strictSame(await start({ 101: { base: 0, leftOut: [[1, 100]] } }), [0, 100], 'a reset stays one');
});

t.test('a version of other settings - is no replacement for a damaged one', async (t) => {
  const other = configOf({ features: { bits: 9 } });
  const { store, errors, spoilVersion, start } = await fixture(t, [
    { mark: 50, config: other },
    { mark: 90 },
  ]);
  await store.writePointer('m', { version: 2 });
  spoilVersion(2);
  t.strictSame(await start({ 1: { base: 0, leftOut: [] } }), [0, 0]);
  t.match(errors, [/"version":2/, /"version":1.*other settings/]);
});

t.test('one history - the same events left out, as far as a version reaches', async (t) => {
  const at = (...marks: number[]) => ({ stream: { ...sampleFacts.stream, marks } });
  t.ok(sharesHistory(at(50), [[51, 100]], []));
  t.notOk(sharesHistory(at(51), [[51, 100]], []));
  t.ok(
    sharesHistory(
      at(100),
      [
        [51, 100],
        [101, 130],
      ],
      [[51, 100]],
    ),
  );
  t.notOk(sharesHistory(at(120), [], [[51, 100]]));
  t.ok(sharesHistory(at(50, 60), [[51, 100]], []), 'several learners: the lowest mark counts');
});
