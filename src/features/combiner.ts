/**
 * The features of one event that are made from others: n-grams, then interactions, which take in the n-grams of their
 * operands. They are counted before any is formed, repeats too: a list of one word a thousand times over would
 * otherwise be crossed a million times into a single key.
 */
import { MillraceError } from '../base/errors.ts';
import { combinationsIn, formCross } from './crosses.ts';
import { EventFeatures } from './event-features.ts';
import { formGrams, gramsIn, type NameAffix } from './grams.ts';
import {
  type CombinationSettings,
  type Combinations,
  combinationsOf,
  type OperandNode,
} from './operand-tree.ts';

/** What holds for the feature at hand: the operands it is part of, and so on. */
interface Scope {
  readonly operandCount: number;
  readonly affixCount: number;
  readonly isSilent: boolean;
  readonly isExact: boolean;
  readonly group: number;
}

/** A gram that was formed, before it becomes part of operands. */
interface NewGram {
  readonly place: number;
  readonly joins: readonly number[];
}

/** Takes a feature: its finalised hash, its value, and its name while features are named. */
export type TakeFeature = (hash: number, value: number, name: string | undefined) => void;

export class Combiner {
  /** Affixes to be made of the feature at hand. */
  readonly affixes: NameAffix[] = [];
  /** Whether the feature at hand stands in combinations only. */
  isSilent = false;
  /** Whether its text is an id of the exact table. */
  isExact = false;
  readonly #combinations: Combinations;
  readonly #featuresMax: number;
  readonly #features = new EventFeatures();
  /** For each operand the places of its features. */
  readonly #members: number[][];
  /** Operands of the feature at hand. */
  readonly #active: number[] = [];
  readonly #scopes: Scope[] = [];
  /** First names of the namespaces met so far; the group of one is its place here, from 1. */
  readonly #groupNames: string[] = [];
  #group = 0;

  constructor(settings: CombinationSettings, featuresMax: number) {
    this.#combinations = combinationsOf(settings);
    this.#featuresMax = featuresMax;
    this.#members = Array.from({ length: this.#combinations.operandCount }, () => []);
  }

  get isPlain(): boolean {
    return this.#combinations.isPlain;
  }

  /** Where to begin walking an event; undefined when there is nothing to find. */
  begin(): OperandNode | undefined {
    if (this.isPlain) return undefined;
    this.#features.clear();
    for (const members of this.#members) members.length = 0;
    this.#active.length = 0;
    this.affixes.length = 0;
    this.#scopes.length = 0;
    this.#groupNames.length = 0;
    this.#group = 0;
    this.isSilent = false;
    this.isExact = false;
    const { root } = this.#combinations;
    this.#take(root);
    return root;
  }

  /**
   * Down by one name, which is several tokens when it holds dots: "user.age" as a flat name is the same feature as
   * "age" in the namespace "user".
   */
  enter(from: OperandNode | undefined, name: string, isNamespace: boolean): OperandNode | undefined {
    const { isSilent, isExact } = this;
    const [operandCount, affixCount, group] = [this.#active.length, this.affixes.length, this.#group];
    const tokens = name.includes('.') ? name.split('.') : [name];
    if (this.#scopes.length === 0)
      this.#group = isNamespace || tokens.length > 1 ? this.#groupOf(tokens[0]!) : 0;
    this.#scopes.push({ operandCount, affixCount, isSilent, isExact, group });
    let node = from;
    for (const token of tokens) {
      node = node?.children.get(token);
      if (node === undefined) return undefined;
      this.#take(node);
    }
    return node;
  }

  /** Back up by the name that was entered last. */
  leave(): void {
    const { operandCount, affixCount, isSilent, isExact, group } = this.#scopes.pop()!;
    this.#active.length = operandCount;
    this.affixes.length = affixCount;
    this.isSilent = isSilent;
    this.isExact = isExact;
    this.#group = group;
  }

  /** A feature, with its finalised hash. */
  add(hash: number, value: number, name: string | undefined): void {
    if (this.#active.length === 0) return;
    const place = this.#features.add(hash, value, this.#group, name);
    for (const operand of this.#active) this.#members[operand]!.push(place);
  }

  /** Forms all combinations of the event; throws MillraceError when there are more than its features may be. */
  form(take: TakeFeature): void {
    this.#formGrams(take);
    const { crosses } = this.#combinations;
    let total = 0;
    for (const cross of crosses) {
      total += combinationsIn(cross, this.#features, this.#members, this.#featuresMax);
      if (total > this.#featuresMax) throw tooManyFeatures(this.#featuresMax);
    }
    for (const cross of crosses) formCross(cross, this.#features, this.#members, take);
  }

  #take({ operands, affixes, isSilent, isExact }: OperandNode): void {
    for (const operand of operands) this.#active.push(operand);
    for (const affix of affixes) this.affixes.push(affix);
    if (isSilent) this.isSilent = true;
    if (isExact) this.isExact = true;
  }

  #groupOf(token: string): number {
    const at = this.#groupNames.indexOf(token);
    return at < 0 ? this.#groupNames.push(token) : at + 1;
  }

  /** From the features as they came: grams are not made of grams. */
  #formGrams(take: TakeFeature): void {
    const formed: NewGram[] = [];
    let total = 0;
    for (const { operand, masks, joins } of this.#combinations.grams) {
      const sequences = joins === undefined ? this.#byGroup(operand) : [this.#members[operand]!];
      for (const sequence of sequences) {
        total += gramsIn(masks, sequence.length);
        if (total > this.#featuresMax) throw tooManyFeatures(this.#featuresMax);
        const group = this.#features.groups[sequence[0]!] ?? 0;
        formGrams(masks, sequence, this.#features, (hash, name) => {
          take(hash, 1, name);
          const place = this.#features.add(hash, 1, group, name);
          formed.push({ place, joins: joins ?? this.#operandsOfGroup(group) });
        });
      }
    }
    for (const { place, joins } of formed) for (const operand of joins) this.#members[operand]!.push(place);
  }

  /** The operand's features, those of each namespace together. */
  #byGroup(operand: number): number[][] {
    const sequences: number[][] = Array.from({ length: this.#groupNames.length + 1 }, () => []);
    for (const place of this.#members[operand]!) sequences[this.#features.groups[place]!]!.push(place);
    return sequences.filter((sequence) => sequence.length > 0);
  }

  #operandsOfGroup(group: number): readonly number[] {
    const { root } = this.#combinations;
    const own = group === 0 ? undefined : root.children.get(this.#groupNames[group - 1]!);
    return [...root.operands, ...(own?.operands ?? [])];
  }
}

export const tooManyFeatures = (featuresMax: number): MillraceError =>
  new MillraceError('tooLarge', `features: more than ${featuresMax} (limits.featuresMax)`);
