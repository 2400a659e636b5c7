/**
 * Interactions: every combination of one feature from each operand, hashes combined and values multiplied.
 *
 * Where one feature may stand in either of two places, because both are the same operand or one of them is `*`, a
 * combination is formed once: (a, b) and not (b, a), and (a, a) too. That is Vowpal Wabbit's rule. Of two such the one
 * with the smaller hash stands first, so that the order of an event's members does not matter; `*` stands behind the
 * other operands. `permutations` asks
 * for both orders: of features of different namespaces (its --leave_duplicate_interactions), of one namespace (its
 * --permutations), or of all.
 */
import { crossHash } from '../base/hash.ts';
import type { EventFeatures } from './event-features.ts';

export type Permutations = 'across' | 'within' | 'all';

export interface Cross {
  /** Operand numbers, in the order of the configuration, `*` last. */
  readonly operands: readonly number[];
  /** For each place the places before it that hold features of the same kind. */
  readonly twins: readonly (readonly Twin[])[];
  readonly permutations: Permutations | undefined;
}

interface Twin {
  readonly place: number;
  /** They can change places when both are in this operand; always when undefined. */
  readonly operand: number | undefined;
}

export function crossOf(
  configured: readonly number[],
  isEverything: (operand: number) => boolean,
  permutations: Permutations | undefined,
): Cross {
  // What may stand in a narrow place as well as in a wide one gets the narrow one first: then each combination has
  // exactly one order that passes.
  const operands = [
    ...configured.filter((operand) => !isEverything(operand)),
    ...configured.filter(isEverything),
  ];
  const twins = operands.map((operand, place) =>
    operands.slice(0, place).flatMap((earlier, at): Twin[] => {
      if (earlier === operand) return [{ place: at, operand: undefined }];
      return isEverything(operand) ? [{ place: at, operand: earlier }] : [];
    }),
  );
  return { operands, twins: permutations === 'all' ? operands.map(() => []) : twins, permutations };
}

/** How many combinations the cross has, without forming any; of more than `max` only that they are more. */
export function combinationsIn(
  cross: Cross,
  features: EventFeatures,
  members: readonly (readonly number[])[],
  max: number,
): number {
  const { operands, twins, permutations } = cross;
  const isOneOperand = operands.every((operand) => operand === operands[0]) && permutations === undefined;
  if (!isOneOperand && twins.some(({ length }) => length > 0)) return counted(cross, features, members, max);
  let count = 1;
  for (const [place, operand] of operands.entries()) {
    const size = members[operand]!.length;
    count = isOneOperand ? (count * (size + place)) / (place + 1) : count * size;
  }
  return count;
}

/** One by one, up to the first that is too many. */
function counted(
  cross: Cross,
  features: EventFeatures,
  members: readonly (readonly number[])[],
  max: number,
): number {
  const chosen: number[] = [];
  let count = 0;
  const choose = (place: number): void => {
    if (place === cross.operands.length) {
      count++;
      return;
    }
    for (const feature of members[cross.operands[place]!]!) {
      if (count > max) return;
      if (!isFormedHere(cross, place, feature, chosen, features, members)) continue;
      chosen[place] = feature;
      choose(place + 1);
    }
  };
  choose(0);
  return count;
}

/** Takes a combination: its hash, its value, and its name while features are named. */
type Take = (hash: number, value: number, name: string | undefined) => void;

export function formCross(
  cross: Cross,
  features: EventFeatures,
  members: readonly (readonly number[])[],
  take: Take,
): void {
  const { hashes, values, names } = features;
  const chosen: number[] = [];
  const choose = (place: number, hash: number, value: number, name: string | undefined): void => {
    if (place === cross.operands.length) {
      take(hash, value, name);
      return;
    }
    for (const feature of members[cross.operands[place]!]!) {
      if (!isFormedHere(cross, place, feature, chosen, features, members)) continue;
      chosen[place] = feature;
      const next = place === 0 ? hashes[feature]! : crossHash(hash, hashes[feature]!);
      const own = names[feature];
      choose(place + 1, next, value * values[feature]!, place === 0 ? own : own && `${name}*${own}`);
    }
  };
  choose(0, 0, 1, undefined);
}

/** Whether no twin before it would have to stand behind it. */
function isFormedHere(
  { twins, permutations }: Cross,
  place: number,
  feature: number,
  chosen: readonly number[],
  features: EventFeatures,
  members: readonly (readonly number[])[],
): boolean {
  for (const { place: at, operand } of twins[place]!) {
    const earlier = chosen[at]!;
    if (isInOrder(features, earlier, feature)) continue;
    if (permutations !== undefined) {
      const isWithin = features.groups[earlier] === features.groups[feature];
      if (isWithin === (permutations === 'within')) continue;
    }
    const both = operand === undefined ? undefined : members[operand]!;
    if (both === undefined || (both.includes(earlier) && both.includes(feature))) return false;
  }
  return true;
}

/** Of equal hashes, such as a word that a list repeats, the first one stands first. */
function isInOrder({ hashes }: EventFeatures, left: number, right: number): boolean {
  return hashes[left] === hashes[right] ? left <= right : hashes[left]! < hashes[right]!;
}
