/**
 * Versions written by earlier releases, kept for ever: later releases must read them to these values. The
 * files are never written anew; a new format gets a folder of its own.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { fullImages } from '../../src/checkpoint/full-images.ts';
import type { ShardImage } from '../../src/checkpoint/store.ts';
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
const goldenLayered = join(process.cwd(), 'test/golden/checkpoint-v2-layered');
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

/** What version 2 says anew: one row changed, one became zero, one is new; another cut of the keys than below. */
const changed: readonly ShardImage[] = [
  {
    start: 0,
    end: 5,
    rowWidth: 3,
    keys: new Uint32Array([0, 3]),
    rows: new Float32Array([1, -2, 0.25, 0, 0, 0]),
  },
  {
    start: 5,
    end: 16,
    rowWidth: 3,
    keys: new Uint32Array([12]),
    rows: new Float32Array([-0, 7, Number.NaN]),
  },
];

const writeLayered = async (folder: string): Promise<void> => {
  const store = openFileStore({ folder, now });
  await writeVersion(store, sampleImages, sampleFacts, sampleBlobs);
  await writeVersion(
    store,
    changed,
    { ...sampleFacts, parent: 1, reason: 'events' },
    { empty: sampleBlobs.empty! },
    1,
  );
  await store.writePointer(model, { version: 2 });
};

t.test('a version laid over another, of format 2 - is read to the values of both', async (t) => {
  const store = openFileStore({ folder: goldenLayered, now });
  t.strictSame(await store.readPointer(model), { version: 2 });
  const manifest = await store.readManifest(model, 2);
  t.match(manifest, { format: 2, version: 2, parent: 1, base: { version: 1 } });
  t.strictSame((await readImages(store, manifest)).map(plain), changed.map(plain));
  t.strictSame(await readBlobs(store, manifest), { empty: sampleBlobs.empty });
  const rows: [number, number[]][] = [];
  for await (const image of fullImages(store, manifest)) {
    const { keys, rows: floats } = plain(image);
    for (const [at, key] of keys.entries()) rows.push([key, floats.slice(at * 3, at * 3 + 3)]);
  }
  const bits = (...floats: number[]) => [...new Uint32Array(Float32Array.from(floats).buffer)];
  t.strictSame(rows, [
    [0, bits(1, -2, 0.25)],
    [7, bits(1e-45, 3.4e38, 0)],
    [12, bits(-0, 7, Number.NaN)],
  ]);
});

t.test("today's writer - gives the same bytes of a layered version", async (t) => {
  const folder = t.testdir();
  await writeLayered(folder);
  for (const file of [
    'CURRENT',
    '0000000002/manifest.json',
    '0000000002/shard-000.bin',
    '0000000002/shard-001.bin',
  ]) {
    const [written, kept] = await Promise.all(
      [folder, goldenLayered].map((root) => readFile(join(root, model, file))),
    );
    t.ok(written!.equals(kept!), file);
  }
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
