/**
 * The learner actor: reads its model's stream in order from where the parameters stand, and learns. What it may
 * do twice it does twice; what counts is what the shards commit (src/learner).
 */
import type { ModelConfig } from '../config/schema.ts';
import { MillraceError } from '../src/base/errors.ts';
import type { Featurizer } from '../src/features/featurizer.ts';
import { buildModel } from '../src/kernels/build-model.ts';
import { BatchBuilder, batchEventsMax } from '../src/learner/batch-builder.ts';
import { EntryQueue } from '../src/learner/entry-queue.ts';
import { ExclusionFilter } from '../src/learner/exclusion-filter.ts';
import { gapAlarm } from '../src/learner/gap-alarm.ts';
import { Learner } from '../src/learner/learner.ts';
import { keepRejected } from '../src/learner/rejected-log.ts';
import { assertSameLog } from '../src/learner/same-log.ts';
import { ShardClient } from '../src/learner/shard-client.ts';
import { firstSequence, takeOver } from '../src/learner/take-over.ts';
import type { LogEntry, LogReader } from '../src/nats/channel.ts';
import { packInternal, unpackInternal } from '../src/protocol/codec.ts';
import { decodeEpochEntry } from '../src/protocol/epoch-entry.ts';
import { sequenceOfEpoch } from '../src/protocol/epoch-number.ts';
import type { CutRequest, Exclusion, LearnerReport, PauseRequest } from '../src/protocol/internal.ts';
import { type Subjects, subjectsOf, verbOfSubject } from '../src/protocol/subjects.ts';
import type { ActorContext, RunningActor } from '../src/runtime/actor.ts';
import { actorThread } from '../src/runtime/thread.ts';

export interface LearnerSettings {
  readonly root: string;
  readonly model: string;
  readonly epoch: number;
  readonly config: ModelConfig;
  readonly learner: number;
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
  const queue = new EntryQueue(config.batch.eventsMax * 4, settings.queueBytesMax);
  const loop = new Learner({
    definition: built.definition,
    model: built.model,
    modelName: model,
    learners,
    shards,
    builder: builderOf(settings, built.featurizer, marks),
    queue,
    recentIdsMax: config.dedupe.idsMax,
    keepRejected: (events) => keepRejected(channel, subjects, log, events),
    gapFound: gapAlarm(channel, subjects, model, log),
    sums,
    paused: settings.paused,
    faults: context.faults,
  });

  const first = firstSequence(marks, learner, learners);
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

function builderOf(settings: LearnerSettings, featurizer: Featurizer, marks: Float64Array): BatchBuilder {
  const { model, config, learner, exclusions } = settings;
  const { eventsPerMessageMax, featuresMax, featuresPerMessageMax } = config.limits;
  const { learners } = config.actors;
  const place = { model, task: config.task, partitions: config.partitions, learner, learners };
  const recentIdsMax = config.dedupe.idsMax;
  const limits = { eventsPerMessageMax, featuresMax, featuresPerMessageMax, recentIdsMax };
  const own = { ...place, ...limits, eventsMax: batchEventsMax(config) };
  return new BatchBuilder(own, featurizer, marks, new ExclusionFilter(exclusions));
}

async function readInto(queue: EntryQueue, reader: LogReader, epoch: number): Promise<void> {
  for await (const entry of reader) {
    // Another epoch was started by another owner of this model: what this one learns would be refused.
    if (entry.seq > sequenceOfEpoch(epoch) && beginsEpoch(entry)) {
      throw new MillraceError('conflict', `epoch ${epoch} has ended: epoch ${entry.seq} began`);
    }
    queue.push(entry);
    await queue.room();
  }
}

/** An acknowledgement of the server may land on this subject too, when a client names it for the answer to a publish. */
const beginsEpoch = ({ subject, data }: LogEntry): boolean =>
  verbOfSubject(subject) === 'control' && decodeEpochEntry(data) !== undefined;

export default actorThread(learnerActor);
