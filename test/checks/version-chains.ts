/** What every store must do with versions that are laid over one another, as part of its suite (checkpoint-store.ts). */
import fc from 'fast-check';
import { fullImages } from '../../src/checkpoint/full-images.ts';
import { encodeManifest } from '../../src/checkpoint/manifest.ts';
import type { CheckpointStore, Manifest, ShardImage } from '../../src/checkpoint/store.ts';
import { type Check, rejectsWith, sampleFacts } from './checkpoint-store.ts';

const model = 'flights';

/** All rows of a version in one table, as words: exact to the bit. */
export async function tableOf(store: CheckpointStore, manifest: Manifest): Promise<number[]> {
  const table = new Uint32Array(manifest.keyCount * manifest.rowWidth);
  let covered = 0;
  for await (const { start, end, rowWidth, keys, rows } of fullImages(store, manifest)) {
    if (start !== covered)
      throw new Error(`a piece starts at ${start} where the one before ends at ${covered}`);
    covered = end;
    const words = new Uint32Array(rows.buffer, rows.byteOffset, rows.length);
    keys.forEach((key, at) => {
      const row = words.subarray(at * rowWidth, (at + 1) * rowWidth);
      if (row.every((word) => word === 0)) throw new Error(`row ${key} of a full image is zero`);
      table.set(row, key * rowWidth);
    });
  }
  return [...table];
}

interface Change {
  readonly key: number;
  readonly word: number;
}

/** Writes versions of one table that changes, each laid over the one before, cut into shards anew each time. */
async function writeChain(
  store: CheckpointStore,
  steps: readonly (readonly Change[])[],
  cuts: readonly number[],
) {
  const keyCount = 16;
  const table = new Uint32Array(keyCount);
  const tables: number[][] = [];
  const manifests: Manifest[] = [];
  for (const [step, changes] of steps.entries()) {
    for (const { key, word } of changes) table[key] = word;
    const touched = [...new Set(changes.map(({ key }) => key))].sort((a, b) => a - b);
    const border = cuts[step % cuts.length]!;
    const images = [
      [0, border],
      [border, keyCount],
    ].map(([start, end]): ShardImage => {
      const within = touched.filter((key) => key >= start! && key < end!);
      const kept = step > 0 ? within : within.filter((key) => table[key] !== 0);
      const rows = new Float32Array(Uint32Array.from(kept, (key) => table[key]!).buffer);
      return { start: start!, end: end!, rowWidth: 1, keys: Uint32Array.from(kept), rows };
    });
    const facts = { ...sampleFacts, keyCount, rowWidth: 1, parent: manifests.at(-1)?.version ?? 0 };
    const writer = await store.begin(model);
    for (const image of images) await writer.addShard(image);
    manifests.push(await writer.commit(facts, manifests.at(-1)?.version));
    tables.push([...table]);
  }
  return { manifests, tables };
}

const anyWord = fc.oneof(
  fc.constantFrom(0, 0x8000_0000, 0x7fc0_0000),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const anyChange = fc.record({ key: fc.integer({ min: 0, max: 15 }), word: anyWord });
const anySteps = fc.array(fc.array(anyChange, { maxLength: 12 }), { minLength: 1, maxLength: 5 });

const chains: Check = async (t, store, harness) => {
  const borders = fc.array(fc.integer({ min: 0, max: 16 }), { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(anySteps, borders, async (steps, cuts) => {
    const { manifests, tables } = await writeChain(store, steps, cuts);
    const reopened = await harness.open();
    for (const [at, manifest] of manifests.entries()) {
      t.strictSame(await tableOf(reopened, manifest), tables[at]);
      t.equal((await reopened.readChain(manifest)).length, at + 1);
    }
    await store.remove(model);
  });
  await fc.assert(property, { numRuns: harness.runs });
};

const oneStep = (word: number): Change[] => [{ key: word % 16, word }];

const brokenChains: Check = async (t, store, harness) => {
  const { manifests, tables } = await writeChain(store, [1, 2, 3].map(oneStep), [8]);
  const [first, second, third] = manifests as [Manifest, Manifest, Manifest];
  const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 34 ? byte ^ 1 : byte));
  await harness.tamper(model, second.version, 0, flip);
  const damaged = { name: 'DamagedVersionError', version: third.version };
  const where = `version ${second.version}, which it is laid over: shard-000.bin`;
  await rejectsWith(t, tableOf(store, third), { ...damaged, file: where });
  t.strictSame(await tableOf(store, first), tables[0], 'the version before the damage is whole');
  await harness.tamper(model, second.version, 'manifest', flip);
  const listed = await store.list(model);
  t.strictSame(
    listed.versions.map(({ manifest }) => manifest.version),
    [first.version],
  );
  t.match(listed.damaged, [
    { version: second.version },
    { version: third.version, reason: 'it is laid over version 2, which is damaged or missing' },
  ]);
  await rejectsWith(t, store.readChain(third), { ...damaged, reason: /checksum/ });
};

const exchangedBase: Check = async (t, store, harness) => {
  const { manifests } = await writeChain(store, [1, 2].map(oneStep), [8]);
  const [first, second] = manifests as [Manifest, Manifest];
  // A whole manifest, of the right number, that is not the one over which the second was made.
  const { bytes } = encodeManifest({ ...first, epoch: first.epoch + 1 });
  await harness.tamper(model, 1, 'manifest', () => bytes);
  await rejectsWith(t, store.readChain(second), { version: 2, reason: /over another version 1 than/ });
  t.match((await store.list(model)).damaged, [{ version: 2, reason: /over another version 1 than/ }]);
};

const retention: Check = async (t, store) => {
  await writeChain(store, [1, 2, 3].map(oneStep), [8]);
  await writeChain(store, [4, 5].map(oneStep), [8]);
  t.strictSame(await store.removable(model, { keep: 1 }), [1, 2, 3]);
  t.strictSame(await store.removable(model, { keep: 3 }), [], 'what a kept version is laid over stays');
  t.strictSame(await store.removable(model, { keep: 1, keepForMs: 60_000 }), [], 'and what is young');
  await store.writePointer(model, { version: 2 });
  t.strictSame(await store.prune(model, { keep: 1 }), [3]);
  const { versions, damaged } = await store.list(model);
  t.strictSame(damaged, []);
  t.strictSame(
    versions.map(({ manifest }) => manifest.version),
    [1, 2, 4, 5],
  );
  for (const { manifest } of versions) await tableOf(store, manifest);
};

export const chainChecks: Readonly<Record<string, Check>> = {
  'versions laid over one another - are restored exactly, whatever their shards': chains,
  'damage in a link - is named, and the version before it stays usable': brokenChains,
  'another version under the number of a link - is found': exchangedBase,
  'retention - by count and age, and never what one that stays is laid over': retention,
};
