/**
 * The events of one message at a time. MessagePack is read where it lies (src/features/packed-features.ts); JSON, and
 * any event that the short way leaves alone, is decoded. Both ways give the same (test/learner/message-reader.test.ts).
 */
import { type IdHash, idHashOf, noId } from '../base/event-id.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { Featurizer } from '../features/featurizer.ts';
import type { ModelDefinition } from '../model/definition.ts';
import type { LogEntry } from '../nats/channel.ts';
import { contentTypeHeader, decode, msgpackType } from '../protocol/codec.ts';
import { itemsOf } from '../protocol/packed-values.ts';
import { eventsOf, type LearnableEvent, learnableEvent } from './events.ts';
import { packedEventAt } from './packed-event.ts';

export interface ReaderSettings {
  readonly task: ModelDefinition['task'];
  readonly classWeights?: ModelDefinition['classWeights'];
  readonly eventsPerMessageMax: number;
  /** Ids of learned events that are remembered; 0: ids mean nothing. */
  readonly recentIdsMax: number;
}

/** An event as it came; decoded when somebody looks at it. */
export interface Original {
  readonly value: unknown;
}

export interface ReadEvent extends LearnableEvent {
  readonly id: IdHash;
}

type Message = Pick<LogEntry, 'data' | 'header'>;

export class MessageReader {
  readonly #settings: ReaderSettings;
  readonly #featurizer: Featurizer;
  #data: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#data.buffer);
  /** The message as it was decoded; undefined while it is read where it lies. */
  #items: readonly unknown[] | undefined;
  readonly #starts: Uint32Array;

  constructor(featurizer: Featurizer, settings: ReaderSettings) {
    this.#featurizer = featurizer;
    this.#settings = settings;
    this.#starts = new Uint32Array(settings.eventsPerMessageMax + 1);
  }

  /** How many events are in it; throws MillraceError when the message is refused whole. */
  open(message: Message): number {
    const { data } = message;
    this.#items = undefined;
    this.#data = data;
    if (this.#featurizer.readsPacked && message.header(contentTypeHeader) === msgpackType) {
      const count = itemsOf(data, this.#starts);
      if (count > 0) {
        this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
        return count;
      }
    }
    this.#items = eventsOf(message, this.#settings.eventsPerMessageMax);
    return this.#items.length;
  }

  original(index: number): Original {
    if (this.#items !== undefined) return { value: this.#items[index] };
    return new PackedItem(this.#data, this.#starts[index]!, this.#starts[index + 1]!);
  }

  /** Fills the vector with an event's features; throws MillraceError that says what is wrong with the event. */
  read(index: number, into: SparseVector): ReadEvent {
    return this.#readPacked(index, into) ?? this.#readItem(this.original(index).value, into);
  }

  #readPacked(index: number, into: SparseVector): ReadEvent | undefined {
    if (this.#items !== undefined) return undefined;
    const event = packedEventAt(this.#data, this.#view, this.#starts[index]!);
    if (event === undefined) return undefined;
    const { label, weight, time } = learnableEvent(event, this.#settings.task, this.#settings.classWeights);
    if (!this.#featurizer.featurizePacked(this.#data, this.#view, event.features, into)) return undefined;
    return { features: event.features, label, weight, time, id: this.#idOf(event.id) };
  }

  #readItem(item: unknown, into: SparseVector): ReadEvent {
    const event = learnableEvent(item, this.#settings.task, this.#settings.classWeights);
    this.#featurizer.featurize(event.features, into);
    return { ...event, id: this.#idOf((item as { id?: unknown }).id) };
  }

  #idOf(id: unknown): IdHash {
    return this.#settings.recentIdsMax > 0 ? idHashOf(id) : noId;
  }
}

class PackedItem implements Original {
  readonly #data: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  constructor(data: Uint8Array, start: number, end: number) {
    this.#data = data;
    this.#start = start;
    this.#end = end;
  }

  get value(): unknown {
    return decode(this.#data.subarray(this.#start, this.#end), msgpackType);
  }
}
