/** Versions made of real shards over a channel in memory, and stored in files. */
import t, { type Test } from 'tap';
import type { ModelConfig } from '../../config/schema.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { CutClient } from '../../src/cut/cut-client.ts';
import { VersionMaker } from '../../src/cut/version-maker.ts';
import { rowLayoutOf } from '../../src/model/row-layout.ts';
import { readVersion } from '../../src/server/starting-state.ts';
import { shardShapes } from '../../src/topology.ts';
import { configOf, runLearner } from '../learner/harness.ts';
import { silent } from '../shard/fixture.ts';
import { model, type RunningShard, runShard, subjects } from '../shard/row-of-shards.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

function makerOf(t: Test, channel: MemoryChannel, config: ModelConfig) {
  const { keyCount, width: rowWidth } = rowLayoutOf(config);
  const { cutTimeoutMs } = config.checkpoint;
  const shape = { shards: config.actors.shards, keyCount, rowWidth };
  const cuts = new CutClient(channel, subjects, {
    model,
    epoch: 1,
    ...shape,
    cutTimeoutMs,
    requestTimeoutMs: 500,
  });
  const store = openFileStore({ folder: t.testdir(), now: () => 0 });
  const settings = {
    model,
    config,
    epoch: 1,
    entry: {
      kind: 'epoch',
      reason: 'start',
      base: 0,
      skipTo: 0,
      leftOut: [],
      exclusions: [],
      fingerprint: '',
    } as const,
    stream: { name: 's', created: '2026-11-02T09:00:00Z' },
    base: { version: 0, learned: 0 },
    codeVersion: '0.0.0',
  };
  return { store, maker: new VersionMaker(settings, { channel, cuts, store, log: silent }) };
}

t.test('blobs of a shard - are in the version as they were at the cut, however large', async (t) => {
  const channel = new MemoryChannel();
  const config = configOf({ actors: { shards: 2, learners: 1, predictors: 1 } });
  const large = Uint8Array.from({ length: 1_100_000 }, (_, at) => (at * 31) % 251);
  const kept = { 'seen-ids': Uint8Array.of(1, 2, 3), large };
  const shards: RunningShard[] = shardShapes(config).map((shape) =>
    runShard(channel, shape, undefined, 'first', 1, () => (shape.shard === 0 ? kept : {})),
  );
  const learner = await runLearner(channel, config);
  const { store, maker } = makerOf(t, channel, config);
  const { version } = await maker.make('command');
  const { blobs } = await readVersion(store, model, version);
  t.strictSame(Object.keys(blobs), ['large', 'seen-ids']);
  t.ok(Buffer.from(blobs.large!).equals(large));
  t.ok(Buffer.from(blobs['seen-ids']!).equals(kept['seen-ids']));
  await learner.stop();
  for (const shard of shards) shard.stop();
});
