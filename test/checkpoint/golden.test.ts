/**
 * Versions written by earlier releases, kept for ever: later releases must read them to these values. The
 * files are never written anew; a new format gets a folder of its own.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import {
  plain,
  readBlobs,
  readImages,
  sampleBlobs,
  sampleFacts,
  sampleImages,
  writeVersion,
} from '../checks/checkpoint-store.ts';

const goldenOf = (format: number) => join(process.cwd(), `test/golden/checkpoint-v${format}`);
const createdAt = '2026-11-02T09:00:00.000Z';
const now = () => Date.parse(createdAt);
const { model } = sampleFacts;

t.test('a version of format 1 - is read to the values it was made of', async (t) => {
  const store = openFileStore({ folder: goldenOf(1), now });
  t.strictSame(await store.readPointer(model), { version: 1, skipTo: 20 });
  const manifest = await store.readManifest(model, 1);
  const { shards, ...facts } = manifest;
  t.strictSame(facts, { format: 1, ...sampleFacts, version: 1, createdAt, blobs: [] });
  t.strictSame(
    shards.map(({ start, end, rows, bytes }) => [start, end, rows, bytes]),
    [
      [0, 8, 3, 120],
      [8, 16, 0, 64],
    ],
  );
  t.strictSame((await readImages(store, manifest)).map(plain), sampleImages.map(plain));
});

t.test('a version of format 2 - is read to the values it was made of', async (t) => {
  const store = openFileStore({ folder: goldenOf(2), now });
  const manifest = await store.readManifest(model, 1);
  const { shards: _shards, blobs: _blobs, ...facts } = manifest;
  t.strictSame(facts, { format: 2, ...sampleFacts, version: 1, createdAt });
  t.strictSame((await readImages(store, manifest)).map(plain), sampleImages.map(plain));
  t.strictSame(await readBlobs(store, manifest), sampleBlobs);
});

t.test("today's writer - gives the same bytes", async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  await writeVersion(store, sampleImages, sampleFacts, sampleBlobs);
  await store.writePointer(model, { version: 1, skipTo: 20 });
  for (const file of [
    'CURRENT',
    '0000000001/manifest.json',
    '0000000001/shard-000.bin',
    '0000000001/shard-001.bin',
    '0000000001/blob-000.bin',
    '0000000001/blob-001.bin',
  ]) {
    const [written, kept] = await Promise.all(
      [folder, goldenOf(2)].map((root) => readFile(join(root, model, file))),
    );
    t.ok(written!.equals(kept!), file);
  }
});
