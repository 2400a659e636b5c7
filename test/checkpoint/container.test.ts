/**
 * One version in one file: carried out of a chain and into another store, and the reader against anything that is not
 * such a file: it refuses by name, reads only what lies in the file, and never takes memory for what is not there.
 */
import { spawnSync } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { exportVersion, factsOf, importVersion } from '../../src/checkpoint/carry.ts';
import { ContainerReader } from '../../src/checkpoint/container.ts';
import { differenceOf } from '../../src/checkpoint/difference.ts';
import { nodeDisk } from '../../src/checkpoint/disk.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { Manifest, ShardImage } from '../../src/checkpoint/store.ts';
import { verifyVersions } from '../../src/checkpoint/verify.ts';
import {
  readBlobs,
  rejectsWith,
  sampleBlobs,
  sampleFacts,
  sampleImages,
  writeVersion,
} from '../checks/checkpoint-store.ts';
import { tableOf } from '../checks/version-chains.ts';

const now = () => Date.parse('2026-11-02T09:00:00Z');
const { model } = sampleFacts;

/** A full version, and one laid over it in which one row changed, one is new and one became zero; with a blob. */
async function chainIn(folder: string) {
  const store = openFileStore({ folder, now });
  const first = await writeVersion(store);
  const [left, right] = sampleImages as [ShardImage, ShardImage];
  const writer = await store.begin(model);
  await writer.addShard({ ...left, keys: Uint32Array.of(0, 5), rows: Float32Array.of(1, -2, 0.75, 7, 8, 9) });
  await writer.addShard({ ...right, keys: Uint32Array.of(9), rows: Float32Array.of(0, 0, 0) });
  await writer.addBlob('seen-ids', sampleBlobs['seen-ids']!);
  const second = await writer.commit({ ...sampleFacts, parent: 1 }, first.version);
  return { store, first, second };
}

const accept = (manifest: Manifest) => ({ ...factsOf(manifest), reason: 'import' as const });

async function exported(t: Test) {
  const folder = t.testdir({ from: {}, to: {} });
  const chain = await chainIn(join(folder, 'from'));
  const path = join(folder, 'version.tar');
  await exportVersion(chain.store, chain.second, nodeDisk, path);
  return { ...chain, path, folder, target: openFileStore({ folder: join(folder, 'to'), now }) };
}

t.test('a version laid over another - is exported full, and imported under a new number', async (t) => {
  const { store, second, path, target } = await exported(t);
  await writeVersion(target);
  const made = await importVersion(target, nodeDisk, path, accept);
  t.match(made, { version: 2, reason: 'import', parent: 1, totals: second.totals });
  t.equal(made.base, undefined);
  t.strictSame(await tableOf(target, made), await tableOf(store, second));
  t.strictSame(await readBlobs(target, made), { 'seen-ids': sampleBlobs['seen-ids'] });
  t.equal(await target.readPointer(model), undefined, 'the pointer does not move');
});

t.test('the file - is a tar that unpacks to a folder of versions', async (t) => {
  const { store, second, path, folder } = await exported(t);
  const tar = spawnSync('tar', ['-xf', path, '-C', join(folder, 'to')], { encoding: 'utf8' });
  if (tar.error !== undefined) {
    t.pass('no tar on this machine', { skip: true });
    return;
  }
  t.equal(tar.status, 0, tar.stderr);
  const unpacked = openFileStore({ folder: join(folder, 'to'), now });
  const manifest = await unpacked.readManifest(model, 2);
  t.strictSame(await tableOf(unpacked, manifest), await tableOf(store, second));
});

t.test('what is refused - leaves nothing in the store', async (t) => {
  const { path, target } = await exported(t);
  const bytes = await readFile(path);
  const refusal = new MillraceError('conflict', 'another model');
  await rejectsWith(
    t,
    importVersion(target, nodeDisk, path, () => {
      throw refusal;
    }),
    refusal,
  );
  const damage = fc.record({ place: fc.nat(bytes.length - 1), xor: fc.integer({ min: 1, max: 255 }) });
  const property = fc.asyncProperty(damage, async ({ place, xor }) => {
    const changed = Buffer.from(bytes);
    changed[place]! ^= xor;
    await writeFile(path, changed);
    const outcome = await importVersion(target, nodeDisk, path, accept).then(
      async (manifest) => {
        // Only bytes that mean nothing may change: padding, and fields of the header that are not read.
        const table = await tableOf(target, manifest);
        await target.remove(model);
        return table.length > 0 && isPadding(bytes, place);
      },
      (error) => error instanceof MillraceError,
    );
    t.ok(outcome, `byte ${place}`);
    t.strictSame(await target.list(model), { versions: [], damaged: [] });
  });
  await fc.assert(property, { numRuns: 80 });
  for (const length of [0, 1, 511, 512, 700, bytes.length - 1024, bytes.length - 1]) {
    await writeFile(path, bytes);
    await truncate(path, length);
    await rejectsWith(
      t,
      importVersion(target, nodeDisk, path, accept),
      { kind: 'badInput' },
      `cut at ${length}`,
    );
  }
});

/** Whether a byte lies between the end of a part and the next header. */
function isPadding(bytes: Buffer, place: number): boolean {
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
    const end = at + 512 + size;
    at = Math.ceil(end / 512) * 512;
    if (place >= end && place < at) return true;
  }
  return false;
}

t.test('any bytes as a container - are refused, and reading stays inside the file', async (t) => {
  const { path } = await exported(t);
  const real = await readFile(path);
  const mixed = fc.tuple(fc.uint8Array({ maxLength: 600 }), fc.nat(real.length), fc.nat(real.length));
  const property = fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 3_000 }), mixed), async (given) => {
    const bytes = Array.isArray(given)
      ? Buffer.concat([real.subarray(0, given[1]), given[0], real.subarray(given[2])])
      : Buffer.from(given);
    let read = 0;
    const source = {
      size: bytes.length,
      read: async (target: Uint8Array, at: number) => {
        read += target.byteLength;
        return bytes.copy(target, 0, at);
      },
    };
    const outcome = await ContainerReader.open(source).then(
      () => true,
      (error) => error instanceof MillraceError && error.kind === 'badInput',
    );
    t.ok(outcome && read <= bytes.length + 512);
  });
  await fc.assert(property, { numRuns: 200 });
});

t.test('a difference - counts rows, and shows the largest changes first', async (t) => {
  const { store, first, second } = await chainIn(t.testdir());
  const { largest, ...counts } = await differenceOf(store, first, second, 10);
  t.strictSame(counts, { same: 2, changed: 1, added: 1, removed: 0 });
  t.strictSame(largest, [
    { key: 5, after: [7, 8, 9], change: 9 },
    { key: 0, before: [1, -2, 0.5], after: [1, -2, 0.75], change: 0.25 },
  ]);
  const back = await differenceOf(store, second, first, 1);
  t.match(back, { same: 2, changed: 1, added: 0, removed: 1, largest: [{ key: 5 }] });
  t.equal(back.largest.length, 1);
  const other = await writeVersion(store, [{ ...sampleImages[0]!, end: 8 }], { ...sampleFacts, keyCount: 8 });
  await rejectsWith(t, differenceOf(store, first, other, 1), {
    kind: 'conflict',
    message: /16 rows of 3 and 8 rows/,
  });
});

t.test('verify - reads every byte, and says what stands on a damaged link', async (t) => {
  const folder = t.testdir();
  const { store } = await chainIn(folder);
  const whole = await verifyVersions(store, model);
  t.match(whole, [
    { version: 1, files: 3 },
    { version: 2, files: 4 },
  ]);
  t.ok(whole.every(({ problem }) => problem === undefined));
  const file = join(folder, model, '0000000001/shard-000.bin');
  const bytes = await readFile(file);
  bytes[40]! ^= 1;
  await writeFile(file, bytes);
  t.equal((await store.list(model)).damaged.length, 0, 'sizes alone do not show it');
  const problem = 'shard-000.bin: its checksum does not match its bytes';
  t.match(await verifyVersions(store, model), [
    { version: 1, problem },
    { version: 2, problem: `it is laid over version 1: ${problem}` },
  ]);
  t.match(await verifyVersions(store, model, 2), [{ version: 2, problem: /laid over version 1/ }]);
  await rejectsWith(t, verifyVersions(store, model, 9), { kind: 'notFound' });
});
