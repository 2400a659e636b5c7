/**
 * From the name of a feature to its key: an event is made that has the feature, and the model's own featurizer says
 * under which key it has one of this name. So a name means exactly what the model would make of such an event, and one
 * that it would never form is none.
 */

import { MillraceError } from '../base/errors.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { Featurizer, NamedFeature } from '../features/featurizer.ts';

type Event = Record<string, unknown>;

export class FeatureNames {
  readonly #featurizer: Featurizer;
  readonly #vector: SparseVector;

  constructor(featurizer: Featurizer) {
    this.#featurizer = featurizer;
    this.#vector = featurizer.vector();
  }

  /** `country=DE`, `user.age`, `vector[3]`, and crosses and n-grams of such, as an explanation has them. */
  keyOf(name: string): number | undefined {
    const combined = /[*>]/.test(name) ? this.#find(name, eventOf(name.split(/[*>]/))) : undefined;
    // A star is that of a cross, also where the model forms none.
    return combined ?? (name.includes('*') ? undefined : this.#find(name, eventOf([name])));
  }

  /** `namespace^feature`, and crosses of such: always numbers, as this program reads Vowpal Wabbit's lines. */
  keyOfVw(name: string): number | undefined {
    const parts = name.split('*').map((part) => part.replace('^', '.'));
    return this.#find(parts.join('*'), Object.fromEntries(parts.map((part) => [part, 1])));
  }

  #find(name: string, event: Event): number | undefined {
    const named = this.#namedIn(event);
    // What an aggregate is called stands behind a feature of the same name.
    const found = named.findLast((feature) => feature.name === name) ?? named.findLast(isCrossOf(name));
    return found?.key;
  }

  #namedIn(event: Event): readonly NamedFeature[] {
    try {
      return this.#featurizer.featurizeNamed(event, this.#vector);
    } catch (error) {
      // No event has it, such as a path that is a number and a text.
      if (error instanceof MillraceError) return [];
      throw error;
    }
  }
}

/** Operands in another order are the same cross. */
function isCrossOf(name: string): (feature: { readonly name: string }) => boolean {
  const sorted = (text: string) => text.split('*').sort().join('*');
  const wanted = name.includes('*') ? sorted(name) : undefined;
  return (feature) => wanted !== undefined && sorted(feature.name) === wanted;
}

/** An event of these features; texts of one path are a list, in order. */
function eventOf(atoms: readonly string[]): Event {
  const event: Event = Object.create(null);
  for (const atom of atoms) {
    const [, block, place] = /^(.*)\[(\d{1,4})\]$/.exec(atom) ?? [];
    const equals = atom.indexOf('=');
    if (equals >= 0) {
      const [path, text] = [atom.slice(0, equals), atom.slice(equals + 1)];
      event[path] = event[path] === undefined ? text : [event[path], text].flat();
    } else if (block !== undefined) {
      const length = Math.max(Number(place) + 1, lengthOf(event[block]));
      event[block] = new Array<number>(length).fill(1);
    } else event[atom] = 1;
  }
  return { ...event };
}

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0);
