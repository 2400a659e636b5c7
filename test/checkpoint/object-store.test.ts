/** The object store of real NATS servers against the shared suite, and what only objects can suffer. */
import t, { type Test } from 'tap';
import { objectPlace } from '../../src/checkpoint/object-storage.ts';
import { openStore } from '../../src/checkpoint/open-store.ts';
import type { CheckpointStore, ShardImage } from '../../src/checkpoint/store.ts';
import type { Channel } from '../../src/nats/channel.ts';
import {
  checkStore,
  plain,
  readImages,
  rejectsWith,
  sampleFacts,
  sampleImages,
  writeVersion,
} from '../checks/checkpoint-store.ts';
import { fixture, onEachServer } from '../support/channel-fixture.ts';

t.setTimeout(120_000);
const now = () => Date.parse('2026-11-02T09:00:00Z');
const { model } = sampleFacts;

const storeOn = (channel: Channel, root: string): CheckpointStore =>
  openStore('nats', { channel, root, now, folder: 'not used' });

const nameOf = (version: number, part: string | number): string => {
  const [, blob] = /^blob (\d+)$/.exec(String(part)) ?? [];
  const [kind, index] = blob === undefined ? ['shard', part] : ['blob', blob];
  const file = part === 'manifest' ? 'manifest.json' : `${kind}-${String(index).padStart(3, '0')}.bin`;
  return `${model}/${String(version).padStart(10, '0')}/${file}`;
};

await onEachServer(t, 'a store of objects - passes the checks of all stores', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  let made = 0;
  await checkStore(t, async () => {
    const root = `r${made++}`;
    return {
      runs: 4,
      open: async () => storeOn(channel, root),
      tamper: async (_model, version, part, change) => {
        const { objects } = await objectPlace(channel, root)();
        const found = await objects.get(nameOf(version, part));
        if (found?.kind !== 'object') throw new Error(`no object ${nameOf(version, part)}`);
        await objects.put(nameOf(version, part), change(found.bytes));
      },
      close: async () => undefined,
    };
  });
});

await onEachServer(
  t,
  'objects - damage below the format is named, and nothing hangs',
  async (t, { binary }) => {
    const { channel } = await fixture(t, { binary });
    const store = storeOn(channel, 'r');
    const first = await writeVersion(store);
    const second = await writeVersion(store);
    const { objects } = await objectPlace(channel, 'r')();
    // The chunks of every object are lost, and what stands of them remains.
    await purgeChunks(channel);
    await rejectsWith(t, store.readShard(first, 0), {
      name: 'DamagedVersionError',
      file: 'shard-000.bin',
      reason: '0 of its 1 chunks are there',
    });
    await objects.remove(nameOf(2, 1));
    await rejectsWith(t, store.readShard(second, 1), {
      version: 2,
      file: 'shard-001.bin',
      reason: 'it is missing',
    });
    t.strictSame((await storeOn(channel, 'r').list(model)).versions, []);
  },
);

/** What an operator or a full disk could do to the stream of an object store. */
async function purgeChunks(channel: Channel): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify({ filter: '$O.r_versions.C.>' }));
  await channel.request('$JS.API.STREAM.PURGE.OBJ_r_versions', body, { timeoutMs: 5_000 });
}

await onEachServer(
  t,
  'a shard above 32 MiB - lies in several objects and is read whole',
  async (t, { binary }) => {
    const { channel } = await fixture(t, { binary });
    const store = storeOn(channel, 'r');
    const count = 2_500_000;
    const keys = Uint32Array.from({ length: count }, (_, at) => at * 2);
    const rows = Float32Array.from({ length: count * 3 }, (_, at) => at + 0.5);
    const large: ShardImage = { start: 0, end: 2 * count, rowWidth: 3, keys, rows };
    const manifest = await writeVersion(store, [large], { ...sampleFacts, keyCount: 2 * count });
    t.equal(manifest.shards.length, 2);
    t.ok(manifest.shards.every(({ bytes }) => bytes <= 32 * 1024 * 1024));
    const read = await readImages(storeOn(channel, 'r'), manifest);
    t.equal(read[0]!.end, read[1]!.start);
    t.ok(Buffer.concat(read.map((image) => Buffer.from(image.keys.buffer))).equals(Buffer.from(keys.buffer)));
    t.ok(Buffer.concat(read.map((image) => Buffer.from(image.rows.buffer))).equals(Buffer.from(rows.buffer)));
  },
);

await onEachServer(t, 'removed versions - leave nothing in the stream', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  const store = storeOn(channel, 'r');
  for (let version = 1; version <= 5; version++) await writeVersion(store);
  const before = await channel.streamState('OBJ_r_versions');
  t.strictSame(await store.prune(model, { keep: 1 }), [1, 2, 3, 4]);
  const after = await channel.streamState('OBJ_r_versions');
  t.equal(after!.messages * 5, before!.messages);
  t.strictSame(
    (await readImages(store, await store.readManifest(model, 5))).map(plain),
    sampleImages.map(plain),
  );
});

await onEachServer(
  t,
  'leftovers and numbers - as with files, also between two processes',
  async (t, server) => {
    const { channel, connect } = await fixture(t, { binary: server.binary });
    await crashIn(t, storeOn(channel, 'r'));
    const other = storeOn(await connect(), 'r');
    const taken = await Promise.all([other.begin(model), storeOn(channel, 'r').begin(model)]);
    t.not(taken[0].version, taken[1].version);
    t.ok(taken.every(({ version }) => version > 1));
    const { objects } = await objectPlace(channel, 'r')();
    t.strictSame(await objects.names(), [], 'what the crashed attempt left is gone');
  },
);

async function crashIn(t: Test, store: CheckpointStore): Promise<void> {
  const writer = await store.begin(model);
  await writer.addShard(sampleImages[0]!);
  t.equal(writer.version, 1);
}
