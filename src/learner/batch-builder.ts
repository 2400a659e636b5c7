/**
 * Stream entries into batches. An entry is taken whole; what an exclusion names is passed over, and what cannot be
 * learned is refused event by event, with position and reason. Depends on nothing but the entries: not on time, nor on how they are batched.
 */

import type { ModelConfig } from '../../config/schema.ts';
import { errorCodes, MillraceError, messageOf } from '../base/errors.ts';
import { fnv1a } from '../base/hash.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { Featurizer } from '../features/featurizer.ts';
import type { LogEntry } from '../nats/channel.ts';
import type { RejectedEvent } from '../protocol/messages.ts';
import { keyOfSubject, verbOfSubject } from '../protocol/subjects.ts';
import type { Batch, Position } from './batch.ts';
import { eventsOf } from './events.ts';
import { ExclusionFilter } from './exclusion-filter.ts';
import { MessageReader, type Original } from './message-reader.ts';
import { firstSequence } from './take-over.ts';
import { WorkBoard } from './work-board.ts';

export interface BuilderSettings {
  readonly model: string;
  readonly task: ModelConfig['task'];
  readonly classWeights?: ModelConfig['classWeights'];
  readonly partitions: number;
  /** This learner's place among the learners of the epoch: it takes the partitions p with p mod learners = learner. */
  readonly learner: number;
  readonly learners: number;
  /** Whether the parameters go by the time of events, which then may not lie far ahead. */
  readonly readsTime?: boolean;
  readonly eventsMax: number;
  readonly eventsPerMessageMax: number;
  readonly featuresMax: number;
  readonly featuresPerMessageMax: number;
  /** Ids of learned events that shard 0 remembers; 0: ids mean nothing. */
  readonly recentIdsMax: number;
}

/**
 * With several learners, batches made at the same time do not see each other, and their steps add up: large ones
 * overshoot together. Measured on 32,000 events and 4 learners, the loss rose by 0.5 % at 64 events in a batch and
 * by 3 % at 256.
 */
const severalLearnersEventsMax = 64;

export const batchEventsMax = ({ batch, actors }: ModelConfig): number =>
  actors.learners > 1 ? Math.min(batch.eventsMax, severalLearnersEventsMax) : batch.eventsMax;

/** A partition is the hash of the key, or the sequence where there is no key. */
export const partitionOf = (seq: number, key: string | undefined, partitions: number): number =>
  (key === undefined ? seq : fnv1a(key)) % partitions;

export class BatchBuilder {
  readonly #settings: BuilderSettings;
  readonly #reader: MessageReader;
  readonly #vector: SparseVector;
  /** Last sequence already in the parameters, per partition, when this learner started. */
  readonly #marks: Float64Array;
  readonly #exclusions: ExclusionFilter;
  readonly #board: WorkBoard;
  /** Sequence of the entry that comes next, when nothing is gone. */
  #nextSeq: number;

  constructor(
    settings: BuilderSettings,
    featurizer: Featurizer,
    marks: Float64Array,
    exclusions: ExclusionFilter = new ExclusionFilter([]),
    board: WorkBoard = new WorkBoard(),
  ) {
    this.#settings = settings;
    this.#reader = new MessageReader(featurizer, settings);
    this.#marks = marks;
    this.#exclusions = exclusions;
    this.#board = board;
    this.#nextSeq = firstSequence(marks, settings.learner, settings.learners);
    this.#vector = featurizer.vector();
  }

  /** More messages are never in one batch. */
  get messagesMax(): number {
    return this.#settings.eventsMax;
  }

  /** Whether another entry may join: a batch ends with the entry that fills it. */
  accepts(batch: Batch): boolean {
    const { eventsMax, featuresPerMessageMax } = this.#settings;
    return (
      batch.count < eventsMax && batch.messages < eventsMax && batch.keys.count * 8 < featuresPerMessageMax
    );
  }

  /** Takes the entry in; returns what in it was refused. */
  take(entry: LogEntry, batch: Batch): RejectedEvent[] {
    this.#noteGap(entry.seq, batch);
    batch.toSeq = entry.seq;
    batch.last = entry;
    batch.messages++;
    const verb = verbOfSubject(entry.subject);
    if (verb === 'control' || !this.#isOwn(entry)) return [];
    batch.stamps.push(entry.seq, entry.timeMs);
    if (this.#exclusions.coversMessage(entry)) {
      batch.excluded += this.#countOf(entry);
      return [];
    }
    if (verb === 'label') {
      return [
        this.#refusedWhole(
          entry,
          new MillraceError('conflict', 'labels need a join, and this model has none'),
        ),
      ];
    }
    return this.#takeEvents(entry, batch);
  }

  /** Every learner reads the whole stream; the first speaks for all. */
  #noteGap(seq: number, batch: Batch): void {
    if (seq > this.#nextSeq && this.#settings.learner === 0) batch.gaps.push([this.#nextSeq, seq - 1]);
    this.#nextSeq = seq + 1;
  }

  #isOwn(entry: LogEntry): boolean {
    const { partitions, learner, learners } = this.#settings;
    const key = keyOfSubject(entry.subject);
    const partition = partitionOf(entry.seq, key, partitions);
    return partition % learners === learner && entry.seq > this.#marks[partition]!;
  }

  #takeEvents(entry: LogEntry, batch: Batch): RejectedEvent[] {
    let count: number;
    this.#board.begin('learner.decoding', entry.seq);
    try {
      count = this.#reader.open(entry);
    } catch (error) {
      return [this.#refusedWhole(entry, error)];
    }
    const refused: RejectedEvent[] = [];
    const key = keyOfSubject(entry.subject);
    let featuresLeft = this.#settings.featuresPerMessageMax;
    for (let index = 0; index < count; index++) {
      const original = this.#reader.original(index);
      if (this.#isExcluded(entry.seq, index, original)) {
        batch.excluded++;
        continue;
      }
      try {
        const event = this.#reader.read(index, this.#vector);
        if (this.#settings.readsTime === true) requireNotAhead(event.time, entry.timeMs);
        featuresLeft -= this.#vector.count + this.#vector.references.rows;
        if (featuresLeft < 0) throw tooManyFeatures(this.#settings.featuresPerMessageMax);
        const at = { seq: entry.seq, index, timeMs: entry.timeMs, key };
        batch.add(this.#vector, event, at, original, event.id);
      } catch (error) {
        refused.push(this.#refused(entry, index, error, original.value));
      }
    }
    return refused;
  }

  /** Told by its position alone where that is enough: an event that was given up must not be looked at again. */
  #isExcluded(seq: number, index: number, original: Original): boolean {
    if (this.#exclusions.coversEvent(seq, index, undefined)) return true;
    this.#board.begin('learner.featurizing', seq, index);
    return this.#exclusions.readsEvents && this.#exclusions.coversEvent(seq, index, original.value);
  }

  /** Events in a message that is passed over; one that cannot be decoded, or must not be, is one. */
  #countOf(entry: LogEntry): number {
    if (this.#exclusions.isPoison(entry)) return 1;
    this.#board.begin('learner.decoding', entry.seq);
    try {
      return eventsOf(entry, this.#settings.eventsPerMessageMax).length;
    } catch {
      return 1;
    }
  }

  #refusedWhole(entry: LogEntry, error: unknown): RejectedEvent {
    const original = Buffer.from(entry.data).toString('base64');
    return { ...this.#refused(entry, 0, error, original), whole: true };
  }

  #refused(entry: LogEntry, index: number, error: unknown, original: unknown): RejectedEvent {
    const at = { seq: entry.seq, index, timeMs: entry.timeMs, key: keyOfSubject(entry.subject) };
    return rejectedEvent(this.#settings.model, at, error, original);
  }
}

/** Clocks differ; a time in other units ends every window and lets every id expire, and nothing brings that back. */
const aheadMaxMs = 86_400_000;

function requireNotAhead(time: number | undefined, stampMs: number): void {
  if (time === undefined || time <= stampMs + aheadMaxMs) return;
  throw new MillraceError(
    'badInput',
    `time: ${time} is more than a day after the event reached the stream (${stampMs}); expected milliseconds since 1970`,
  );
}

const tooManyFeatures = (limit: number): MillraceError =>
  new MillraceError(
    'tooLarge',
    `more than ${limit} features in one message: send fewer events in each array`,
  );

/** An event for the rejected stream: the item, or the whole message in base64 where no item could be told apart. */
export function rejectedEvent(model: string, at: Position, error: unknown, original: unknown): RejectedEvent {
  const code = error instanceof MillraceError ? error.code : errorCodes.internal;
  const { seq, index, timeMs: time, key } = at;
  return {
    model,
    seq,
    index,
    ...(key === undefined ? {} : { key }),
    code,
    reason: messageOf(error),
    original,
    time,
  };
}
