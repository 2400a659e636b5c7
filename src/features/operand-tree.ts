/**
 * What a feature takes part in beside itself, found while walking an event: the paths of the configuration as a tree
 * of tokens. A path names one feature or a whole namespace ("user" covers "user.age"); `*` names every feature.
 */
import { type Cross, crossOf, type Permutations } from './crosses.ts';
import {
  type AffixSetting,
  affixOf,
  type GramSetting,
  type Grams,
  masksOf,
  type NameAffix,
} from './grams.ts';

/** The operand that is every feature of the event. */
export const everything = '*';

export interface OperandNode {
  readonly children: ReadonlyMap<string, OperandNode>;
  /** Operand numbers that this path names. */
  readonly operands: readonly number[];
  readonly affixes: readonly NameAffix[];
  /** Features from here on are none of their own: they stand in combinations only. */
  readonly isSilent: boolean;
  /** Texts from here on are ids of the exact table. */
  readonly isExact: boolean;
}

interface GrowingNode extends OperandNode {
  readonly children: Map<string, GrowingNode>;
  readonly operands: number[];
  readonly affixes: NameAffix[];
  isSilent: boolean;
  isExact: boolean;
}

/** Settings of features that are made from others. */
export interface CombinationSettings {
  readonly interactions: readonly (readonly string[])[];
  readonly permutations?: Permutations | undefined;
  readonly ngrams?: readonly GramSetting[] | undefined;
  readonly affixes?: readonly AffixSetting[] | undefined;
  readonly ignoreLinear?: readonly string[] | undefined;
  readonly exactIds?: { readonly of: readonly string[] } | undefined;
}

export interface Combinations {
  /** Its own operands are those of every feature. */
  readonly root: OperandNode;
  readonly operandCount: number;
  readonly crosses: readonly Cross[];
  readonly grams: readonly Grams[];
  /** Whether a feature is nothing but itself. */
  readonly isPlain: boolean;
}

const newNode = (): GrowingNode => ({
  children: new Map(),
  operands: [],
  affixes: [],
  isSilent: false,
  isExact: false,
});

export function combinationsOf(settings: CombinationSettings): Combinations {
  const { interactions, permutations, ngrams = [], affixes = [], ignoreLinear = [], exactIds } = settings;
  const root = newNode();
  const numbers = new Map<string, number>();
  const operandOf = (path: string): number => {
    const known = numbers.get(path);
    if (known !== undefined) return known;
    const operand = numbers.size;
    numbers.set(path, operand);
    nodeAt(root, path).operands.push(operand);
    return operand;
  };
  const isEverything = (operand: number) => numbers.get(everything) === operand;
  const crosses = interactions.map((names) => crossOf(names.map(operandOf), isEverything, permutations));
  const sources = ngrams.map((setting) => ({ setting, operand: operandOf(setting.of) }));
  for (const affix of affixes) nodeAt(root, affix.of).affixes.push(affixOf(affix));
  for (const path of ignoreLinear) nodeAt(root, path).isSilent = true;
  for (const path of exactIds?.of ?? []) nodeAt(root, path).isExact = true;
  return {
    root,
    operandCount: numbers.size,
    crosses,
    // Operands are complete by now, so that grams reach all that cover them.
    grams: sources.map(({ setting: { of, n, skips }, operand }) => ({
      operand,
      masks: masksOf(n, skips),
      joins: of === everything ? undefined : operandsAlong(root, of),
    })),
    isPlain:
      numbers.size === 0 && affixes.length === 0 && ignoreLinear.length === 0 && exactIds === undefined,
  };
}

function nodeAt(root: GrowingNode, path: string): GrowingNode {
  if (path === everything) return root;
  let node = root;
  for (const token of path.split('.')) {
    let child = node.children.get(token);
    if (child === undefined) {
      child = newNode();
      node.children.set(token, child);
    }
    node = child;
  }
  return node;
}

/** Operands of the path and of what is around it. */
function operandsAlong(root: OperandNode, path: string): number[] {
  const operands = [...root.operands];
  let node: OperandNode | undefined = root;
  for (const token of path.split('.')) {
    node = node?.children.get(token);
    operands.push(...(node?.operands ?? []));
  }
  return operands;
}
