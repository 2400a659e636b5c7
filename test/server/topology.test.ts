import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createBoardBuffer } from '../../src/learner/work-board.ts';
import { createShardBuffers } from '../../src/shard/memory.ts';
import { modelActors, monitorActor, shardShapes } from '../../src/topology.ts';
import { configOf } from '../learner/harness.ts';

const config = configOf({ actors: { shards: 3, learners: 2, predictors: 2 }, partitions: 8 });
const around = {
  config: { root: 'r', metrics: { windowEvents: 100, intervalMs: 50 } },
  checkpointFolder: 'folder',
  codeVersion: '1',
};

t.test('shapes - cover every key once, and hold the largest batch', async (t) => {
  for (const shards of [1, 2, 3, 64]) {
    const shapes = shardShapes({ ...config, actors: { ...config.actors, shards } });
    t.equal(shapes[0]!.range.start, 0);
    for (const [at, { range, shard }] of shapes.entries()) {
      t.equal(shard, at);
      t.equal(range.end, shapes[at + 1]?.range.start ?? 257);
    }
    const [shape] = shapes;
    t.equal(shape!.batchEventsMax, config.batch.eventsMax + config.limits.eventsPerMessageMax);
    t.ok(shape!.stagedRowsMax >= Math.min(shape!.range.end, config.limits.featuresPerMessageMax * 1.125));
  }
});

t.test(
  'actors - have names of their own, files that are there, and settings that can cross to a thread',
  async (t) => {
    const shapes = shardShapes(config);
    const served = { epoch: 9, version: 2, leftOut: [] };
    const exclusions = [{ kind: 'id', value: 'x', untilSeq: 5 }] as const;
    const entry = {
      kind: 'epoch',
      reason: 'start',
      base: 2,
      skipTo: 0,
      leftOut: [],
      exclusions,
      fingerprint: 'f',
    } as const;
    const actors = modelActors(around, {
      model: 'm',
      config,
      served,
      entry,
      shapes,
      buffers: shapes.map(createShardBuffers),
      boards: Array.from({ length: config.actors.learners }, createBoardBuffer),
      stream: { name: 's', created: 'then' },
      owner: 1,
      learned: 77,
      paused: true,
    });
    const specs = [
      ...actors.shards,
      ...actors.learners,
      ...actors.predictors,
      actors.checkpointer,
      monitorActor(around),
    ];
    t.equal(new Set(specs.map(({ name }) => name)).size, 9);
    for (const { entry, settings, restart } of specs) {
      t.ok(existsSync(fileURLToPath(entry)), entry);
      t.doesNotThrow(() => structuredClone(settings));
      t.equal(restart, 'permanent');
    }
    t.strictSame(
      actors.shards.map(({ settings }) => [settings.epoch, settings.shape.shard]),
      [
        [9, 0],
        [9, 1],
        [9, 2],
      ],
    );
    t.strictSame(
      actors.learners.map(({ settings }) => [settings.learner, settings.paused, settings.epoch]),
      [
        [0, true, 9],
        [1, true, 9],
      ],
    );
    t.strictSame(actors.learners[0]!.settings.exclusions, exclusions);
    t.match(actors.predictors[1]!.settings, { predictor: 1, served });
    t.match(actors.checkpointer.settings, { base: { version: 2, learned: 77 }, epoch: 9, folder: 'folder' });
  },
);
