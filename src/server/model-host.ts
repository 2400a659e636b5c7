/**
 * One model while the server runs: its stream, its epochs, its actors. An epoch is a set of parameters with the
 * actors that work on it. A rollback or a reset loads the next epoch beside the present one, then changes over:
 * learning pauses for that moment, predictors answer from the old replica until the new one is whole. An epoch
 * that passes more events over goes on with the parameters in memory.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError, messageOf } from '../base/errors.ts';
import type { FaultPoints } from '../base/fault-points.ts';
import type { Logger } from '../base/logger.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { Channel, StreamSpec } from '../nats/channel.ts';
import type { EpochEntry, Exclusion, MakeVersionRequest, ServedState } from '../protocol/internal.ts';
import type { GuardStop, ModelPhase } from '../protocol/messages.ts';
import { type Subjects, subjectsOf } from '../protocol/subjects.ts';
import type { ActorSpec } from '../runtime/actor.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import { openShardMemory } from '../shard/memory.ts';
import { type ModelActors, type ModelEpoch, modelActors, type Surroundings, stagesOf } from '../topology.ts';
import { askVersion } from './ask-version.ts';
import { type EpochPlace, heldEpoch, resumeEpoch, rollbackEpoch } from './begin-epoch.ts';
import { DeathNotes } from './death-notes.ts';
import { EpochLog } from './epoch-log.ts';
import type { GuardNotes } from './guard-notes.ts';
import { LearningSwitch } from './learning-switch.ts';
import { findRegressionIn, type LogRegression } from './log-regression.ts';
import { continuedEpoch, loadedEpoch, settledMemory } from './model-epoch.ts';
import { PoisonWatch } from './poison-watch.ts';
import { RegressionNotice } from './regression-notice.ts';
import { checkDefinition, readVersion } from './starting-state.ts';
import { emptyStart, startingVersion } from './starting-version.ts';
import { askImport, type ModelLine, storeTimeoutMs, tellPredictors } from './tell-actors.ts';

export interface HostOptions {
  readonly channel: Channel;
  readonly supervisor: Supervisor;
  readonly store: CheckpointStore;
  readonly around: Surroundings;
  readonly log: Logger;
  readonly faults: FaultPoints;
  readonly guardNotes: GuardNotes;
}

export type RollbackMode = 'continue' | 'relearn';

export class ModelHost {
  readonly model: string;
  readonly config: ModelConfig;
  readonly store: CheckpointStore;
  readonly regressions: RegressionNotice;
  readonly learning: LearningSwitch;
  readonly poison: PoisonWatch;
  readonly #deaths: DeathNotes | undefined;
  readonly #options: HostOptions;
  readonly #subjects: Subjects;
  readonly #epochs: EpochLog;
  readonly #line: ModelLine;
  #phase: ModelPhase = 'starting';
  #reason: string | undefined;
  #epoch: ModelEpoch | undefined;
  #actors: ModelActors | undefined;
  /** Our number among those that have owned the model's versions. */
  #owner = 0;
  /** Operations that change the epoch come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(model: string, config: ModelConfig, options: HostOptions) {
    const { channel, supervisor, log, guardNotes } = options;
    this.model = model;
    this.config = config;
    this.store = options.store;
    this.#options = options;
    this.#subjects = subjectsOf(options.around.config.root);
    this.#epochs = new EpochLog(model, config, this.#subjects, channel, log);
    this.#line = { channel, subjects: this.#subjects, model, log };
    this.regressions = new RegressionNotice(this.#line);
    this.learning = new LearningSwitch(this.#line, supervisor, config.guard, guardNotes);
    const { workFolder } = options.around;
    this.#deaths =
      workFolder === undefined ? undefined : new DeathNotes(workFolder, model, config.actors.learners);
    this.poison = new PoisonWatch(this.#line, config.poison.failuresMax);
  }

  get phase(): ModelPhase {
    return this.#phase;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  get served(): ServedState {
    return this.#epoch?.served ?? { epoch: 0, version: 0, leftOut: [] };
  }

  /** Every event up to here is in the parameters. */
  get seq(): number {
    const [shape, buffers] = [this.#epoch?.shapes[0], this.#epoch?.buffers[0]];
    if (shape === undefined || buffers === undefined) return 0;
    return Math.min(...openShardMemory(shape, buffers).ledger.marks);
  }

  /** Rows that were held within float32 when differences of several learners came together, since they are in memory. */
  get saturated(): number {
    const { shapes = [], buffers = [] } = this.#epoch ?? {};
    const held = shapes.map((shape, at) => openShardMemory(shape, buffers[at]!).ledger.saturated[0]!);
    return held.reduce((sum, rows) => sum + rows, 0);
  }

  /** What learners pass over. */
  get exclusions(): readonly Exclusion[] {
    return this.#epoch?.entry.exclusions ?? [];
  }

  get owner(): number {
    return this.#owner;
  }

  get streamName(): string {
    return this.#subjects.stream(this.model);
  }

  get streamSpec(): StreamSpec {
    return this.#epochs.streamSpec;
  }

  get actorNames(): string[] {
    const actors = this.#actors;
    return actors === undefined ? [] : stagesOf(actors).flatMap((stage) => stage.map((spec) => spec.name));
  }

  /** Restores the newest good version and starts the actors. `relearn`: from an empty model and the whole stream. */
  async start(relearn: boolean): Promise<void> {
    const { store, faults } = this.#options;
    const stream = await this.#epochs.ensureStream();
    this.#owner = await store.takeOver(this.model);
    await this.learning.restore();
    const { stored, pointer } = relearn ? emptyStart : await startingVersion(this.#place);
    if (stored !== undefined) checkDefinition(this.model, this.config, stored.manifest);
    if (relearn) await store.writePointer(this.model, { version: 0 });
    faults.reach('server.versionRead');
    const recalled = this.#deaths && (await this.poison.recall(this.#deaths, stream.created));
    const from = { stored, pointer, stream, passOver: recalled?.passOver ?? [] };
    const { begun, marks, regression } = await resumeEpoch(this.#place, from);
    await recalled?.noted();
    this.#install(loadedEpoch(this, begun, stored, marks, recalled?.suspects));
    const { shards, learners, predictors, checkpointer } = this.#actors!;
    await this.#options.supervisor.startAll([shards, [...learners, ...predictors], [checkpointer]]);
    this.#phase = this.learning.phase;
    if (regression !== undefined) await this.#sayRegressed(regression);
  }

  /** Asks the checkpointer for a version and resolves to its number. */
  makeVersion(reason: MakeVersionRequest['reason']): Promise<number> {
    return askVersion(this.#line, reason, this.config.checkpoint.cutTimeoutMs + storeTimeoutMs);
  }

  /** Has the checkpointer, which alone writes versions, take one from a file; resolves to its number. */
  importVersion(path: string): Promise<number> {
    return askImport(this.#line, path);
  }

  /** A version was made: what is served descends from it from now on. */
  versionMade(version: number, epoch: number, learned: number): void {
    if (this.#epoch === undefined || this.#epoch.served.epoch !== epoch) return;
    this.#epoch = { ...this.#epoch, served: { ...this.#epoch.served, version }, learned };
    this.#tellPredictors().catch((error) =>
      this.#options.log.warn({ reason: messageOf(error) }, 'predictor not told'),
    );
  }

  /** Version 0 is the empty model. */
  rollback(version: number, mode: RollbackMode, reason: 'rollback' | 'reset' = 'rollback'): Promise<void> {
    return this.#inTurn(() => {
      this.#refuseWhenOver();
      return this.#switchTo(version, mode, reason);
    });
  }

  /**
   * Passes these over from here on, with the parameters as they are: a new epoch in the log, which replays follow.
   * Refuses with MillraceError('overloaded') beyond `limits.exclusionsMax`. `inEpoch`: only while that one is served.
   */
  exclude(added: readonly Exclusion[], inEpoch?: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#refuseWhenOver();
      if (inEpoch !== undefined && inEpoch !== this.served.epoch) return;
      return this.#goOn('exclude', { added });
    });
  }

  /** Has a version written by somebody else than the checkpointer: the store has one writer at a time. */
  async writeVersion(write: () => Promise<number>): Promise<number> {
    let version = 0;
    await this.#inTurn(async () => {
      this.#refuseWhenOver();
      const { checkpointer } = this.#runningActors();
      await this.#options.supervisor.stop([checkpointer.name]);
      try {
        version = await write();
      } finally {
        await this.#options.supervisor.startAll([this.#refresh(checkpointer)]);
      }
    });
    return version;
  }

  /** `stop`: by the guard, for figures of an epoch. */
  setPaused(paused: boolean, stop?: GuardStop): Promise<void> {
    return this.#inTurn(async () => {
      this.#refuseWhenOver();
      if (stop !== undefined && stop.epoch !== this.served.epoch) return;
      if (this.#phase === 'failed')
        throw new MillraceError('notReady', `model ${this.model} failed: ${this.#reason}`);
      const learners = this.#runningActors().learners.map(({ name }) => name);
      await this.learning.turn(!paused, learners, this.served.epoch, stop);
      this.#phase = this.learning.phase;
    });
  }

  /** With which settings an actor starts again. An event that ended it again and again is passed over first. */
  async beforeRestart(spec: ActorSpec): Promise<ActorSpec> {
    const { epoch } = this.served;
    await this.poison.settle(spec.name, (place) => this.exclude([{ kind: 'position', ...place }], epoch));
    return this.#refresh(spec);
  }

  /** What has changed in an actor's settings since it was first started. */
  #refresh(spec: ActorSpec): ActorSpec {
    if (this.#epoch === undefined) return spec;
    const actors = modelActors(this.#options.around, { ...this.#epoch, paused: this.learning.isOff });
    return (
      stagesOf(actors)
        .flat()
        .find((fresh) => fresh.name === spec.name) ?? spec
    );
  }

  /** Something of this model cannot go on; what still works goes on. */
  fail(reason: string): void {
    this.#phase = 'failed';
    this.#reason = reason;
    this.#options.log.error({ model: this.model, reason }, 'model failed');
  }

  /** Makes a last version if there is anything new in it, then stops the actors. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#stopNow());
  }

  async #stopNow(): Promise<void> {
    const learning = this.#phase === 'running' || this.#phase === 'paused';
    this.#phase = 'stopping';
    if (learning && this.config.checkpoint.atStop) {
      await this.makeVersion('stop').catch((error) =>
        this.#options.log.error(
          { model: this.model, reason: messageOf(error) },
          'no version at stop; the stream has the rest',
        ),
      );
    }
    await this.#options.supervisor.stop(this.actorNames);
    if (learning) await this.#deaths?.remove();
    this.#options.supervisor.forget(this.actorNames);
  }

  /** Whoever waited for a turn while the model was being removed must not start its actors again. */
  #refuseWhenOver(): void {
    if (this.#phase === 'stopping')
      throw new MillraceError('conflict', `model ${this.model} is being removed`);
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(act, act);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #switchTo(version: number, mode: RollbackMode, reason: EpochEntry['reason']): Promise<void> {
    const { store, log } = this.#options;
    this.#runningActors();
    // Everything that can be refused is refused before anything is stopped.
    const stored = version === 0 ? undefined : await readVersion(store, this.model, version);
    if (stored !== undefined) checkDefinition(this.model, this.config, stored.manifest);
    await this.#changeEpoch(false, async () => {
      const { begun, marks } = await rollbackEpoch(this.#place, {
        stored,
        mode,
        reason,
        served: this.served,
      });
      return () => loadedEpoch(this, begun, stored, marks);
    });
    log.info({ model: this.model, version, mode, epoch: this.served.epoch }, 'epoch began');
  }

  /** A new epoch on the parameters in memory. */
  async #goOn(
    reason: EpochEntry['reason'],
    { added, regression }: { added?: readonly Exclusion[]; regression?: LogRegression },
  ): Promise<void> {
    const stream = await this.#epochs.ensureStream();
    const agreesTo = regression?.agreesTo ?? Number.POSITIVE_INFINITY;
    const exclusions = await this.#epochs.exclusions(
      stream,
      [...this.exclusions, ...(added ?? [])],
      agreesTo,
    );
    this.#runningActors();
    await this.#changeEpoch(true, async () => {
      const before = this.#epoch!;
      const memories = settledMemory(before);
      const held = { served: before.served, marks: memories[0]!.ledger.marks.slice() };
      const { begun, marks } = await heldEpoch(this.#place, held, { reason, stream, exclusions, regression });
      return () => continuedEpoch(before, memories, begun, marks);
    });
  }

  /**
   * Compares the log with what is in the parameters; called after the connection was away, and when a learner has
   * failed. One that has lost entries begins an epoch: the parameters stay, and what is in the log now is new.
   */
  checkLog(): Promise<void> {
    return this.#inTurn(async () => {
      const { channel, store } = this.#options;
      if (this.#epoch === undefined || this.#phase === 'stopping') return;
      const askStream = () => this.#epochs.ensureStream();
      const regression = await findRegressionIn(channel, store, this.#epoch, askStream);
      if (regression === undefined) return;
      await this.#goOn('regression', { regression });
      await this.#sayRegressed(regression);
    });
  }

  /** Tells everybody, and has a version made that knows the log as it is now. */
  async #sayRegressed(regression: LogRegression): Promise<void> {
    this.regressions.say(regression, this.served.epoch);
    await this.makeVersion('command').catch((error) =>
      this.#options.log.warn(
        { model: this.model, reason: messageOf(error) },
        'no version after the loss yet',
      ),
    );
  }

  get #place(): EpochPlace {
    const { model, config, streamName } = this;
    const paused = this.learning.isOff;
    return { ...this.#options, model, config, streamName, epochs: this.#epochs, paused };
  }

  #runningActors(): ModelActors {
    if (this.#actors === undefined) throw new MillraceError('notReady', `model ${this.model} is not running`);
    return this.#actors;
  }

  /**
   * Stops who writes, has the next epoch begun, and starts who works on it. An epoch that cannot begin leaves the
   * present one at work. `still`: the shards too are stopped before the next epoch begins.
   */
  async #changeEpoch(still: boolean, begin: () => Promise<() => ModelEpoch>): Promise<void> {
    const { supervisor, faults } = this.#options;
    const current = this.#runningActors();
    this.#phase = 'switching';
    const writers = [current.learners, [current.checkpointer]];
    const namesOf = (stages: readonly (readonly ActorSpec[])[]) => stages.flat().map((spec) => spec.name);
    await supervisor.stop(namesOf(writers));
    if (still) await supervisor.stop(namesOf([current.shards]));
    let next: () => ModelEpoch;
    try {
      next = await begin();
    } catch (error) {
      await supervisor.startAll(still ? [current.shards, ...writers] : writers);
      this.#phase = this.learning.phase;
      throw error;
    }
    if (!still) await supervisor.stop(namesOf([current.shards]));
    faults.reach('server.shardsStopped');
    this.#install(next());
    const { shards, learners, checkpointer } = this.#actors!;
    await supervisor.startAll([shards]);
    await this.#tellPredictors();
    await supervisor.startAll([learners, [checkpointer]]);
    this.#phase = this.learning.phase;
  }

  #install(epoch: ModelEpoch): void {
    this.poison.reset();
    this.#epoch = epoch;
    this.#actors = modelActors(this.#options.around, epoch);
  }

  #tellPredictors(): Promise<void> {
    const { supervisor } = this.#options;
    return tellPredictors(this.#line, supervisor, this.config.actors.predictors, () => this.served);
  }
}
