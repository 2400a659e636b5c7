/**
 * Goal: whatever call of the disk is the last one before a crash, and whatever single call fails, what is
 * found afterwards is whole versions and nothing else, and no number comes twice.
 * Method: run one script of store calls over a real folder with a disk that stops working at the n-th call, for
 * every n until the script ends by itself; then look with a disk that works.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { type Disk, nodeDisk, type WritableFile } from '../../src/checkpoint/disk.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { CheckpointStore } from '../../src/checkpoint/store.ts';
import { plain, readImages, sampleFacts, sampleImages, writeVersion } from '../checks/checkpoint-store.ts';

const now = () => Date.parse('2026-11-02T09:00:00Z');
const { model } = sampleFacts;

type Step = (call: string, torn?: () => Promise<void>) => Promise<void>;

/** A real disk that asks `step` before each call. It does not sync: nothing here cuts the power. */
function diskOf(step: Step): Disk {
  const name = (path: string) => basename(path);
  const watched = (file: WritableFile, path: string): WritableFile => ({
    write: async (bytes) => {
      await step(`write ${name(path)}`, () => file.write(bytes.subarray(0, bytes.byteLength >> 1)));
      await file.write(bytes);
    },
    sync: () => step(`sync ${name(path)}`),
    close: () => file.close(),
  });
  const before =
    <Rest extends unknown[], Result>(call: string, run: (path: string, ...rest: Rest) => Promise<Result>) =>
    async (path: string, ...rest: Rest): Promise<Result> => {
      await step(`${call} ${name(path)}`);
      return run(path, ...rest);
    };
  return {
    ensureFolder: before('ensure', nodeDisk.ensureFolder),
    makeFolder: before('make', nodeDisk.makeFolder),
    entries: nodeDisk.entries,
    syncFolder: before('sync', async () => undefined),
    create: before('create', async (path: string, mode: 'replace' | 'exclusive') =>
      watched(await nodeDisk.create(path, mode), path),
    ),
    openForReading: nodeDisk.openForReading,
    rename: async (from, to) => {
      await step(`rename ${name(to)}`);
      await nodeDisk.rename(from, to);
    },
    removeFile: before('remove', nodeDisk.removeFile),
    removeTree: async (path) => {
      await step(`removeTree ${name(path)}`, () => rm(join(path, 'shard-000.bin'), { force: true }));
      await nodeDisk.removeTree(path);
    },
  };
}

/** Tells what it was promised as it goes: numbers given, versions committed, the last pointer written. */
interface Promised {
  readonly numbers: number[];
  readonly committed: Set<number>;
  pointer: number;
  removing: boolean;
}

async function script(store: CheckpointStore, promised: Promised): Promise<void> {
  const make = async () => {
    const writer = await store.begin(model);
    promised.numbers.push(writer.version);
    for (const image of sampleImages) await writer.addShard(image);
    await writer.commit(sampleFacts);
    promised.committed.add(writer.version);
    await store.writePointer(model, { version: writer.version });
    promised.pointer = writer.version;
  };
  await make();
  const abandoned = await store.begin(model);
  promised.numbers.push(abandoned.version);
  await abandoned.addShard(sampleImages[0]!);
  await abandoned.abandon();
  await make();
  promised.removing = true;
  await store.prune(model, { keep: 1 });
}

async function lookAfterwards(t: Test, folder: string, promised: Promised, when: string): Promise<void> {
  const store = openFileStore({ folder, now });
  const { versions, damaged } = await store.list(model);
  const found = versions.map(({ manifest }) => manifest.version);
  t.strictSame(damaged, [], `nothing is damaged ${when}`);
  for (const { manifest } of versions) {
    t.strictSame((await readImages(store, manifest)).map(plain), sampleImages.map(plain), `whole ${when}`);
  }
  const pointer = (await store.readPointer(model))?.version ?? 0;
  t.ok(
    pointer >= promised.pointer && (pointer === 0 || found.includes(pointer)),
    `the pointer holds ${when}`,
  );
  if (!promised.removing) {
    t.ok(
      [...promised.committed].every((version) => found.includes(version)),
      `what was committed is there ${when}`,
    );
  }
  const next = await writeVersion(store);
  const used = [...promised.numbers, ...found];
  t.ok(next.version > Math.max(0, ...used), `${next.version} is a new number ${when}`);
  const inside = await readdir(join(folder, model));
  t.notOk(
    inside.some((name) => name.endsWith('.tmp')),
    `no leftovers ${when}`,
  );
}

const newPromise = (): Promised => ({ numbers: [], committed: new Set(), pointer: 0, removing: false });

t.test('a crash at any call - leaves whole versions, and numbers go on', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  t.teardown(() => rm(root, { recursive: true }));
  let survived = false;
  for (let last = 0; !survived; last++) {
    let calls = 0;
    const disk = diskOf(async (_call, torn) => {
      if (calls++ < last) return;
      if (calls === last + 1) await torn?.();
      throw Object.assign(new Error('the machine is gone'), { code: 'EIO' });
    });
    const folder = join(root, String(last));
    const promised = newPromise();
    survived = await script(openFileStore({ folder, now, disk }), promised).then(
      () => true,
      () => false,
    );
    await lookAfterwards(t, folder, promised, `after ${last} calls`);
  }
});

t.test('one failing call - is told with the folder, and the attempt is cleaned up', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-full-'));
  t.teardown(() => rm(root, { recursive: true }));
  let survived = false;
  for (let failing = 0; !survived; failing++) {
    let calls = 0;
    const disk = diskOf(async (_call, torn) => {
      if (calls++ !== failing) return;
      await torn?.();
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    });
    const folder = join(root, String(failing));
    const store = openFileStore({ folder, now, disk });
    const error = await writeVersion(store).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    survived = calls <= failing;
    if (survived) break;
    t.match(error, { name: 'MillraceError', kind: 'internal' }, `call ${failing}`);
    t.ok(
      error?.message.startsWith(`No space left in ${join(folder, model)}`),
      `call ${failing} names the folder`,
    );
    const inside = await readdir(join(folder, model)).catch(() => []);
    t.strictSame(
      inside.filter((name) => !name.startsWith('LAST-')),
      [],
      'nothing is left but the number',
    );
    t.equal((await writeVersion(store)).version, inside.length + 1);
  }
});

t.test(
  'a disk that fails while a version is given up - hides no other error, and the next one clears up',
  async (t) => {
    const folder = t.testdir();
    const disk = diskOf(async (call) => {
      if (call.startsWith('removeTree')) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    });
    const writer = await openFileStore({ folder, now, disk }).begin(model);
    await writer.addShard(sampleImages[0]!);
    await writer.abandon();
    const store = openFileStore({ folder, now });
    t.equal((await writeVersion(store)).version, writer.version + 1);
    const { versions, damaged } = await store.list(model);
    t.strictSame([versions.length, damaged], [1, []]);
  },
);

t.test('a number taken by another process in between - is not taken again', async (t) => {
  const folder = t.testdir();
  const other = openFileStore({ folder, now });
  const others: number[] = [];
  const disk = diskOf(async (call) => {
    if (call !== 'create LAST-0000000001' || others.length > 0) return;
    // The other takes 1 and 2, and clears the name of 1, after we have chosen it and before we create it.
    for (let i = 0; i < 2; i++) others.push((await other.begin(model)).version);
  });
  const ours = await openFileStore({ folder, now, disk }).begin(model);
  t.strictSame([...others, ours.version], [1, 2, 3]);
});

t.test('the order of calls - nothing is named before it is synced, and the manifest is last', async (t) => {
  const calls: string[] = [];
  const disk = diskOf(async (call) => {
    calls.push(call);
  });
  const store = openFileStore({ folder: t.testdir(), now, disk });
  await writeVersion(store);
  const at = (call: string) => {
    t.ok(calls.includes(call), call);
    return calls.indexOf(call);
  };
  const inOrder = (...names: string[]) => {
    const places = names.map(at);
    t.strictSame(
      places,
      places.toSorted((a, b) => a - b),
      names.join(', then '),
    );
  };
  inOrder('create LAST-0000000001', `sync ${model}`, 'make 0000000001', 'create shard-000.bin.tmp');
  inOrder('sync shard-000.bin.tmp', 'rename shard-000.bin', 'sync 0000000001', 'sync shard-001.bin.tmp');
  inOrder(
    'rename shard-001.bin',
    'create manifest.json.tmp',
    'sync manifest.json.tmp',
    'rename manifest.json',
  );
  t.equal(calls.at(-1), 'sync 0000000001');
  t.equal(calls[calls.indexOf('make 0000000001') + 1], `sync ${model}`);
});

/** A file system of 256 KiB in a namespace of its own; only some systems let a user make one. */
const insideSmallDisk = `
  import { openFileStore } from '${new URL('../../src/checkpoint/file-store.js', import.meta.url).href}';
  import { sampleFacts } from '${new URL('../checks/checkpoint-store.js', import.meta.url).href}';
  import { readdirSync } from 'node:fs';
  const folder = process.argv[1];
  const store = openFileStore({ folder, now: () => 0 });
  const count = 100_000;
  const keys = Uint32Array.from({ length: count }, (_, i) => i);
  const image = { start: 0, end: count, rowWidth: 1, keys, rows: new Float32Array(count) };
  const writer = await store.begin(sampleFacts.model);
  const error = await writer.addShard(image).catch((thrown) => thrown);
  console.log(JSON.stringify({ message: error?.message, left: readdirSync(folder + '/' + sampleFacts.model) }));
`;

t.test('a disk that is really full - is told, and is freed', async (t) => {
  const folder = t.testdir();
  const node = [process.execPath, '--input-type=module', '-e', insideSmallDisk, folder];
  const command = 'mount -t tmpfs -o size=256k none "$0" && echo mounted && exec "$@"';
  const child = spawnSync('unshare', ['-mUr', 'sh', '-c', command, folder, ...node], { encoding: 'utf8' });
  if (child.error !== undefined || !child.stdout.startsWith('mounted')) {
    t.pass('this system does not let a user mount a small file system', { skip: true });
    return;
  }
  const { message, left } = JSON.parse(child.stdout.slice('mounted'.length));
  t.match(
    message,
    /^No space left in .*0000000001 while writing a shard of version 1 of model flights: free some/,
  );
  t.strictSame(left, ['LAST-0000000001']);
});
