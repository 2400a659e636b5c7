/** The file store against the shared suite, and what only files can suffer: leftovers, lost and swapped files. */
import { cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { requireLittleEndian } from '../../src/checkpoint/format.ts';
import {
  checkStore,
  readImages,
  rejectsWith,
  sampleFacts,
  sampleImages,
  writeVersion,
} from '../checks/checkpoint-store.ts';

t.setTimeout(120_000);
const now = () => Date.parse('2026-11-02T09:00:00Z');
const { model } = sampleFacts;
const folderOf = (root: string, version: number) => join(root, model, String(version).padStart(10, '0'));

const fileOf = (part: string | number): string => {
  if (part === 'manifest') return 'manifest.json';
  const [, blob] = /^blob (\d+)$/.exec(String(part)) ?? [];
  const [kind, index] = blob === undefined ? ['shard', part] : ['blob', blob];
  return `${kind}-${String(index).padStart(3, '0')}.bin`;
};

t.test('a store of files - passes the checks of all stores', async (t) => {
  let made = 0;
  const root = t.testdir();
  await checkStore(t, async () => {
    const folder = join(root, 'not', 'yet', 'there', String(made++));
    return {
      runs: 12,
      open: async () => openFileStore({ folder, now }),
      tamper: async (model, version, part, change) => {
        const file = fileOf(part);
        const path = join(folder, model, String(version).padStart(10, '0'), file);
        await writeFile(path, change(await readFile(path)));
      },
      close: async () => undefined,
    };
  });
});

t.test('leftovers - go when the next version is begun, and their numbers stay used', async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  await writeVersion(store);
  await store.writePointer(model, { version: 1 });
  await mkdir(folderOf(folder, 12));
  await writeFile(join(folderOf(folder, 12), 'shard-000.bin.tmp'), 'half');
  await writeFile(join(folder, model, 'CURRENT.tmp'), 'half');
  await mkdir(join(folder, model, '0000000000'));
  await writeFile(join(folder, model, 'notes.txt'), "somebody's own");
  const writer = await openFileStore({ folder, now }).begin(model);
  t.equal(writer.version, 13);
  t.strictSame((await readdir(join(folder, model))).sort(), [
    '0000000000',
    '0000000001',
    '0000000013',
    'CURRENT',
    'LAST-0000000013',
    'notes.txt',
  ]);
});

t.test('two processes - never get one number, even at once', async (t) => {
  const folder = t.testdir();
  const stores = Array.from({ length: 4 }, () => openFileStore({ folder, now }));
  const begun = await Promise.allSettled(
    Array.from({ length: 24 }, (_, i) => stores[i % 4]!.begin(model).then(({ version }) => version)),
  );
  const numbers = begun.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  t.ok(numbers.length > 0);
  t.equal(new Set(numbers).size, numbers.length);
});

t.test('a damaged pointer - is named, nothing is removed under it, and it can be written anew', async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  await writeVersion(store);
  await writeVersion(store);
  await store.writePointer(model, { version: 1 });
  await rm(join(folderOf(folder, 1), 'manifest.json'));
  t.match((await store.list(model)).damaged, [{ version: 1, reason: /missing, though CURRENT names it/ }]);
  await store.begin(model).then((writer) => writer.abandon());
  t.ok((await readdir(folderOf(folder, 1))).length > 0, "what is left of the pointer's version stays");
  await truncate(join(folder, model, 'CURRENT'), 20);
  await rejectsWith(t, store.readPointer(model), { name: 'DamagedPointerError', model, file: 'CURRENT' });
  await rejectsWith(t, store.prune(model, { keep: 1 }), { name: 'DamagedPointerError' });
  await store.begin(model).then((writer) => writer.abandon());
  t.ok((await readdir(folderOf(folder, 1))).length > 0);
  await store.writePointer(model, { version: 2 });
  t.strictSame(await store.readPointer(model), { version: 2 });
});

t.test('files that are lost, swapped or not files - are named', async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  const other = { ...sampleImages[0]!, rows: new Float32Array(9) };
  await writeVersion(store, [other, sampleImages[1]!]);
  const second = await writeVersion(store);
  const shard = join(folderOf(folder, 2), 'shard-000.bin');
  await cp(join(folderOf(folder, 1), 'shard-000.bin'), shard);
  await rejectsWith(t, store.readShard(second, 0), {
    version: 2,
    file: 'shard-000.bin',
    reason: /its checksum is .* says/,
  });
  await rm(shard);
  await rejectsWith(t, store.readShard(second, 0), { reason: 'it is missing' });
  t.match((await store.list(model)).damaged, [{ version: 2, reason: 'shard-000.bin: it is missing' }]);
  await mkdir(shard);
  await rejectsWith(t, store.readShard(second, 0), { name: 'DamagedVersionError', file: 'shard-000.bin' });
  await rename(folderOf(folder, 1), folderOf(folder, 3));
  await rejectsWith(t, store.readManifest(model, 3), {
    reason: `it is the manifest of version 1 of model ${model}`,
  });
  await truncate(join(folderOf(folder, 3), 'manifest.json'), 17 * 1024 * 1024);
  await rejectsWith(t, store.readManifest(model, 3), { reason: /at most 16777216 are read/ });
});

t.test('any changed byte or cut in any file of a version - is found when the version is read', async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  await writeVersion(store);
  const file = fc.constantFrom('manifest.json', 'shard-000.bin', 'shard-001.bin');
  const damage = fc.record({
    file,
    place: fc.nat(),
    xor: fc.integer({ min: 1, max: 255 }),
    cut: fc.boolean(),
  });
  const property = fc.asyncProperty(damage, async ({ file, place, xor, cut }) => {
    const path = join(folderOf(folder, 1), file);
    const bytes = await readFile(path);
    const at = place % bytes.length;
    const changed = cut ? bytes.subarray(0, at) : bytes.map((byte, i) => (i === at ? byte ^ xor : byte));
    await writeFile(path, changed);
    const read = store.readManifest(model, 1).then((manifest) => readImages(store, manifest));
    await rejectsWith(t, read, { name: 'DamagedVersionError', version: 1, file });
    await writeFile(path, bytes);
  });
  await fc.assert(property, { numRuns: 150 });
});

t.test('arbitrary bytes in place of any file - never crash the store', async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  const manifest = await writeVersion(store);
  const file = fc.constantFrom('manifest.json', 'shard-000.bin');
  const property = fc.asyncProperty(file, fc.uint8Array({ maxLength: 300 }), async (file, bytes) => {
    const path = join(folderOf(folder, 1), file);
    const kept = await readFile(path);
    await writeFile(path, bytes);
    const read: Promise<unknown> =
      file === 'manifest.json' ? store.readManifest(model, 1) : store.readShard(manifest, 0);
    await rejectsWith(t, read, { name: 'DamagedVersionError', version: 1, file });
    t.equal((await store.list(model)).damaged.length, 1);
    await writeFile(path, kept);
  });
  await fc.assert(property, { numRuns: 60 });
});

t.test('a big-endian host - is refused by name', async (t) => {
  t.throws(() => requireLittleEndian('BE'), { name: 'SetupError', message: /big-endian/ });
  t.doesNotThrow(() => requireLittleEndian('LE'));
});
