/** From configuration to the actors of a model: the one file that names actor files. Pure. */
import type { CheckpointerSettings } from '../actors/checkpointer.ts';
import type { LearnerSettings } from '../actors/learner.ts';
import type { MonitorSettings } from '../actors/monitor.ts';
import type { PredictorSettings } from '../actors/predictor.ts';
import type { ShardSettings } from '../actors/shard.ts';
import type { Config, ModelConfig } from '../config/schema.ts';
import { keyRangeOf } from './base/key-range.ts';
import { boardFile } from './learner/board-file.ts';
import { rowLayoutOf } from './model/row-layout.ts';
import type { EpochEntry, ServedState } from './protocol/internal.ts';
import type { ActorKind, ActorSpec } from './runtime/actor.ts';
import type { ShardBuffers, ShardShape } from './shard/memory.ts';

/** What holds for every actor of a process. */
export interface Surroundings {
  readonly config: Pick<Config, 'root' | 'metrics'>;
  readonly checkpointFolder: string;
  /** Where learners note what they are at, for when the process dies; nowhere when undefined. */
  readonly workFolder?: string;
  readonly codeVersion: string;
}

/** One epoch of one model. */
export interface ModelEpoch {
  readonly model: string;
  readonly config: ModelConfig;
  readonly served: ServedState;
  readonly shapes: readonly ShardShape[];
  readonly buffers: readonly ShardBuffers[];
  /** Where each learner says what it is at. */
  readonly boards: readonly SharedArrayBuffer[];
  readonly stream: { readonly name: string; readonly created: string };
  /** Our number among those that have owned the model's versions. */
  readonly owner: number;
  /** Events learned as of the version that the epoch starts from. */
  readonly learned: number;
  readonly paused: boolean;
  readonly entry: EpochEntry;
}

/** A request between actors that is not answered by then is sent again. */
const requestTimeoutMs = 2_000;
/** Stream entries that wait in a learner at most. */
const queueBytesMax = 16 * 1024 * 1024;

/** Entry files keep the ending of this one: .ts from source, .js when built. */
const entryOf = (kind: ActorKind): string =>
  new URL(`../actors/${kind}${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url)
    .href;

const specOf = <Settings>(kind: ActorKind, name: string, settings: Settings): ActorSpec<Settings> => ({
  name,
  kind,
  entry: entryOf(kind),
  settings,
  restart: 'permanent',
});

const numbered = <Item>(count: number, make: (number: number) => Item): Item[] =>
  Array.from({ length: count }, (_, number) => make(number));

/** The shape of each shard of a model. */
export function shardShapes(config: ModelConfig): ShardShape[] {
  const layout = rowLayoutOf(config);
  const { shards, learners } = config.actors;
  const { eventsPerMessageMax, featuresPerMessageMax } = config.limits;
  return numbered(shards, (shard) => {
    const range = keyRangeOf(shard, shards, layout.keyCount);
    // A batch takes entries until it is full, and the last one whole.
    const batchEventsMax = config.batch.eventsMax + eventsPerMessageMax;
    const stagedRowsMax = Math.min(range.end - range.start, 2 * featuresPerMessageMax + layout.sharedRows);
    return {
      shard,
      shards,
      range,
      layout,
      partitions: config.partitions,
      learners,
      stagedRowsMax,
      batchEventsMax,
      recentIdsMax: shard === 0 ? config.dedupe.idsMax : 0,
    };
  });
}

export interface ModelActors {
  readonly shards: readonly ActorSpec<ShardSettings>[];
  readonly learners: readonly ActorSpec<LearnerSettings>[];
  readonly predictors: readonly ActorSpec<PredictorSettings>[];
  readonly checkpointer: ActorSpec<CheckpointerSettings>;
}

export function modelActors(around: Surroundings, epoch: ModelEpoch): ModelActors {
  const { model, config, served, shapes, buffers, boards, stream, owner, learned, paused, entry } = epoch;
  const { root, metrics } = around.config;
  const { codeVersion, checkpointFolder, workFolder } = around;
  const common = { root, model, requestTimeoutMs, reportMs: metrics.intervalMs };
  const { intervalMs: deltaIntervalMs, heartbeatMs } = config.snapshot;
  return {
    shards: shapes.map((shape, shard) => {
      const settings = {
        ...common,
        epoch: served.epoch,
        shape,
        buffers: buffers[shard]!,
        deltaIntervalMs,
        heartbeatMs,
      };
      return specOf('shard', `${model}/shard/${shard}`, settings);
    }),
    learners: numbered(config.actors.learners, (learner) => {
      const board = boards[learner]!;
      const file = workFolder && boardFile(workFolder, model, learner);
      const work = {
        learner,
        board,
        boardFile: file,
        stream,
        exclusions: entry.exclusions,
        paused,
        queueBytesMax,
      };
      const settings = { ...common, epoch: served.epoch, config, ...work };
      return specOf('learner', `${model}/learner/${learner}`, settings);
    }),
    predictors: numbered(config.actors.predictors, (predictor) =>
      specOf('predictor', `${model}/predictor/${predictor}`, {
        ...common,
        config,
        predictor,
        served,
        codeVersion,
      }),
    ),
    checkpointer: specOf('checkpointer', `${model}/checkpointer`, {
      ...common,
      config,
      epoch: served.epoch,
      entry,
      folder: checkpointFolder,
      owner,
      stream,
      base: { version: served.version, learned },
      codeVersion,
    }),
  };
}

export const monitorActor = (around: Surroundings): ActorSpec<MonitorSettings> =>
  specOf('monitor', 'monitor', {
    root: around.config.root,
    windowEvents: around.config.metrics.windowEvents,
  });

/** Where a learner says what it is at; undefined of other actors. */
export function boardOf(spec: ActorSpec): SharedArrayBuffer | undefined {
  return spec.kind === 'learner' ? (spec.settings as LearnerSettings).board : undefined;
}

/** A model's actors in the order in which they are started. */
export const stagesOf = (actors: ModelActors): (readonly ActorSpec[])[] => [
  actors.shards,
  actors.learners,
  actors.predictors,
  [actors.checkpointer],
];
