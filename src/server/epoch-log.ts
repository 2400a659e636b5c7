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
import { decodeEpochEntry, encodeEpochEntry } from '../protocol/epoch-entry.ts';
import type { EpochEntry, Exclusion } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';
import { leftOutAfter, leftOutOfEpoch, withExclusions } from './epochs.ts';
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
  /** Definition with which the state was made. */
  readonly definition?: unknown;
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
      duplicateWindowMs: 120_000,
    };
  }

  ensureStream(): Promise<StreamState> {
    return ensureModelStream(this.#channel, this.streamSpec, this.#log);
  }

  /** What a version never learned of the log, and what is skipped now; without a version, of the empty model. */
  async leftOut(manifest: Manifest | undefined, skipTo: number): Promise<EpochEntry['leftOut']> {
    if (manifest === undefined) return leftOutAfter([], 0, skipTo);
    const before = await leftOutOfEpoch(this.#channel, this.#subjects, this.#model, manifest.epoch);
    return leftOutAfter(before, Math.min(...manifest.stream.marks), skipTo);
  }

  /** What the last epoch passed over, and more. */
  async exclusions(stream: StreamState, added: readonly Exclusion[] = []): Promise<Exclusion[]> {
    const last = await this.#channel.lastEntry(
      this.#subjects.stream(this.#model),
      this.#subjects.control(this.#model),
    );
    const before = (last && decodeEpochEntry(last.data)?.exclusions) ?? [];
    return withExclusions(before, added, stream.firstSeq, this.#config.limits.exclusionsMax);
  }

  entryOf(start: EpochStart): EpochEntry {
    const { from, definition, ...rest } = start;
    const own = definitionOf(this.#config);
    const changes = definition === undefined ? [] : compareDefinitions(definition, own);
    return {
      kind: 'epoch',
      ...rest,
      ...(from === undefined ? {} : { from: { epoch: from.epoch, marks: compactMarks(from.marks) } }),
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
    return (await persistently(appendTriesMax, append, failed)).seq;
  }
}

function compactMarks(marks: ArrayLike<number>): number[] {
  const all = Array.from(marks);
  return all.every((mark) => mark === all[0]) ? all.slice(0, 1) : all;
}
