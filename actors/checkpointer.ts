/**
 * The checkpointer actor of one model and epoch: has a version made when enough was learned, when time has
 * passed, or when asked. One that fails is named, and the next occasion tries again.
 */
import type { ModelConfig } from '../config/schema.ts';
import { messageOf } from '../src/base/errors.ts';
import { importVersion } from '../src/checkpoint/carry.ts';
import { type Disk, nodeDisk } from '../src/checkpoint/disk.ts';
import { faultyDisk } from '../src/checkpoint/faulty-disk.ts';
import { openStore } from '../src/checkpoint/open-store.ts';
import type { CheckpointStore, Manifest, VersionReason } from '../src/checkpoint/store.ts';
import { answeredOnce } from '../src/cut/answered-once.ts';
import { CutClient } from '../src/cut/cut-client.ts';
import { importedFacts } from '../src/cut/imported-facts.ts';
import { type VersionMade, VersionMaker } from '../src/cut/version-maker.ts';
import { rowLayoutOf } from '../src/model/row-layout.ts';
import { answerRequests } from '../src/protocol/answering.ts';
import { encode, unpackInternal } from '../src/protocol/codec.ts';
import type { EpochEntry, ImportVersionRequest, ShardReport } from '../src/protocol/internal.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import type { ActorContext, RunningActor } from '../src/runtime/actor.ts';
import { actorThread } from '../src/runtime/thread.ts';

export interface CheckpointerSettings {
  readonly root: string;
  readonly model: string;
  readonly config: ModelConfig;
  readonly epoch: number;
  readonly entry: EpochEntry;
  readonly folder: string;
  /** Our number among those that have owned the model's versions. */
  readonly owner: number;
  readonly stream: { readonly name: string; readonly created: string };
  readonly base: VersionMade;
  readonly requestTimeoutMs: number;
  readonly codeVersion: string;
}

export async function checkpointerActor(
  context: ActorContext<CheckpointerSettings>,
  bareDisk: Disk = nodeDisk,
): Promise<RunningActor> {
  const { channel, settings, log, faults, fail } = context;
  const { model, epoch, config, requestTimeoutMs } = settings;
  const { cutTimeoutMs, everyEvents, everyMs } = config.checkpoint;
  const subjects = subjectsOf(settings.root);
  const { keyCount, width: rowWidth } = rowLayoutOf(config);
  const shape = { shards: config.actors.shards, keyCount, rowWidth };
  const cuts = new CutClient(channel, subjects, { model, epoch, ...shape, cutTimeoutMs, requestTimeoutMs });
  const { root, folder, owner: number } = settings;
  const disk = faultyDisk(bareDisk, faults);
  const places = { channel, root, folder, now: Date.now, disk, owner: { model, number } };
  const store = openStore(config.checkpoint.store, places);
  const maker = new VersionMaker(settings, { channel, cuts, store, log, faults });
  let lastTryMs = performance.now();

  const make = async (reason: VersionReason): Promise<VersionMade> => {
    try {
      const made = await maker.make(reason);
      channel.publish(subjects.event('checkpoint', model), encode({ ...made, reason, epoch }, 'json'));
      log.info({ model, version: made.version, reason }, 'version made');
      return made;
    } catch (error) {
      log.error({ model, reason: messageOf(error) }, 'version not made');
      throw error;
    } finally {
      lastTryMs = performance.now();
    }
  };
  /** Failures are in the log; there will be another occasion. */
  const makeUnasked = (reason: VersionReason) => void make(reason).catch(() => undefined);

  const answer = answeredOnce(make, fail);
  const asked = answerRequests(channel, subjects.checkpointer(model, 'make'), answer, fail);
  const imports = answerRequests<ImportVersionRequest>(
    channel,
    subjects.checkpointer(model, 'import'),
    ({ path }) => maker.inTurn(() => importFrom(path, store, context)),
    fail,
  );
  const reports = channel.subscribe(subjects.report('shard', model), (message) => {
    const report = unpackInternal<ShardReport>(message.data);
    const learnedSince = report.learned - maker.last.learned;
    if (maker.busy || report.epoch !== epoch || learnedSince <= 0) return;
    if (everyEvents > 0 && learnedSince >= everyEvents) makeUnasked('events');
    else if (everyMs > 0 && performance.now() - lastTryMs >= everyMs) makeUnasked('time');
  });
  await channel.flush();
  return {
    async stop() {
      asked.unsubscribe();
      imports.unsubscribe();
      reports.unsubscribe();
      await maker.idle();
    },
  };
}

/** Of a file that the server has received. */
async function importFrom(
  path: string,
  store: CheckpointStore,
  { settings, log }: ActorContext<CheckpointerSettings>,
): Promise<{ version: number }> {
  const accept = (manifest: Manifest) => importedFacts(manifest, settings);
  const { version } = await importVersion(store, nodeDisk, path, accept);
  log.info({ model: settings.model, version }, 'version imported');
  return { version };
}

export default actorThread(checkpointerActor);
