/**
 * The stream of one model as its host sees it: where it stands, and the entries with which epochs begin. An epoch
 * is named by the sequence of its entry: unique, growing, and part of the log.
 */
import { randomUUID } from 'node:crypto';
import { compareDefinitions } from '../../config/change.ts';
import { definitionOf, fingerprintOf } from '../../config/fingerprint.ts';
import { learningSettingsOf } from '../../config/learning-settings.ts';
import type { ModelConfig } from '../../config/schema.ts';
import type { Logger } from '../base/logger.ts';
import { persistently } from '../base/persistently.ts';
import type { Manifest } from '../checkpoint/store.ts';
import type { Channel, StreamSpec, StreamState } from '../nats/channel.ts';
import { encodeEpochEntry, epochEntryOf } from '../protocol/epoch-entry.ts';
import { epochNumber } from '../protocol/epoch-number.ts';
import type { EpochEntry, Exclusion, LeftOut } from '../protocol/internal.ts';
import { anchorOf, type LogAnchor } from '../protocol/log-anchor.ts';
import type { Subjects } from '../protocol/subjects.ts';
import { exclusionsUpTo, lastEpoch, leftOutAfter, leftOutOfEpoch, withExclusions } from './epochs.ts';
import { type LogRegression, rangesUpTo } from './log-regression.ts';
import { appendMakingRoom, ensureModelStream } from './model-stream.ts';

const appendTriesMax = 8;

/** A state that an epoch starts from: a version, or the parameters in memory. */
export interface EpochStart {
  readonly reason: EpochEntry['reason'];
  readonly base: number;
  readonly from?: { readonly epoch: number; readonly marks: ArrayLike<number> };
  readonly skipTo: number;
  readonly leftOut: EpochEntry['leftOut'];
  readonly exclusions: readonly Exclusion[];
  /** What the base was recomputed without. */
  readonly unlearned?: readonly Exclusion[];
  readonly incarnation: number;
  readonly lost?: LogRegression['lost'] | undefined;
  /** Definition with which the state was made. */
  readonly definition?: unknown;
}

/** A version that an epoch starts from. */
export interface VersionStart {
  readonly reason: EpochEntry['reason'];
  readonly manifest: Manifest | undefined;
  readonly skipTo: number;
  readonly stream: StreamState;
  readonly incarnation: number;
  /** More to be passed over. */
  readonly passOver?: readonly Exclusion[];
  /** What the log has lost of it. */
  readonly regression: LogRegression | undefined;
}

export class EpochLog {
  readonly #model: string;
  readonly #config: ModelConfig;
  readonly #subjects: Subjects;
  readonly #channel: Channel;
  readonly #log: Logger;

  constructor(model: string, config: ModelConfig, subjects: Subjects, channel: Channel, log: Logger) {
    this.#model = model;
    this.#config = config;
    this.#subjects = subjects;
    this.#channel = channel;
    this.#log = log;
  }

  get streamSpec(): StreamSpec {
    return {
      name: this.#subjects.stream(this.#model),
      subjects: this.#subjects.streamSubjects(this.#model),
      bytesMax: this.#config.limits.streamBytesMax,
      discard: 'new',
      duplicateWindowMs: this.#config.dedupe.windowMs,
    };
  }

  ensureStream(): Promise<StreamState> {
    return ensureModelStream(this.#channel, this.streamSpec, this.#log);
  }

  /** The last epoch; undefined in a log without one. */
  last(): Promise<EpochEntry | undefined> {
    return lastEpoch(this.#channel, this.#subjects, this.#model);
  }

  leftOutOf(epoch: number): Promise<readonly LeftOut[]> {
    return leftOutOfEpoch(this.#channel, this.#subjects, this.#model, epoch);
  }

  /** What a version never learned of the log, and what is skipped now; without a version, of the empty model. */
  async leftOut(
    manifest: Manifest | undefined,
    skipTo: number,
    agreesTo: number,
  ): Promise<EpochEntry['leftOut']> {
    if (manifest === undefined) return leftOutAfter([], 0, skipTo);
    const before = await this.leftOutOf(manifest.epoch);
    return leftOutAfter(rangesUpTo(before, agreesTo), Math.min(agreesTo, ...manifest.stream.marks), skipTo);
  }

  /** The entry of a state that a version holds; without one, of the empty model. */
  async entryFrom({
    reason,
    manifest,
    skipTo,
    stream,
    incarnation,
    regression,
    passOver = [],
  }: VersionStart): Promise<EpochEntry> {
    const agreesTo = regression?.agreesTo ?? Number.POSITIVE_INFINITY;
    const unlearned = manifest?.unlearned?.exclusions;
    const known = unlearned ?? manifestExclusions(manifest);
    const exclusions = await this.exclusions(stream, [...known, ...passOver], agreesTo);
    // What a start finds left out may be lost; what a rollback leaves out is the log as it is now.
    const skip = reason === 'regression' ? Math.min(skipTo, agreesTo) : skipTo;
    const base = manifest?.version ?? 0;
    const leftOut = await this.leftOut(manifest, skip, agreesTo);
    const start = { reason, base, skipTo: skip, leftOut, exclusions, incarnation };
    if (manifest === undefined) return this.entryOf(start);
    const { epoch, definition, stream: learned } = manifest;
    const isHeld = Math.max(...learned.marks) > agreesTo;
    return this.entryOf({
      ...start,
      from: { epoch, marks: learned.marks },
      ...(unlearned === undefined ? {} : { unlearned }),
      ...(isHeld ? { lost: regression?.lost } : {}),
      definition,
    });
  }

  /** What the last epoch passed over, and more. Sequences behind `agreesTo` are those of other events now. */
  async exclusions(
    stream: StreamState,
    added: readonly Exclusion[] = [],
    agreesTo = Number.POSITIVE_INFINITY,
  ): Promise<Exclusion[]> {
    const before = (await this.last())?.exclusions ?? [];
    const { exclusionsMax } = this.#config.limits;
    return withExclusions(
      exclusionsUpTo(before, agreesTo),
      exclusionsUpTo(added, agreesTo),
      stream.firstSeq,
      exclusionsMax,
    );
  }

  /** How often the log had lost entries before its last epoch began. */
  async incarnation(): Promise<number> {
    return (await this.last())?.incarnation ?? 0;
  }

  /** The log's entry at a mark; undefined at its beginning. */
  async anchorAt(seq: number): Promise<LogAnchor | undefined> {
    if (seq <= 0) return undefined;
    const entry = await this.#channel.entryAt(this.#subjects.stream(this.#model), seq);
    return entry && anchorOf(entry);
  }

  entryOf(start: EpochStart): EpochEntry {
    const { from, definition, incarnation, lost, ...rest } = start;
    const own = definitionOf(this.#config);
    const changes = definition === undefined ? [] : compareDefinitions(definition, own);
    return {
      kind: 'epoch',
      ...rest,
      ...(from === undefined ? {} : { from: { epoch: from.epoch, marks: compactMarks(from.marks) } }),
      ...(incarnation === 0 ? {} : { incarnation }),
      ...(lost === undefined ? {} : { lost }),
      fingerprint: fingerprintOf(own),
      settings: learningSettingsOf(this.#config),
      ...(changes.length === 0 ? {} : { changes: changes.map(({ needs: _needs, ...change }) => change) }),
    };
  }

  /** The new epoch. */
  async append(entry: EpochEntry): Promise<number> {
    // One id for all tries: an entry whose ack was lost is not written twice.
    const msgId = randomUUID();
    const append = () =>
      appendMakingRoom(this.#channel, this.streamSpec, () =>
        this.#channel.append(this.#subjects.control(this.#model), encodeEpochEntry(entry), { msgId }),
      );
    const failed = (error: Error) =>
      this.#log.warn({ model: this.#model, reason: error.message }, 'epoch not written yet');
    const { seq } = await persistently(appendTriesMax, append, failed);
    return epochNumber(entry.incarnation ?? 0, seq);
  }
}

function compactMarks(marks: ArrayLike<number>): number[] {
  const all = Array.from(marks);
  return all.every((mark) => mark === all[0]) ? all.slice(0, 1) : all;
}

/** What a version's epoch passed over, for when the log no longer says so. */
const manifestExclusions = (manifest: Manifest | undefined): readonly Exclusion[] =>
  epochEntryOf(manifest?.entry)?.exclusions ?? [];
