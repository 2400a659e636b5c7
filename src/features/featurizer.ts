/**
 * An event's `features` object to a hashed sparse vector ("the hashing trick", Weinberger et al. 2009).
 *
 *   string   categorical   key = hash(path, 0xff, text)     value 1
 *   boolean  indicator     key = hash(path)                 value 0 or 1
 *   number   numeric       key = hash(path)                 value as given
 *   strings  bag           one categorical per item         value 1, repeated items add up
 *   numbers  dense block   key = hash(path, 0xfe, index)    value as given
 *   object   namespace     path = outer.inner
 *   pairs    namespace     [name, number] each, in order
 *   null     absent
 *
 * Keys are below 2^bits; key 2^bits is the intercept, always first when the model has one; reserved rows of the
 * optimiser follow it, with value 0. Behind an event's features stand those that are made from them (combiner.ts), and
 * then its aggregates (group-references.ts).
 */
import { MillraceError } from '../base/errors.ts';
import { finalize, hashByte, hashInteger, hashStart, hashText, separators } from '../base/hash.ts';
import { SparseVector } from '../base/sparse-vector.ts';
import { Combiner, tooManyFeatures } from './combiner.ts';
import { type ExactPlaces, ExactReferences } from './exact-references.ts';
import { affixText } from './grams.ts';
import { type AggregatePlace, addAggregates } from './group-references.ts';
import type { CombinationSettings, OperandNode } from './operand-tree.ts';
import { PackedFeatures } from './packed-features.ts';

export interface FeaturizerSettings extends CombinationSettings {
  readonly bits: number;
  readonly intercept: boolean;
  /** Rows behind the intercept's that come with every event; none when absent. */
  readonly stateRows?: number;
  readonly aggregatePlaces?: readonly AggregatePlace[];
  readonly featuresMax: number;
  readonly depthMax: number;
  /** Where the exact ids' rows are. */
  readonly exactPlaces?: ExactPlaces | undefined;
}

/** A name that would reach an object's prototype somewhere down the road, and what MessagePack's decoder makes of it. */
const forbiddenNames = new Set(['__proto__', '__proto_']);
const dot = 0x2e;
const float32Max = 3.4028234663852886e38;

/** A feature as its user knows it: `country=DE`, `user.age`, `vector[3]`, a cross `country=DE*hour`. */
export interface NamedFeature {
  readonly name: string;
  readonly key: number;
}

export class Featurizer {
  /** Key of the intercept: the first of the reserved rows behind the hashed ones. */
  readonly interceptKey: number;
  readonly #settings: FeaturizerSettings;
  readonly #mask: number;
  /** Features, the intercept and reserved rows of one event together. */
  readonly #entriesMax: number;
  readonly #stateRows: number;
  readonly #combiner: Combiner;
  readonly #aggregates: readonly AggregatePlace[];
  readonly #packed: PackedFeatures;
  readonly #exact: ExactReferences | undefined;
  readonly #path: string[] = [];
  /** What the event's features are called, while somebody wants to know. */
  #named: NamedFeature[] | undefined;

  constructor(settings: FeaturizerSettings) {
    this.#settings = settings;
    this.interceptKey = 2 ** settings.bits;
    this.#mask = this.interceptKey - 1;
    this.#stateRows = settings.stateRows ?? 0;
    this.#entriesMax = settings.featuresMax + (settings.intercept ? 1 : 0) + this.#stateRows;
    this.#combiner = new Combiner(settings, settings.featuresMax);
    this.#exact = settings.exactPlaces && new ExactReferences(settings.exactPlaces);
    this.#aggregates = settings.aggregatePlaces ?? [];
    this.#packed = new PackedFeatures({ ...settings, entriesMax: this.#entriesMax });
  }

  /** A vector that has room for any event that is within the limits. */
  vector(): SparseVector {
    // One more than that shows when an event is not.
    return new SparseVector(this.#entriesMax + 1 + this.#aggregates.length);
  }

  /** Whether MessagePack can be read where it lies: what is made of features needs all of an event at hand. */
  get readsPacked(): boolean {
    return this.#combiner.isPlain && this.#aggregates.length === 0;
  }

  /** Whether a part of an event's features means something without the rest. */
  get readsParts(): boolean {
    return true;
  }

  /** The same as `featurize` of the decoded map at `at`; false when only that can tell, and the vector holds nothing of use. */
  featurizePacked(bytes: Uint8Array, view: DataView, at: number, into: SparseVector): boolean {
    this.#begin(into);
    return this.#packed.add(bytes, view, at, into);
  }

  /** Fills the vector; throws MillraceError (badInput, tooLarge) that names the feature. */
  featurize(features: unknown, into: SparseVector): void {
    if (!isRecord(features))
      throw new MillraceError('badInput', `features: expected an object, got ${kindOf(features)}`);
    this.#path.length = 0;
    this.#begin(into);
    this.#walk(features, hashStart, this.#combiner.begin(), into);
    if (!this.#combiner.isPlain)
      this.#combiner.form((hash, value, name) => this.#addCombination(hash, value, name, into));
    if (this.#aggregates.length > 0) this.#addAggregates(features, into);
  }

  /** Adds more features to a vector that holds others; where nothing is combined the same as all of them in one object. */
  append(features: Readonly<Record<string, unknown>>, into: SparseVector): void {
    this.#path.length = 0;
    this.#walk(features, hashStart, undefined, into);
  }

  /** The same as `featurize`; returns the features by name, in their order, without the intercept and reserved rows. */
  featurizeNamed(features: unknown, into: SparseVector): readonly NamedFeature[] {
    const named: NamedFeature[] = [];
    this.#named = named;
    try {
      this.featurize(features, into);
    } finally {
      this.#named = undefined;
    }
    return named;
  }

  /** The key under which the feature of a row is named: an id is by its bucket. */
  namedKey(key: number): number {
    return this.#exact?.bucketOf(key) ?? key;
  }

  /** The rows that every event has. */
  #begin(into: SparseVector): void {
    into.clear();
    if (this.#settings.intercept) into.add(this.interceptKey, 1, 0);
    for (let row = 1; row <= this.#stateRows; row++) into.add(this.interceptKey + row, 0, 0);
  }

  #walk(
    record: Readonly<Record<string, unknown>>,
    hash: number,
    node: OperandNode | undefined,
    into: SparseVector,
  ): void {
    this.#boundDepth();
    for (const name of Object.keys(record)) {
      const value = record[name];
      if (value !== null && value !== undefined) this.#addMember(name, value, hash, node, into);
    }
  }

  #addMember(
    name: string,
    value: unknown,
    hash: number,
    node: OperandNode | undefined,
    into: SparseVector,
  ): void {
    this.#path.push(name);
    if (forbiddenNames.has(name))
      throw new MillraceError('badInput', `${this.#name()}: the name __proto__ is not allowed`);
    const outer = this.#path.length === 1 ? hash : hashByte(hash, dot);
    if (this.#combiner.isPlain) this.#addValue(value, hashText(outer, name), undefined, into);
    else {
      const child = this.#combiner.enter(node, name, typeof value === 'object');
      this.#addValue(value, hashText(outer, name), child, into);
      this.#combiner.leave();
    }
    this.#path.pop();
  }

  #boundDepth(): void {
    if (this.#path.length < this.#settings.depthMax) return;
    throw new MillraceError(
      'badInput',
      `${this.#name()}: nested deeper than ${this.#settings.depthMax} (limits.depthMax)`,
    );
  }

  #addValue(value: unknown, hash: number, node: OperandNode | undefined, into: SparseVector): void {
    if (typeof value === 'string') this.#addText(value, hash, into);
    else if (typeof value === 'number') this.#add(hash, this.#finite(value), 1, into);
    else if (typeof value === 'boolean') this.#add(hash, value ? 1 : 0, 0, into);
    else if (Array.isArray(value)) this.#addArray(value, hash, node, into);
    else if (isRecord(value)) this.#walk(value, hash, node, into);
    else throw this.#unexpected('a string, number, boolean, array, object or null', value);
  }

  #addArray(
    items: readonly unknown[],
    hash: number,
    node: OperandNode | undefined,
    into: SparseVector,
  ): void {
    if (Array.isArray(items[0])) {
      this.#addPairs(items, hash, node, into);
      return;
    }
    const first = typeof items[0];
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (typeof item !== first)
        throw this.#unexpected('an array of one kind: all strings or all numbers', item);
      if (typeof item === 'string') this.#addText(item, hash, into);
      else if (typeof item === 'number') {
        this.#add(hashInteger(hashByte(hash, separators.index), i), this.#finite(item), 1, into, i);
      } else throw this.#unexpected('an array of strings or numbers', item);
    }
  }

  /** A namespace as a list of names and numbers: in this order, and a name may come twice. */
  #addPairs(
    items: readonly unknown[],
    hash: number,
    node: OperandNode | undefined,
    into: SparseVector,
  ): void {
    this.#boundDepth();
    for (const item of items) {
      const [name, value] = Array.isArray(item) && item.length === 2 ? item : [];
      if (typeof name !== 'string' || typeof value !== 'number')
        throw this.#unexpected('an array of pairs, each a name and a number', item);
      this.#addMember(name, value, hash, node, into);
    }
  }

  #addText(text: string, hash: number, into: SparseVector): void {
    this.#add(hashText(hashByte(hash, separators.value), text), 1, 0, into, text);
  }

  /** `item`: which of its path's features it is, a text or a place in a block. */
  #add(hash: number, value: number, numeric: 0 | 1, into: SparseVector, item?: string | number): void {
    const full = finalize(hash);
    const name = this.#named && featureName(this.#path, item);
    if (!this.#combiner.isSilent) {
      if (this.#combiner.isExact && typeof item === 'string') this.#refer(full, item, into, name);
      else this.#put(full, value, numeric, into, name);
    }
    if (this.#combiner.isPlain) return;
    this.#combiner.add(full, value, name);
    if (typeof item === 'number') return;
    for (const affix of this.#combiner.affixes) {
      const part = affixText(affix, item ?? this.#path.at(-1)!);
      const partName = this.#named && `${affix.of}:${affix.at}=${part}`;
      this.#put(finalize(hashText(affix.hash, part)), value, 0, into, partName);
    }
  }

  #keyOf(hash: number): number {
    return (hash & this.#mask) >>> 0;
  }

  #put(hash: number, value: number, numeric: 0 | 1, into: SparseVector, name?: string): void {
    const key = this.#keyOf(hash);
    if (!into.add(key, value, numeric) || into.count > this.#entriesMax)
      throw tooManyFeatures(this.#settings.featuresMax);
    if (name !== undefined) this.#named?.push({ name, key });
  }

  #refer(hash: number, text: string, into: SparseVector, name: string | undefined): void {
    const key = this.#exact!.refer(hash, text, into.references);
    if (into.references.count > this.#settings.featuresMax) throw tooManyFeatures(this.#settings.featuresMax);
    if (name !== undefined) this.#named?.push({ name, key });
  }

  #addCombination(hash: number, value: number, name: string | undefined, into: SparseVector): void {
    // A cross of numbers too large for float32 would put an infinity into the model.
    if (Math.abs(value) > float32Max)
      throw new MillraceError('badInput', 'features: an interaction overflows float32');
    this.#put(hash, value, 0, into, name);
  }

  #addAggregates(features: Record<string, unknown>, into: SparseVector): void {
    addAggregates(this.#aggregates, features, into);
    for (const { name, weightKey } of this.#aggregates) this.#named?.push({ name, key: weightKey });
  }

  #finite(value: number): number {
    if (Math.abs(value) <= float32Max) return value;
    throw this.#unexpected('a finite number within float32', value);
  }

  #unexpected(expected: string, got: unknown): MillraceError {
    return new MillraceError('badInput', `${this.#name()}: expected ${expected}, got ${kindOf(got)}`);
  }

  #name(): string {
    return ['features', ...this.#path].join('.').slice(0, 256);
  }
}

function featureName(path: readonly string[], item: string | number | undefined): string {
  const name = path.join('.');
  if (item === undefined) return name;
  return typeof item === 'string' ? `${name}=${item}` : `${name}[${item}]`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return String(value);
  if (isRecord(value)) return 'an object';
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'foreign object'}`;
  return typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`;
}
