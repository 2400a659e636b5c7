/**
 * Features made of neighbours, and of parts of names.
 *
 * An n-gram is a run of 2 to n features of a list or namespace, in the order in which they came, of which up to
 * `skips` may be left out in between: as Vowpal Wabbit's --ngram and --skips. Its value is 1. An affix is the
 * beginning or the end of a feature's text or name, with the feature's value: as its --affix.
 */
import { crossHash, hashByte, hashInteger, hashStart, hashText, separators } from '../base/hash.ts';
import type { EventFeatures } from './event-features.ts';

export interface GramSetting {
  readonly of: string;
  readonly n: number;
  readonly skips: number;
}

export interface Grams {
  /** Whose features are the sequence; those of `*` are one sequence for each namespace. */
  readonly operand: number;
  readonly masks: readonly (readonly number[])[];
  /** Operands that the grams become part of; undefined for `*`, where it depends on the namespace. */
  readonly joins: readonly number[] | undefined;
}

/** Which places of a window a gram takes, the first always: [0, 1], [0, 2], [0, 1, 2], ... */
export function masksOf(n: number, skips: number): number[][] {
  const masks: number[][] = [];
  const grow = (mask: readonly number[], left: number): void => {
    if (mask.length > 1) masks.push([...mask]);
    if (mask.length === n) return;
    for (let skipped = 0; skipped <= left; skipped++)
      grow([...mask, mask.at(-1)! + 1 + skipped], left - skipped);
  };
  grow([0], skips);
  return masks;
}

/** How many grams a sequence of this length has. */
export function gramsIn(masks: readonly (readonly number[])[], length: number): number {
  let count = 0;
  for (const mask of masks) count += Math.max(0, length - mask.at(-1)!);
  return count;
}

/** Tells a run of features from the cross of the same ones. */
const gramStart = 0x9e3779b1;

export function formGrams(
  masks: readonly (readonly number[])[],
  sequence: readonly number[],
  { hashes, names }: EventFeatures,
  take: (hash: number, name: string | undefined) => void,
): void {
  const isNamed = names.length > 0;
  for (const mask of masks) {
    for (let start = 0; start + mask.at(-1)! < sequence.length; start++) {
      let hash = gramStart;
      for (const offset of mask) hash = crossHash(hash, hashes[sequence[start + offset]!]!);
      take(hash, isNamed ? mask.map((offset) => names[sequence[start + offset]!]).join('>') : undefined);
    }
  }
}

export interface AffixSetting {
  readonly of: string;
  readonly at: 'prefix' | 'suffix';
  readonly length: number;
}

export interface NameAffix extends AffixSetting {
  /** Hash of all but the text. */
  readonly hash: number;
}

export function affixOf({ of, at, length }: AffixSetting): NameAffix {
  const marked = hashByte(hashText(hashStart, of), separators.affix);
  return { of, at, length, hash: hashInteger(marked, at === 'prefix' ? length : -length) };
}

/** The part of a text that the affix is; all of a shorter one. */
export const affixText = ({ at, length }: AffixSetting, text: string): string =>
  at === 'prefix' ? text.slice(0, length) : text.slice(-length);
