/**
 * The learner actor: reads its model's stream in order from where the parameters stand, and learns. What it may
 * do twice it does twice; what counts is what the shards commit (src/learner).
 */
import type { ModelConfig } from '../config/schema.ts';
import type { Featurizer } from '../src/features/featurizer.ts';
import { buildModel } from '../src/kernels/build-model.ts';
import { BatchBuilder, batchEventsMax } from '../src/learner/batch-builder.ts';
import { keepIn } from '../src/learner/board-file.ts';
import { EntryQueue } from '../src/learner/entry-queue.ts';
import { ExclusionFilter } from '../src/learner/exclusion-filter.ts';
import { gapAlarm } from '../src/learner/gap-alarm.ts';
import { Learner } from '../src/learner/learner.ts';
import { readInto } from '../src/learner/read-entries.ts';
import { keepRejected } from '../src/learner/rejected-log.ts';
import { assertSameLog } from '../src/learner/same-log.ts';
import { ShardClient } from '../src/learner/shard-client.ts';
import { firstSequence, takeOver } from '../src/learner/take-over.ts';
import { WorkBoard } from '../src/learner/work-board.ts';
import { readsTime } from '../src/model/definition.ts';
import { packInternal, unpackInternal } from '../src/protocol/codec.ts';
import type { CutRequest, Exclusion, LearnerReport, PauseRequest } from '../src/protocol/internal.ts';
import { type Subjects, subjectsOf } from '../src/protocol/subjects.ts';
import type { ActorContext, RunningActor } from '../src/runtime/actor.ts';
import { actorThread } from '../src/runtime/thread.ts';

export interface LearnerSettings {
  readonly root: string;
  readonly model: string;
  readonly epoch: number;
  readonly config: ModelConfig;
  readonly learner: number;
  /** Memory of the work board (src/learner/work-board.ts). */
  readonly board: SharedArrayBuffer;
  /** Where the board is kept, too; nowhere when undefined. */
  readonly boardFile: string | undefined;
  readonly stream: { readonly name: string; readonly created: string };
  /** Of the epoch. */
  readonly exclusions: readonly Exclusion[];
  readonly paused: boolean;
  readonly requestTimeoutMs: number;
  readonly queueBytesMax: number;
  readonly reportMs: number;
}

type Context = ActorContext<LearnerSettings>;

export async function learnerActor(context: Context, build = buildModel): Promise<RunningActor> {
  const { channel, settings, log } = context;
  const { model, epoch, config, learner } = settings;
  const subjects = subjectsOf(settings.root);
  const { learners } = config.actors;
  const built = build(config);
  const shards = shardClient(context, subjects, built.model.layout);
  const { marks, sums, anchors } = await takeOver(shards);
  await assertSameLog(channel, settings.stream, anchors);
  const first = firstSequence(marks, learner, learners);
  const board = boardOf(context, first - 1);
  const queue = new EntryQueue(config.batch.eventsMax * 4, settings.queueBytesMax);
  const loop = new Learner({
    definition: built.definition,
    model: built.model,
    modelName: model,
    learners,
    shards,
    builder: builderOf(settings, built.featurizer, marks, board),
    queue,
    board,
    recentIdsMax: config.dedupe.idsMax,
    keepRejected: (events) => keepRejected(channel, subjects, log, events),
    gapFound: gapAlarm(channel, subjects, model, log),
    sums,
    paused: settings.paused,
    faults: context.faults,
  });

  const reader = await channel.readFrom(subjects.stream(model), first);
  log.info({ model, epoch, first }, 'learning');
  const cuts = channel.subscribe(subjects.learners(model, epoch, 'cut'), (message) => {
    loop.cut(unpackInternal<CutRequest>(message.data).cut);
  });
  const pausing = channel.subscribe(subjects.learners(model, epoch, `pause-${learner}`), (message) => {
    loop.setPaused(unpackInternal<PauseRequest>(message.data).paused);
    message.respond(packInternal({}));
  });
  const report = () => {
    const body: LearnerReport = { kind: 'learner', model, learner, kernels: built.model.report() };
    channel.publish(subjects.report('learner', model), packInternal(body));
  };
  const reporting = setInterval(report, settings.reportMs);
  report();
  const running = loop.run();
  running.catch(context.fail);
  readInto(queue, reader, epoch).catch(context.fail);
  return {
    async stop() {
      clearInterval(reporting);
      cuts.unsubscribe();
      pausing.unsubscribe();
      loop.stop();
      await running;
      await reader.close();
    },
  };
}

function shardClient(
  context: Context,
  subjects: Subjects,
  layout: { keyCount: number; width: number },
): ShardClient {
  const { model, epoch, config, learner, requestTimeoutMs } = context.settings;
  return new ShardClient(context.channel, subjects, {
    model,
    epoch,
    shards: config.actors.shards,
    keyCount: layout.keyCount,
    rowWidth: layout.width,
    identity: { learner, life: context.life },
    timeoutMs: requestTimeoutMs,
    faults: context.faults,
  });
}

function boardOf({ settings, faults, log }: Context, doneTo: number): WorkBoard {
  const board = new WorkBoard(settings.board, { faults, keep: keepIn(settings.boardFile, log) });
  board.done(doneTo);
  return board;
}

function builderOf(
  settings: LearnerSettings,
  featurizer: Featurizer,
  marks: Float64Array,
  board: WorkBoard,
): BatchBuilder {
  const { model, config, learner, exclusions } = settings;
  const { eventsPerMessageMax, featuresMax, featuresPerMessageMax } = config.limits;
  const { learners } = config.actors;
  const { task, classWeights, partitions } = config;
  const place = { model, task, classWeights, partitions, learner, learners };
  const recentIdsMax = config.dedupe.idsMax;
  const limits = { eventsPerMessageMax, featuresMax, featuresPerMessageMax, recentIdsMax };
  const times = { readsTime: readsTime(config.features) };
  const own = { ...place, ...limits, ...times, eventsMax: batchEventsMax(config) };
  return new BatchBuilder(own, featurizer, marks, new ExclusionFilter(exclusions), board);
}

export default actorThread(learnerActor);
