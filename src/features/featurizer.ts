/**
 * An event's `features` object to a hashed sparse vector ("the hashing trick", Weinberger et al. 2009).
 *
 *   string   categorical   key = hash(path, 0xff, text)     value 1
 *   boolean  indicator     key = hash(path)                 value 0 or 1
 *   number   numeric       key = hash(path)                 value as given
 *   strings  bag           one categorical per item         value 1, repeated items add up
 *   numbers  dense block   key = hash(path, 0xfe, index)    value as given
 *   object   namespace     path = outer.inner
 *   null     absent
 *
 * Keys are below 2^bits; key 2^bits is the intercept, always first when the model has one; reserved rows of the
 * optimiser follow it, with value 0. Interactions cross the features of their operands: hashes are combined,
 * values multiplied.
 */
import { MillraceError } from '../base/errors.ts';
import { crossHash, finalize, hashByte, hashInteger, hashStart, hashText, separators } from '../base/hash.ts';
import { SparseVector } from '../base/sparse-vector.ts';
import { type Interactions, interactionsOf, type OperandNode } from './operand-tree.ts';
import { PackedFeatures } from './packed-features.ts';

export interface FeaturizerSettings {
  readonly bits: number;
  readonly intercept: boolean;
  /** Rows behind the intercept's that come with every event; none when absent. */
  readonly stateRows?: number;
  readonly interactions: readonly (readonly string[])[];
  readonly featuresMax: number;
  readonly depthMax: number;
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

interface Operand {
  readonly hashes: number[];
  readonly values: number[];
  /** Only while features are named. */
  readonly names: string[];
}

export class Featurizer {
  /** Key of the intercept: the first of the reserved rows behind the hashed ones. */
  readonly interceptKey: number;
  readonly #settings: FeaturizerSettings;
  readonly #mask: number;
  /** Features, the intercept and reserved rows of one event together. */
  readonly #entriesMax: number;
  readonly #stateRows: number;
  readonly #interactions: Interactions;
  readonly #packed: PackedFeatures;
  readonly #operands: Operand[];
  /** Operands of the namespaces around the feature being added. */
  readonly #active: number[] = [];
  readonly #path: string[] = [];
  /** What the event's features are called, while somebody wants to know. */
  #named: NamedFeature[] | undefined;

  constructor(settings: FeaturizerSettings) {
    this.#settings = settings;
    this.interceptKey = 2 ** settings.bits;
    this.#mask = this.interceptKey - 1;
    this.#stateRows = settings.stateRows ?? 0;
    this.#entriesMax = settings.featuresMax + (settings.intercept ? 1 : 0) + this.#stateRows;
    this.#interactions = interactionsOf(settings.interactions);
    this.#packed = new PackedFeatures({ ...settings, entriesMax: this.#entriesMax });
    this.#operands = Array.from({ length: this.#interactions.operandCount }, () => ({
      hashes: [],
      values: [],
      names: [],
    }));
  }

  /** A vector that has room for any event that is within the limits. */
  vector(): SparseVector {
    // One more than that shows when an event is not.
    return new SparseVector(this.#entriesMax + 1);
  }

  /** Whether MessagePack can be read where it lies: crosses need every feature of an event at hand. */
  get readsPacked(): boolean {
    return this.#interactions.crosses.length === 0;
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
    this.#active.length = 0;
    this.#path.length = 0;
    for (const operand of this.#operands) {
      operand.hashes.length = 0;
      operand.values.length = 0;
      operand.names.length = 0;
    }
    this.#begin(into);
    this.#walk(features, hashStart, this.#interactions.root, into);
    this.#boundCrosses();
    for (const cross of this.#interactions.crosses) this.#addCross(cross, 0, 0, 1, '', into);
  }

  /** The same; returns the features by name, in their order, without the intercept and reserved rows. */
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

  /** The rows that every event has. */
  #begin(into: SparseVector): void {
    into.clear();
    if (this.#settings.intercept) into.add(this.interceptKey, 1, 0);
    for (let row = 1; row <= this.#stateRows; row++) into.add(this.interceptKey + row, 0, 0);
  }

  #walk(
    record: Record<string, unknown>,
    hash: number,
    node: OperandNode | undefined,
    into: SparseVector,
  ): void {
    if (this.#path.length >= this.#settings.depthMax) {
      throw new MillraceError(
        'badInput',
        `${this.#name()}: nested deeper than ${this.#settings.depthMax} (limits.depthMax)`,
      );
    }
    for (const name of Object.keys(record)) {
      const value = record[name];
      if (value === null || value === undefined) continue;
      this.#path.push(name);
      if (forbiddenNames.has(name))
        throw new MillraceError('badInput', `${this.#name()}: the name __proto__ is not allowed`);
      const outer = this.#path.length === 1 ? hash : hashByte(hash, dot);
      const activeBefore = this.#active.length;
      const child = node && this.#enter(node, name);
      this.#addValue(value, hashText(outer, name), child, into);
      this.#active.length = activeBefore;
      this.#path.pop();
    }
  }

  /**
   * Down the operand tree by one name, which is several tokens when it holds dots: "user.age" as a flat name is
   * the same feature as "age" in the namespace "user".
   */
  #enter(from: OperandNode, name: string): OperandNode | undefined {
    let node: OperandNode | undefined = from;
    for (const token of name.includes('.') ? name.split('.') : [name]) {
      node = node.children.get(token);
      if (node === undefined) return undefined;
      this.#active.push(...node.operands);
    }
    return node;
  }

  #addValue(value: unknown, hash: number, node: OperandNode | undefined, into: SparseVector): void {
    if (typeof value === 'string') this.#addText(value, hash, into);
    else if (typeof value === 'number') this.#add(hash, this.#finite(value), 1, into);
    else if (typeof value === 'boolean') this.#add(hash, value ? 1 : 0, 0, into);
    else if (Array.isArray(value)) this.#addArray(value, hash, into);
    else if (isRecord(value)) this.#walk(value, hash, node, into);
    else throw this.#unexpected('a string, number, boolean, array, object or null', value);
  }

  #addArray(items: readonly unknown[], hash: number, into: SparseVector): void {
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

  #addText(text: string, hash: number, into: SparseVector): void {
    this.#add(hashText(hashByte(hash, separators.value), text), 1, 0, into, text);
  }

  /** `item`: which of its path's features it is, a text or a place in a block. */
  #add(hash: number, value: number, numeric: 0 | 1, into: SparseVector, item?: string | number): void {
    const full = finalize(hash);
    const name = this.#named && featureName(this.#path, item);
    for (const operand of this.#active) {
      this.#operands[operand]!.hashes.push(full);
      this.#operands[operand]!.values.push(value);
      if (name !== undefined) this.#operands[operand]!.names.push(name);
    }
    this.#put(full, value, numeric, into);
    if (name !== undefined) this.#named?.push({ name, key: this.#keyOf(full) });
  }

  #keyOf(hash: number): number {
    return (hash & this.#mask) >>> 0;
  }

  #put(hash: number, value: number, numeric: 0 | 1, into: SparseVector): void {
    if (!into.add(this.#keyOf(hash), value, numeric) || into.count > this.#entriesMax) throw this.#tooMany();
  }

  /**
   * Crosses count before any of them is formed, repeats too: a bag of one word a thousand times over would
   * otherwise be crossed a million times into a single key.
   */
  #boundCrosses(): void {
    let total = 0;
    for (const cross of this.#interactions.crosses) {
      let combinations = 1;
      for (const operand of cross) combinations *= this.#operands[operand]!.hashes.length;
      total += combinations;
    }
    if (total > this.#settings.featuresMax) throw this.#tooMany();
  }

  #tooMany(): MillraceError {
    return new MillraceError(
      'tooLarge',
      `features: more than ${this.#settings.featuresMax} (limits.featuresMax)`,
    );
  }

  /** Every combination of one feature from each operand, depth first in the order of the configuration. */
  #addCross(
    cross: readonly number[],
    depth: number,
    hash: number,
    value: number,
    name: string,
    into: SparseVector,
  ): void {
    if (depth === cross.length) {
      // A cross of numbers too large for float32 would put an infinity into the model.
      if (Math.abs(value) > float32Max)
        throw new MillraceError('badInput', 'features: an interaction overflows float32');
      this.#put(hash, value, 0, into);
      this.#named?.push({ name, key: this.#keyOf(hash) });
      return;
    }
    const { hashes, values, names } = this.#operands[cross[depth]!]!;
    for (let i = 0; i < hashes.length; i++) {
      const next = depth === 0 ? hashes[i]! : crossHash(hash, hashes[i]!);
      const longer = this.#named === undefined ? name : depth === 0 ? names[i]! : `${name}*${names[i]}`;
      this.#addCross(cross, depth + 1, next, value * values[i]!, longer, into);
    }
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
