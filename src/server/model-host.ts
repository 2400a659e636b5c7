/**
 * One model while the server runs: its stream, its epochs, its actors. An epoch is a set of parameters with the
 * actors that work on it; a rollback or a reset loads the next epoch beside the present one, then changes over:
 * learning pauses for that moment, predictors answer from the old replica until the new one is whole.
 */
import { randomUUID } from 'node:crypto';
import { definitionOf, fingerprintOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { persistently } from '../base/persistently.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { Channel, StreamSpec, StreamState } from '../nats/channel.ts';
import { encode, packInternal, unpackInternal } from '../protocol/codec.ts';
import type { EpochEntry, MakeVersionRequest, PauseRequest, ServedState } from '../protocol/internal.ts';
import type { ModelPhase } from '../protocol/messages.ts';
import { type Subjects, subjectsOf } from '../protocol/subjects.ts';
import type { ActorSpec } from '../runtime/actor.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import {
  type ModelActors,
  type ModelEpoch,
  modelActors,
  type Surroundings,
  shardShapes,
} from '../topology.ts';
import { leftOutAfter, leftOutOfEpoch } from './epochs.ts';
import { appendMakingRoom, ensureModelStream } from './model-stream.ts';
import { loadParameters } from './parameters.ts';
import {
  checkDefinition,
  newestGoodVersion,
  readVersion,
  type StoredState,
  startingMarks,
} from './starting-state.ts';

export interface HostOptions {
  readonly channel: Channel;
  readonly supervisor: Supervisor;
  readonly store: CheckpointStore;
  readonly around: Surroundings;
  readonly log: Logger;
}

export type RollbackMode = 'continue' | 'relearn';

/** How long a version may take, beyond the cut itself. */
const makeTimeoutMs = 120_000;
const switchTimeoutMs = 30_000;
const tellTimeoutMs = 10_000;
const tellAttemptMs = 1_000;
const tellRetryMs = 50;
const appendTriesMax = 8;

export class ModelHost {
  readonly model: string;
  readonly config: ModelConfig;
  readonly #options: HostOptions;
  readonly #subjects: Subjects;
  #phase: ModelPhase = 'starting';
  #reason: string | undefined;
  #epoch: ModelEpoch | undefined;
  #actors: ModelActors | undefined;
  #paused = false;
  /** Operations that change the epoch come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(model: string, config: ModelConfig, options: HostOptions) {
    this.model = model;
    this.config = config;
    this.#options = options;
    this.#subjects = subjectsOf(options.around.config.root);
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

  get streamName(): string {
    return this.#subjects.stream(this.model);
  }

  get streamSpec(): StreamSpec {
    return {
      name: this.streamName,
      subjects: this.#subjects.streamSubjects(this.model),
      bytesMax: this.config.limits.streamBytesMax,
      discard: 'new',
      duplicateWindowMs: 120_000,
    };
  }

  get actorNames(): string[] {
    const actors = this.#actors;
    return actors === undefined ? [] : stagesOf(actors).flatMap((stage) => stage.map((spec) => spec.name));
  }

  /** Restores the newest good version and starts the actors. `relearn`: from an empty model and the whole stream. */
  async start(relearn: boolean): Promise<void> {
    const { store, log } = this.#options;
    const stream = await this.#ensureStream();
    const pointer = relearn ? undefined : await store.readPointer(this.model);
    const stored = await newestGoodVersion(store, this.model, pointer?.version ?? 0, log);
    if (stored !== undefined) checkDefinition(this.model, this.config, stored.manifest);
    if (relearn) await store.writePointer(this.model, { version: 0 });
    const skipTo = pointer?.skipTo ?? 0;
    const entry = this.#entry('start', stored, skipTo, await this.#leftOut(stored, skipTo));
    const epoch = await this.#appendEpoch(entry);
    const marks =
      stored === undefined
        ? new Float64Array(this.config.partitions).fill(skipTo)
        : startingMarks(stored.manifest, stream, skipTo, log);
    this.#load(entry, epoch, stored, marks, stream);
    const { shards, learners, predictors, checkpointer } = this.#actors!;
    await this.#options.supervisor.startAll([shards, [...learners, ...predictors], [checkpointer]]);
    this.#phase = 'running';
  }

  /** Asks the checkpointer for a version and resolves to its number. */
  async makeVersion(reason: MakeVersionRequest['reason']): Promise<number> {
    const subject = this.#subjects.checkpointer(this.model, 'make');
    const timeoutMs = this.config.checkpoint.cutTimeoutMs + makeTimeoutMs;
    const reply = await this.#options.channel.request(subject, packInternal({ reason }), { timeoutMs });
    return unpackInternal<{ version: number }>(reply.data).version;
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

  async setPaused(paused: boolean): Promise<void> {
    await this.#inTurn(async () => {
      this.#refuseWhenOver();
      if (this.#phase === 'failed')
        throw new MillraceError('notReady', `model ${this.model} failed: ${this.#reason}`);
      this.#paused = paused;
      const body = packInternal({ paused } satisfies PauseRequest);
      const verbs = Array.from({ length: this.config.actors.learners }, (_, learner) => `pause-${learner}`);
      const subjects = verbs.map((verb) => this.#subjects.learners(this.model, this.served.epoch, verb));
      await Promise.all(subjects.map((subject) => this.#tellLearner(subject, body)));
      this.#phase = paused ? 'paused' : 'running';
    });
  }

  /** A learner that is just starting may not hear yet, and may have begun with the settings from before. */
  async #tellLearner(subject: string, body: Uint8Array): Promise<void> {
    const untilMs = performance.now() + tellTimeoutMs;
    for (;;) {
      try {
        await this.#options.channel.request(subject, body, { timeoutMs: tellAttemptMs });
        return;
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, tellRetryMs));
      }
    }
  }

  /** The settings with which an actor starts again: what has changed since it was first started. */
  refresh(spec: ActorSpec): ActorSpec {
    if (this.#epoch === undefined) return spec;
    const actors = modelActors(this.#options.around, { ...this.#epoch, paused: this.#paused });
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
    const { store, supervisor, log } = this.#options;
    const current = this.#actors;
    if (current === undefined) throw new MillraceError('notReady', `model ${this.model} is not running`);
    // Everything that can be refused is refused before anything is stopped.
    const stored = version === 0 ? undefined : await readVersion(store, this.model, version);
    if (stored !== undefined) checkDefinition(this.model, this.config, stored.manifest);
    this.#phase = 'switching';
    const learning = [current.learners, [current.checkpointer]];
    await supervisor.stop(learning.flat().map((spec) => spec.name));
    let begun: { entry: EpochEntry; epoch: number; stream: StreamState };
    try {
      begun = await this.#beginEpoch(stored, mode, reason);
    } catch (error) {
      await supervisor.startAll(learning);
      this.#phase = this.#paused ? 'paused' : 'running';
      throw error;
    }
    const { entry, epoch, stream } = begun;
    const kept = stored?.manifest.stream.marks ?? [];
    const marks = Float64Array.from({ length: this.config.partitions }, (_, at) =>
      Math.max(kept[at] ?? 0, entry.skipTo),
    );
    await supervisor.stop(current.shards.map((spec) => spec.name));
    this.#load(entry, epoch, stored, marks, stream);
    const next = this.#actors!;
    await supervisor.startAll([next.shards]);
    await this.#tellPredictors();
    await supervisor.startAll([next.learners, [next.checkpointer]]);
    this.#phase = this.#paused ? 'paused' : 'running';
    log.info({ model: this.model, version, mode, epoch }, 'epoch began');
  }

  /**
   * Moves the pointer, then writes the epoch into the log. A process that dies in between starts from the pointer
   * and writes the entry then; one whose log cannot be written puts the pointer back.
   */
  async #beginEpoch(stored: StoredState | undefined, mode: RollbackMode, reason: EpochEntry['reason']) {
    const { store } = this.#options;
    const before = await store.readPointer(this.model);
    const stream = await this.#ensureStream();
    const skipTo = mode === 'continue' ? stream.lastSeq : 0;
    const entry = this.#entry(reason, stored, skipTo, await this.#leftOut(stored, skipTo));
    await store.writePointer(this.model, { version: entry.base, ...(skipTo > 0 ? { skipTo } : {}) });
    try {
      return { entry, epoch: await this.#appendEpoch(entry), stream };
    } catch (error) {
      await store.writePointer(this.model, before ?? { version: 0 });
      throw error;
    }
  }

  #load(
    entry: EpochEntry,
    epoch: number,
    stored: StoredState | undefined,
    marks: Float64Array,
    stream: StreamState,
  ): void {
    const shapes = shardShapes(this.config);
    const totals = stored?.manifest.totals ?? [];
    const served: ServedState = { epoch, version: entry.base, leftOut: entry.leftOut };
    this.#epoch = {
      model: this.model,
      config: this.config,
      served,
      shapes,
      buffers: loadParameters(shapes, { images: stored?.images ?? [], marks, totals }),
      stream: { name: this.streamName, created: stream.created },
      learned: totals[0] ?? 0,
      paused: this.#paused,
    };
    this.#actors = modelActors(this.#options.around, this.#epoch);
  }

  /** A predictor that cannot be told is restarting, and its next life is told by refresh(). */
  async #tellPredictors(): Promise<void> {
    const { channel, log } = this.#options;
    const body = packInternal(this.served);
    const tellings = Array.from({ length: this.config.actors.predictors }, async (_, predictor) => {
      const subject = this.#subjects.predictor(this.model, predictor, 'serve');
      await channel.request(subject, body, { timeoutMs: switchTimeoutMs }).catch((error) => {
        log.warn(
          { model: this.model, predictor, reason: messageOf(error) },
          'predictor not told; it restarts with the new state',
        );
      });
    });
    await Promise.all(tellings);
  }

  #entry(
    reason: EpochEntry['reason'],
    stored: StoredState | undefined,
    skipTo: number,
    leftOut: EpochEntry['leftOut'],
  ): EpochEntry {
    const fingerprint = fingerprintOf(definitionOf(this.config));
    return { kind: 'epoch', reason, base: stored?.manifest.version ?? 0, skipTo, leftOut, fingerprint };
  }

  /** What the version itself never learned, and what is skipped now. */
  async #leftOut(stored: StoredState | undefined, skipTo: number): Promise<EpochEntry['leftOut']> {
    if (stored === undefined) return leftOutAfter([], 0, skipTo);
    const { channel } = this.#options;
    const before = await leftOutOfEpoch(channel, this.#subjects, this.model, stored.manifest.epoch);
    return leftOutAfter(before, Math.min(...stored.manifest.stream.marks), skipTo);
  }

  /** An epoch is named by the sequence of its entry: unique, growing, and part of the log. */
  async #appendEpoch(entry: EpochEntry): Promise<number> {
    const { channel, log } = this.#options;
    // One id for all tries: an entry whose ack was lost is not written twice.
    const msgId = randomUUID();
    const subject = this.#subjects.control(this.model);
    const append = () =>
      appendMakingRoom(channel, this.streamSpec, () =>
        channel.append(subject, encode(entry, 'json'), { msgId }),
      );
    const failed = (error: Error) =>
      log.warn({ model: this.model, reason: error.message }, 'epoch not written yet');
    return (await persistently(appendTriesMax, append, failed)).seq;
  }

  #ensureStream(): Promise<StreamState> {
    return ensureModelStream(this.#options.channel, this.streamSpec, this.#options.log);
  }
}

const stagesOf = (actors: ModelActors): (readonly ActorSpec[])[] => [
  actors.shards,
  actors.learners,
  actors.predictors,
  [actors.checkpointer],
];
