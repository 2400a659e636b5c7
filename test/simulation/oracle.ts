/**
 * What must be: the plain loop over the log, epoch by epoch. An epoch starts from a state of an earlier one and
 * goes on with the entries behind it that are not left out or passed over. With one learner every state is one of
 * these, bit for bit; with several, the counters are.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { assert } from '../../src/base/assert.ts';
import { fnv1a } from '../../src/base/hash.ts';
import type { Manifest } from '../../src/checkpoint/store.ts';
import type { BuiltModel } from '../../src/kernels/build-model.ts';
import { eventsOf, learnableEvent } from '../../src/learner/events.ts';
import { ExclusionFilter } from '../../src/learner/exclusion-filter.ts';
import { LearnedIds } from '../../src/learner/learned-ids.ts';
import { statisticsSlots } from '../../src/model/row-layout.ts';
import { decode } from '../../src/protocol/codec.ts';
import type { EpochEntry } from '../../src/protocol/internal.ts';
import { keyOfSubject, verbOfSubject } from '../../src/protocol/subjects.ts';
import { PlainLoop } from '../support/plain-loop.ts';
import type { StoredEntry } from './broker.ts';
import { must } from './difference.ts';
import { logEntryOf } from './reader.ts';

/** What the loop holds behind one entry. */
export interface LoopState {
  readonly table: Float32Array;
  readonly totals: Float64Array;
  readonly learned: number;
  readonly rejected: number;
  readonly duplicates: number;
  /** Of the last learned events, oldest first. */
  readonly ids: readonly string[];
}

interface EpochHistory {
  readonly filter: ExclusionFilter;
  /** Last sequence that is left out or in the state it starts from. */
  readonly first: number;
  readonly loop: PlainLoop;
  /** states[i]: behind entry first + i. */
  readonly states: LoopState[];
}

/** What of one epoch is in a state: entries of each partition behind `start` up to `marks`. */
interface Stretch {
  readonly filter: ExclusionFilter;
  readonly start: ArrayLike<number>;
  readonly marks: ArrayLike<number>;
}

export class Oracle {
  readonly #config: ModelConfig;
  readonly #built: BuiltModel;
  /** One learner throughout. */
  readonly #isExact: boolean;
  readonly #log: () => readonly StoredEntry[];
  /** Every version that was ever made. */
  readonly versions = new Map<number, Manifest>();
  /** Entries that began epochs, by sequence, and how much of the log was looked at for them. */
  readonly #entries = new Map<number, EpochEntry>();
  #looked = 0;
  readonly #scratch: PlainLoop;
  readonly #facts: { partition: number; events: number }[] = [];
  readonly #histories = new Map<number, EpochHistory>();

  constructor(config: ModelConfig, built: BuiltModel, isExact: boolean, log: () => readonly StoredEntry[]) {
    this.#config = config;
    this.#built = built;
    this.#isExact = isExact;
    this.#log = log;
    this.#scratch = this.#emptyLoop();
  }

  get lastSeq(): number {
    return this.#log().length;
  }

  /** All epochs that ever began. */
  get epochs(): number[] {
    const log = this.#log();
    for (; this.#looked < log.length; this.#looked++) {
      const { seq, subject, data } = log[this.#looked]!;
      if (verbOfSubject(subject) === 'control') this.#entries.set(seq, decode(data, undefined) as EpochEntry);
    }
    return [...this.#entries.keys()];
  }

  get epochReasons(): string[] {
    return this.epochs.map((epoch) => this.#entryOf(epoch).reason);
  }

  get traffic(): { entries: number; events: number } {
    const log = this.#log();
    return {
      entries: log.length,
      events: log.reduce((sum, stored) => sum + this.#factsOf(stored).events, 0),
    };
  }

  /** Marks of a state that holds the whole log. */
  get ends(): Float64Array {
    return this.#marksOf([this.lastSeq]);
  }

  addVersion(manifest: Manifest): void {
    const { version, epoch, stream } = manifest;
    must(!this.versions.has(version), () => `version ${version} was made twice`);
    const first = stream.marks[0]!;
    must(
      !this.#isExact || stream.marks.every((mark) => mark === first),
      () => `version ${version} of epoch ${epoch}: one learner, and marks ${stream.marks.join(' ')}`,
    );
    this.versions.set(version, manifest);
  }

  /** Epochs whose states descend from the version: those that began with it, and the one that made it. */
  epochsOf(version: number): number[] {
    const found = new Set<number>();
    const made = this.versions.get(version);
    if (made !== undefined) found.add(made.epoch);
    for (const epoch of this.epochs) if (this.#entryOf(epoch).base === version) found.add(epoch);
    return [...found].sort((a, b) => b - a);
  }

  /** With one learner: the state of an epoch when every entry up to the sequence is in it. */
  stateAt(epoch: number, seq: number): LoopState {
    const history = this.#historyOf(epoch);
    const { first, loop, filter, states } = history;
    assert(seq >= first, `epoch ${epoch} begins at ${first}, before ${seq}`);
    const log = this.#log();
    for (let at = first + states.length; at <= seq; at++) {
      states.push(this.#learn(loop, log[at - 1]!, filter) ? copyOf(loop) : states.at(-1)!);
    }
    return states[seq - first]!;
  }

  scoreAt(epoch: number, seq: number, features: object): number {
    this.#scratch.table.set(this.stateAt(epoch, seq).table);
    return this.#scratch.score(features);
  }

  /** Rows that every prediction reads beside those of its features. */
  get sharedKeys(): readonly number[] {
    const { sharedKey, sharedRows } = this.#built.model.layout;
    return Array.from({ length: sharedRows }, (_, row) => sharedKey + row);
  }

  isLeftOut(epoch: number, seq: number): boolean {
    return this.#entryOf(epoch).leftOut.some(([first, last]) => seq >= first && seq <= last);
  }

  /** The first sequence that the epoch may hold a state of, with one learner. */
  firstOf(epoch: number): number {
    return this.#historyOf(epoch).first;
  }

  /** With several learners: the loop over what is in, in the order of the log. Only its counters are to be trusted. */
  countsAt(epoch: number, marks: ArrayLike<number>): PlainLoop {
    const loop = this.#emptyLoop();
    for (const { filter, stored } of this.#entriesIn(epoch, marks)) this.#learn(loop, stored, filter);
    return loop;
  }

  /** How many events are in, with any number of learners: learned, refused or passed over. */
  eventsAt(epoch: number, marks: ArrayLike<number>): number {
    let count = 0;
    for (const { filter, stored } of this.#entriesIn(epoch, marks)) {
      const { events } = this.#factsOf(stored);
      count += events > 0 && filter.isPoison(stored) ? 1 : events;
    }
    return count;
  }

  /** Positions of events in the state of the whole log that cannot be learned by their form, as `seq/index`. */
  refused(epoch: number): string[] {
    const found: string[] = [];
    for (const { filter, stored } of this.#entriesIn(epoch, this.ends)) {
      if (verbOfSubject(stored.subject) === 'control' || filter.coversMessage(logEntryOf(stored, 0)))
        continue;
      const items = this.#itemsOf(stored);
      if (items === undefined) found.push(`${stored.seq}/0`);
      for (const [index, item] of (items ?? []).entries()) {
        if (!filter.coversEvent(stored.seq, index, item) && !this.#isLearnable(item))
          found.push(`${stored.seq}/${index}`);
      }
    }
    return found;
  }

  /** The slot of a row that holds a whole count, and so is the same whatever the order. */
  get countSlot(): number | undefined {
    const { standardize, width } = this.#built.model.layout;
    return standardize ? width - statisticsSlots : undefined;
  }

  #entryOf(epoch: number): EpochEntry {
    const entry = this.#entries.get(epoch) ?? (this.epochs && this.#entries.get(epoch));
    assert(entry !== undefined, `epoch ${epoch} is in the log`);
    return entry;
  }

  #historyOf(epoch: number): EpochHistory {
    const known = this.#histories.get(epoch);
    if (known !== undefined) return known;
    const { from, skipTo, exclusions } = this.#entryOf(epoch);
    const state = from && this.stateAt(from.epoch, from.marks[0]!);
    const loop = this.#emptyLoop(state?.ids);
    if (from !== undefined && state !== undefined) {
      loop.table.set(state.table);
      loop.totals.set(state.totals);
      loop.learned = state.learned;
      loop.rejected = state.rejected;
      loop.duplicates = state.duplicates;
    }
    const first = Math.max(from?.marks[0] ?? 0, skipTo);
    const history = { filter: new ExclusionFilter(exclusions), first, loop, states: [copyOf(loop)] };
    this.#histories.set(epoch, history);
    return history;
  }

  /** A state as the stretches of the epochs that led to it, the earliest first. */
  #stretchesOf(epoch: number, marks: ArrayLike<number>): Stretch[] {
    const { from, skipTo, exclusions } = this.#entryOf(epoch);
    const kept = this.#marksOf(from?.marks ?? [0]);
    const before = from === undefined ? [] : this.#stretchesOf(from.epoch, kept);
    const start = kept.map((mark) => Math.max(mark, skipTo));
    return [...before, { filter: new ExclusionFilter(exclusions), start, marks }];
  }

  *#entriesIn(
    epoch: number,
    marks: ArrayLike<number>,
  ): Iterable<{ filter: ExclusionFilter; stored: StoredEntry }> {
    for (const { filter, start, marks: ends } of this.#stretchesOf(epoch, marks)) {
      for (const stored of this.#log()) {
        const { partition } = this.#factsOf(stored);
        if (stored.seq > start[partition]! && stored.seq <= ends[partition]!) yield { filter, stored };
      }
    }
  }

  /** One number for all partitions, or one for each. */
  #marksOf(marks: readonly number[]): Float64Array {
    const { partitions } = this.#config;
    return Float64Array.from({ length: partitions }, (_, partition) => marks[partition] ?? marks[0]!);
  }

  #emptyLoop(ids?: readonly string[]): PlainLoop {
    return new PlainLoop(this.#config, this.#built, new LearnedIds(this.#config.dedupe.idsMax, ids));
  }

  #factsOf(stored: StoredEntry): { partition: number; events: number } {
    const known = this.#facts[stored.seq];
    if (known !== undefined) return known;
    const key = keyOfSubject(stored.subject);
    const partition = (key === undefined ? stored.seq : fnv1a(key)) % this.#config.partitions;
    const isControl = verbOfSubject(stored.subject) === 'control';
    const facts = { partition, events: isControl ? 0 : (this.#itemsOf(stored)?.length ?? 1) };
    this.#facts[stored.seq] = facts;
    return facts;
  }

  /** Undefined when no event can be told from another. */
  #itemsOf(stored: StoredEntry): readonly unknown[] | undefined {
    if (verbOfSubject(stored.subject) === 'label') return undefined;
    try {
      return eventsOf(logEntryOf(stored, 0), this.#config.limits.eventsPerMessageMax);
    } catch {
      return undefined;
    }
  }

  #isLearnable(item: unknown): boolean {
    try {
      learnableEvent(item, this.#config.task);
      return true;
    } catch {
      return false;
    }
  }

  /** False when nothing of the entry changes the loop. */
  #learn(loop: PlainLoop, stored: StoredEntry, filter: ExclusionFilter): boolean {
    if (verbOfSubject(stored.subject) === 'control') return false;
    if (filter.coversMessage(logEntryOf(stored, 0))) return false;
    const items = this.#itemsOf(stored);
    if (items === undefined) loop.refuse();
    for (const [index, item] of (items ?? []).entries())
      if (!filter.coversEvent(stored.seq, index, item)) loop.learn(item);
    return true;
  }
}

const copyOf = (loop: PlainLoop): LoopState => ({
  table: loop.table.slice(),
  totals: loop.totals.slice(),
  learned: loop.learned,
  rejected: loop.rejected,
  duplicates: loop.duplicates,
  ids: loop.ids,
});
