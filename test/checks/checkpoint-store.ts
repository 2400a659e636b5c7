/**
 * What every store of versions must do, whatever it keeps them in. A store's own test calls `checkStore` with
 * a harness that opens it and can damage what it stored.
 */
import fc from 'fast-check';
import type { Test } from 'tap';
import type { CheckpointStore, Manifest, ShardImage, VersionFacts } from '../../src/checkpoint/store.ts';
import { chainChecks } from './version-chains.ts';

export interface StoreHarness {
  /** Tries of each property. */
  readonly runs: number;
  /** Another look at the same stored versions, as after a restart. */
  open(): Promise<CheckpointStore>;
  /** Changes the stored bytes of a version's manifest, or of the blob or shard with that index. */
  tamper(
    model: string,
    version: number,
    part: 'manifest' | `blob ${number}` | number,
    change: (bytes: Uint8Array) => Uint8Array,
  ): Promise<void>;
  close(): Promise<void>;
}

export const sampleFacts: VersionFacts = {
  model: 'flights',
  parent: 0,
  reason: 'command',
  epoch: 3,
  stream: {
    name: 'MILLRACE_flights',
    created: '2026-11-02T09:00:00.123456789Z',
    marks: [0, 17, 9_007_199_254_740_991],
    anchor: { seq: 17, timeMs: 1_793_610_000_123.5, sha256: 'ab'.repeat(32) },
  },
  fingerprint: 'c0ffee',
  definition: { task: 'binary', features: { bits: 8, nested: [1, null, 'é'] } },
  keyCount: 16,
  rowWidth: 3,
  totals: [0, 12, 0.1 + 0.2, -0, 1e308, Number.NaN, Number.NEGATIVE_INFINITY],
  writer: { millrace: '0.1.0', node: '20.20.2', v8: '11.3', arch: 'x64' },
};

export const sampleImages: readonly ShardImage[] = [
  {
    start: 0,
    end: 8,
    rowWidth: 3,
    keys: new Uint32Array([0, 3, 7]),
    rows: new Float32Array([1, -2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-45, 3.4e38, 0]),
  },
  { start: 8, end: 16, rowWidth: 3, keys: new Uint32Array([]), rows: new Float32Array([]) },
];

/** Any shards that tile 0 .. keyCount, some of them empty; rows of any 32 bits. */
export const anyImages: fc.Arbitrary<ShardImage[]> = fc
  .record({
    rowWidth: fc.integer({ min: 1, max: 5 }),
    widths: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 4 }),
    present: fc.infiniteStream(fc.boolean()),
    bits: fc.infiniteStream(fc.integer({ min: 0, max: 0xffff_ffff })),
  })
  .map(({ rowWidth, widths, present, bits }) => {
    let start = 0;
    return widths.map((width) => {
      const end = start + width;
      const keys = new Uint32Array(
        Array.from({ length: width }, (_, i) => start + i).filter(() => present.next().value),
      );
      const words = Uint32Array.from({ length: keys.length * rowWidth }, () => bits.next().value);
      const image = { start, end, rowWidth, keys, rows: new Float32Array(words.buffer) };
      start = end;
      return image;
    });
  });

/** Comparable by value and exact to the bit, NaN included. */
export const plain = ({ start, end, rowWidth, keys, rows }: ShardImage) => ({
  start,
  end,
  rowWidth,
  keys: [...keys],
  rows: [...new Uint32Array(rows.buffer, rows.byteOffset, rows.length)],
});

export const sampleBlobs: Readonly<Record<string, Uint8Array>> = {
  'seen-ids': Uint8Array.from({ length: 21 }, (_, at) => at * 12),
  empty: new Uint8Array(0),
};

export async function readBlobs(
  store: CheckpointStore,
  manifest: Manifest,
): Promise<Record<string, Uint8Array>> {
  const pairs = manifest.blobs.map(async ({ name }) => {
    const bytes = await store.readBlob(manifest, name);
    return [name, Uint8Array.from(bytes!)] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

export const readImages = async (store: CheckpointStore, manifest: Manifest): Promise<ShardImage[]> =>
  Promise.all(manifest.shards.map((_, index) => store.readShard(manifest, index)));

export async function writeVersion(
  store: CheckpointStore,
  images: readonly ShardImage[] = sampleImages,
  facts: VersionFacts = sampleFacts,
  blobs: Readonly<Record<string, Uint8Array>> = {},
  base?: number,
): Promise<Manifest> {
  const writer = await store.begin(facts.model);
  for (const image of images) await writer.addShard(image);
  for (const [name, bytes] of Object.entries(blobs)) await writer.addBlob(name, bytes);
  return writer.commit(facts, base);
}

/** The promise is rejected with an error of these properties. */
export async function rejectsWith(
  t: Test,
  promise: Promise<unknown>,
  wanted: object,
  message = 'is refused',
): Promise<void> {
  const outcome = await promise.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  );
  t.match(outcome, wanted, message);
}

export type Check = (t: Test, store: CheckpointStore, harness: StoreHarness) => Promise<void>;

const { model } = sampleFacts;

const roundTrip: Check = async (t, store, harness) => {
  const written = await writeVersion(store);
  const reopened = await harness.open();
  const read = await reopened.readManifest(model, written.version);
  t.strictSame(read, written);
  t.match(read, { format: 2, version: 1, model, epoch: 3 });
  t.ok(Object.is(read.totals[3], -0) && Number.isNaN(read.totals[5]), 'totals are exact');
  t.strictSame((await readImages(reopened, read)).map(plain), sampleImages.map(plain));
  const { versions, damaged } = await reopened.list(model);
  t.strictSame(damaged, []);
  t.strictSame(
    versions.map(({ manifest }) => manifest),
    [written],
  );
  const shardBytes = written.shards.reduce((sum, { bytes }) => sum + bytes, 0);
  t.ok(versions[0]!.bytes > shardBytes, 'the size counts the shards and the manifest');
};

const anyRoundTrip: Check = async (t, store, { runs: numRuns }) => {
  const property = fc.asyncProperty(anyImages, async (images) => {
    const facts = { ...sampleFacts, keyCount: images.at(-1)!.end, rowWidth: images[0]!.rowWidth };
    const manifest = await writeVersion(store, images, facts);
    const read = await readImages(store, manifest);
    t.strictSame(read.map(plain), images.map(plain));
    await store.prune(model, { keep: 1 });
  });
  await fc.assert(property, { numRuns });
};

const anyOrder: Check = async (t, store) => {
  const writer = await store.begin(model);
  await Promise.all(sampleImages.toReversed().map((image) => writer.addShard(image)));
  const manifest = await writer.commit(sampleFacts);
  t.strictSame((await readImages(store, manifest)).map(plain), sampleImages.map(plain));
};

const numbers: Check = async (t, store, harness) => {
  t.equal((await writeVersion(store)).version, 1);
  const given = await store.begin(model);
  await given.addShard(sampleImages[0]!);
  await given.abandon();
  t.equal(given.version, 2);
  // The second attempt is left as a crash would leave it.
  const crashed = await store.begin(model);
  await crashed.addShard(sampleImages[0]!);
  const reopened = await harness.open();
  t.strictSame(
    (await reopened.list(model)).versions.map(({ manifest }) => manifest.version),
    [1],
  );
  t.equal((await writeVersion(reopened)).version, 4);
  await reopened.prune(model, { keep: 1 });
  t.equal((await writeVersion(await harness.open())).version, 5, 'a pruned number is not used again');
};

const blobs: Check = async (t, store, harness) => {
  const any = fc.array(
    fc.tuple(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), fc.uint8Array({ maxLength: 3_000 })),
    { maxLength: 6 },
  );
  const property = fc.asyncProperty(any, async (pairs) => {
    const given = Object.fromEntries(pairs);
    const { version } = await writeVersion(store, sampleImages, sampleFacts, given);
    const reopened = await harness.open();
    const read = await reopened.readManifest(model, version);
    t.strictSame(await readBlobs(reopened, read), given);
    t.equal(await reopened.readBlob(read, 'never-there'), undefined);
  });
  await fc.assert(property, { numRuns: Math.ceil(harness.runs / 2) });
  const taken = (await store.list(model)).versions.length;
  const last = await writeVersion(store, sampleImages, sampleFacts, sampleBlobs);
  const { version } = last;
  await harness.tamper(model, version, 'blob 0', (bytes) =>
    bytes.map((byte, at) => (at === 9 ? byte ^ 4 : byte)),
  );
  const damaged = { name: 'DamagedVersionError', version, file: 'blob-000.bin' };
  await rejectsWith(t, store.readBlob(last, 'seen-ids'), { ...damaged, reason: /checksum is .* says/ });
  await harness.tamper(model, version, 'blob 0', (bytes) => bytes.subarray(1));
  await rejectsWith(t, store.readBlob(last, 'seen-ids'), { ...damaged, reason: /size is 20 .* says 21/ });
  t.equal((await store.list(model)).versions.length, taken, 'a version with a blob that was cut is damaged');
  const writer = await store.begin(model);
  await rejectsWith(t, writer.addBlob('big', new Uint8Array(32 * 1024 * 1024 + 1)), {
    name: 'InvariantError',
  });
};

const attempts: Check = async (t, store) => {
  const [one, two] = await Promise.all([store.begin(model), store.begin(model)]);
  t.not(one.version, two.version);
  for (const writer of [one, two]) for (const image of sampleImages) await writer.addShard(image);
  const committed = await two.commit(sampleFacts);
  await two.abandon();
  t.strictSame(await store.readManifest(model, two.version), committed, 'abandon after commit does nothing');
  await rejectsWith(t, two.addShard(sampleImages[0]!), { kind: 'conflict' });
  await one.abandon();
  await one.abandon();
  await rejectsWith(t, one.commit(sampleFacts), { kind: 'conflict' });
  await rejectsWith(t, store.readManifest(model, one.version), { kind: 'notFound' });
};

const refusals: Check = async (t, store) => {
  const refused = async (name: string, images: readonly ShardImage[], facts: VersionFacts = sampleFacts) => {
    await rejectsWith(t, writeVersion(store, images, facts), { name: 'InvariantError' }, name);
  };
  const [first, second] = sampleImages as [ShardImage, ShardImage];
  await refused('a shard is missing', [first]);
  await refused('no shards', []);
  await refused('a shard twice', [first, first, second]);
  await refused('keys out of order', [{ ...first, keys: new Uint32Array([3, 0, 7]) }, second]);
  await refused('a key twice', [{ ...first, keys: new Uint32Array([0, 3, 3]) }, second]);
  await refused('a key past the end', [{ ...first, keys: new Uint32Array([0, 3, 8]) }, second]);
  await refused('too few floats', [{ ...first, rows: first.rows.subarray(1) }, second]);
  const given = { 'no/name': new Uint8Array(1) };
  const named = writeVersion(store, sampleImages, sampleFacts, given);
  await rejectsWith(t, named, { name: 'InvariantError' }, "a blob's name that is none");
  await refused('another row width', sampleImages, { ...sampleFacts, rowWidth: 2 });
  const { versions, damaged } = await store.list(model);
  t.strictSame([versions, damaged], [[], []]);
};

const pointer: Check = async (t, store, harness) => {
  t.equal(await store.readPointer(model), undefined);
  await rejectsWith(t, store.writePointer(model, { version: 1 }), { kind: 'notFound' });
  for (let i = 0; i < 4; i++) await writeVersion(store);
  t.equal(await store.readPointer(model), undefined, 'a commit does not move the pointer');
  await store.writePointer(model, { version: 1, skipTo: 1234 });
  const reopened = await harness.open();
  t.strictSame(await reopened.readPointer(model), { version: 1, skipTo: 1234 });
  await rejectsWith(t, store.prune(model, { keep: 0 }), { kind: 'badInput' });
  t.strictSame(await reopened.prune(model, { keep: 2 }), [2]);
  const left = (await reopened.list(model)).versions.map(({ manifest }) => manifest.version);
  t.strictSame(left, [1, 3, 4], "the pointer's version stays");
  await reopened.writePointer(model, { version: 0 });
  t.strictSame(await reopened.readPointer(model), { version: 0 });
  t.strictSame(await reopened.prune(model, { keep: 2 }), [1]);
};

const remove: Check = async (t, store, harness) => {
  await writeVersion(store);
  await store.writePointer(model, { version: 1 });
  await writeVersion(store, sampleImages, { ...sampleFacts, model: 'other' });
  await store.remove(model);
  await store.remove(model);
  const reopened = await harness.open();
  t.strictSame(await reopened.list(model), { versions: [], damaged: [] });
  t.equal(await reopened.readPointer(model), undefined);
  await rejectsWith(t, reopened.readManifest(model, 1), { kind: 'notFound' });
  t.equal((await reopened.list('other')).versions.length, 1, 'another model is untouched');
};

const damage: Check = async (t, store, harness) => {
  for (let i = 0; i < 3; i++) await writeVersion(store);
  const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte));
  await harness.tamper(model, 1, 'manifest', flip);
  await harness.tamper(model, 2, 0, flip);
  await rejectsWith(t, store.readManifest(model, 1), { name: 'DamagedVersionError', model, version: 1 });
  const second = await store.readManifest(model, 2);
  await rejectsWith(t, store.readShard(second, 0), {
    name: 'DamagedVersionError',
    version: 2,
    file: second.shards[0]!.file,
  });
  t.strictSame(plain(await store.readShard(second, 1)), plain(sampleImages[1]!), 'the other shard is whole');
  await harness.tamper(model, 2, 0, (bytes) => bytes.subarray(0, bytes.length - 1));
  const { versions, damaged } = await store.list(model);
  t.strictSame(
    versions.map(({ manifest }) => manifest.version),
    [3],
  );
  t.strictSame(
    damaged.map(({ version }) => version),
    [1, 2],
  );
  t.equal((await writeVersion(store)).version, 4, 'damaged versions keep their numbers');
  t.strictSame(await store.prune(model, { keep: 2 }), [1, 2], 'damaged versions do not count as kept');
};

const names: Check = async (t, store) => {
  for (const bad of ['', '..', 'a/b', 'a.b', 'ä', 'x'.repeat(65)]) {
    await rejectsWith(t, store.begin(bad), { kind: 'badInput' }, JSON.stringify(bad));
    await rejectsWith(t, store.list(bad), { kind: 'badInput' });
    await rejectsWith(t, store.remove(bad), { kind: 'badInput' });
  }
};

const checks: Readonly<Record<string, Check>> = {
  'a version - is read as it was written': roundTrip,
  'any images - are read as they were written': anyRoundTrip,
  'shards - may be added in any order and at once': anyOrder,
  'numbers - are never used again': numbers,
  'blobs - are read as they were written, and damage in them is named': blobs,
  'attempts - end once, and do not disturb each other': attempts,
  'a version that could not be read - is not written': refusals,
  'the pointer - moves only to what exists, and its version is never pruned': pointer,
  'remove - takes all of one model and nothing else': remove,
  'damage - is named, and other versions stay usable': damage,
  'model names - are checked before anything is touched': names,
};

export async function checkStore(t: Test, makeHarness: () => Promise<StoreHarness>): Promise<void> {
  for (const [name, check] of Object.entries({ ...checks, ...chainChecks })) {
    await t.test(name, async (t) => {
      const harness = await makeHarness();
      t.teardown(() => harness.close());
      await check(t, await harness.open(), harness);
    });
  }
}
