/**
 * A micro-batch: whole stream entries, decoded and hashed, in order, with the distinct rows that they touch.
 * Everything here depends on the entries alone, so that it can be made while the batch before it is still
 * being pushed. Buffers are kept and used again.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import { type IdHash, noId } from '../base/event-id.ts';
import { RowReferences } from '../base/row-references.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { EventView, ReferenceRange } from '../kernels/online-model.ts';
import type { RowLayout } from '../model/row-layout.ts';
import type { LogEntry } from '../nats/channel.ts';
import type { Original } from './message-reader.ts';
import { RowNumbers } from './row-numbers.ts';

export interface Position {
  readonly seq: number;
  readonly index: number;
  /** The broker's stamp, ms since the epoch. */
  readonly timeMs: number;
  /** Key token of its subject, if it has one. */
  readonly key?: string | undefined;
}

type BatchLayout = Pick<RowLayout, 'sharedKey' | 'sharedRows' | 'classesMax'>;

/** One score, and no shared rows. */
const plain: BatchLayout = { sharedKey: 0, sharedRows: 0, classesMax: 0 };

export class Batch {
  /** Events ready to be learned. */
  count = 0;
  labels = new Float64Array(256);
  /** Labels of several classes, in their place. */
  readonly classLabels: ClassLabel[] = [];
  weights = new Float64Array(256);
  seqs = new Float64Array(256);
  indices = new Uint32Array(256);
  /** Pairs: the events' ids, two zeros for none; and how many events have one. */
  ids = new Uint32Array(512);
  idCount = 0;
  /** The broker's stamps, and when the events happened. */
  times = new Float64Array(256);
  eventTimes = new Float64Array(256);
  /** The events as they came, for the rejected stream. */
  readonly originals: Original[] = [];
  readonly messageKeys: (string | undefined)[] = [];
  /** Event i has the entries offsets[i] to offsets[i + 1]. */
  offsets = new Uint32Array(257);
  /** Row numbers into the batch's working set, and values. */
  rows = new Uint32Array(8192);
  values = new Float32Array(8192);
  numeric = new Uint8Array(8192);
  /** Event i has the references referenceOffsets[i] to referenceOffsets[i + 1]; `firsts` are row numbers. */
  readonly references = new RowReferences();
  referenceOffsets = new Uint32Array(257);
  /** Distinct keys, those of the shared rows first; a row's number is its place here. */
  readonly keys = new RowNumbers();
  /** Sequence of the last entry taken in, whether or not anything in it is learned here; 0 when there is none. */
  toSeq = 0;
  /** (sequence, broker time) of the entries, for freshness. */
  readonly stamps: number[] = [];
  messages = 0;
  /** The last entry taken in. */
  last: LogEntry | undefined;
  /** Events that an exclusion passed over. */
  excluded = 0;
  /** First and last sequence of what the stream no longer held. */
  readonly gaps: (readonly [first: number, last: number])[] = [];

  readonly #layout: BatchLayout;

  constructor(layout: BatchLayout = plain) {
    this.#layout = layout;
  }

  clear(): void {
    this.count = 0;
    this.classLabels.length = 0;
    this.keys.clear();
    this.toSeq = 0;
    this.originals.length = 0;
    this.messageKeys.length = 0;
    this.stamps.length = 0;
    this.messages = 0;
    this.excluded = 0;
    this.last = undefined;
    this.gaps.length = 0;
    this.idCount = 0;
    this.references.clear();
  }

  add(
    vector: SparseVector,
    event: { readonly label: ClassLabel; readonly weight: number; readonly time: number | undefined },
    at: Position,
    original: Original,
    id: IdHash = noId,
  ): void {
    const place = this.count;
    if (place === 0) this.#seed();
    const start = place === 0 ? 0 : this.offsets[place]!;
    this.#reserve(place + 1, start + vector.count);
    this.offsets[place] = start;
    for (let i = 0; i < vector.count; i++) {
      this.rows[start + i] = this.keys.numberOf(vector.keys[i]!);
      this.values[start + i] = vector.values[i]!;
      this.numeric[start + i] = vector.numeric[i]!;
    }
    this.offsets[place + 1] = start + vector.count;
    this.#refer(place, vector.references);
    if (this.#layout.classesMax > 0) this.classLabels.push(event.label);
    else this.labels[place] = event.label as number;
    this.weights[place] = event.weight;
    this.ids.set(id, 2 * place);
    if (id !== noId) this.idCount++;
    this.seqs[place] = at.seq;
    this.indices[place] = at.index;
    this.times[place] = at.timeMs;
    this.eventTimes[place] = event.time ?? at.timeMs;
    this.originals.push(original);
    this.messageKeys.push(at.key);
    this.count = place + 1;
  }

  labelOf(event: number): ClassLabel {
    return this.#layout.classesMax > 0 ? this.classLabels[event]! : this.labels[event]!;
  }

  #seed(): void {
    const { sharedKey, sharedRows } = this.#layout;
    for (let row = 0; row < sharedRows; row++) this.keys.numberOf(sharedKey + row);
  }

  /** Event i, in a table that holds the rows of `keys` in their order. */
  view(event: number): EventView {
    return {
      rows: this.rows,
      values: this.values,
      numeric: this.numeric,
      from: this.offsets[event]!,
      to: this.offsets[event + 1]!,
      keys: this.keys.keys,
      time: this.eventTimes[event]!,
      references: this.#referencesOf(event),
    };
  }

  /** In a table that is the whole model a row is found by its key. */
  rowsToKeys(): void {
    const { keys } = this.keys;
    const entries = this.count === 0 ? 0 : this.offsets[this.count]!;
    for (let at = 0; at < entries; at++) this.rows[at] = keys[this.rows[at]!]!;
    const { firsts, count } = this.references;
    for (let at = 0; at < count; at++) firsts[at] = keys[firsts[at]!]!;
  }

  #referencesOf(event: number): ReferenceRange | undefined {
    const [from, to] = [this.referenceOffsets[event]!, this.referenceOffsets[event + 1]!];
    return from === to ? undefined : { of: this.references, from, to };
  }

  /** A group's rows are numbered together, so that they lie together. */
  #refer(place: number, { count, parts, firsts, lengths, values, tags }: RowReferences): void {
    if (place === 0) this.referenceOffsets[0] = 0;
    for (let at = 0; at < count; at++) {
      const [first, length] = [firsts[at]!, lengths[at]!];
      const row = this.keys.numberOf(first);
      for (let next = 1; next < length; next++) this.keys.numberOf(first + next);
      this.references.add(parts[at]!, row, length, values[at]!, tags[2 * at]!, tags[2 * at + 1]!);
    }
    this.referenceOffsets[place + 1] = this.references.count;
  }

  #reserve(events: number, entries: number): void {
    if (events > this.labels.length) {
      const length = events * 2;
      this.labels = grown(this.labels, new Float64Array(length));
      this.weights = grown(this.weights, new Float64Array(length));
      this.seqs = grown(this.seqs, new Float64Array(length));
      this.indices = grown(this.indices, new Uint32Array(length));
      this.ids = grown(this.ids, new Uint32Array(2 * length));
      this.times = grown(this.times, new Float64Array(length));
      this.eventTimes = grown(this.eventTimes, new Float64Array(length));
      this.offsets = grown(this.offsets, new Uint32Array(length + 1));
      this.referenceOffsets = grown(this.referenceOffsets, new Uint32Array(length + 1));
    }
    if (entries > this.rows.length) {
      const length = entries * 2;
      this.rows = grown(this.rows, new Uint32Array(length));
      this.values = grown(this.values, new Float32Array(length));
      this.numeric = grown(this.numeric, new Uint8Array(length));
    }
  }
}

function grown<Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
