/**
 * What a predictor says of a score when it is asked to: why it is so, feature by feature, and how sure it is.
 *
 * In a hashed table features may share a row. Those of one event that do are told together, because their values are
 * added before the weight is applied; that a weight was learned from features of other events too, nobody can see.
 */
import { MillraceError } from '../base/errors.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { NamedFeature } from '../features/featurizer.ts';
import type { BuiltModel } from '../kernels/build-model.ts';
import { type EventView, viewOf } from '../kernels/online-model.ts';
import type { ScoreReading } from '../kernels/score-reading.ts';
import type { PredictOptions, Scored } from '../protocol/messages.ts';
import type { Contribution, Explanation } from '../protocol/score-messages.ts';

/** No user's feature is called so in a reply: of theirs, "(" and ")" in names say nothing. */
export const interceptName = '(intercept)';

const nameLengthMax = 256;
/** Names told of those that share a row. */
const alsoMax = 8;

/** Features that share a row, and what they weigh. */
export interface NamedWeight {
  readonly row: number;
  readonly names: readonly string[];
  readonly weight: number;
}

interface NamedEntry {
  readonly at: number;
  readonly names: readonly string[];
}

export type InsightOptions = Pick<PredictOptions, 'explain' | 'uncertainty'>;

export interface InsightEvent {
  readonly features: unknown;
  /** When it happens, ms since the epoch. */
  readonly time?: number;
}

export class Insight {
  readonly #built: BuiltModel;
  readonly #contributionsMax: number;
  readonly #vector: SparseVector;
  #contributions: Float64Array;

  constructor(built: BuiltModel, limits: { readonly contributionsMax: number }) {
    this.#built = built;
    this.#contributionsMax = limits.contributionsMax;
    this.#vector = built.featurizer.vector();
    this.#contributions = new Float64Array(this.#vector.capacity);
  }

  /** Throws MillraceError when something is asked for that the model does not have. */
  of(
    event: InsightEvent,
    table: Float32Array,
    { explain = false, uncertainty = false }: InsightOptions,
  ): Pick<Scored, 'uncertainty' | 'explanation'> {
    return {
      ...(uncertainty && { uncertainty: this.uncertainty(event, table) }),
      ...(explain && { explanation: this.explanation(event, table) }),
    };
  }

  uncertainty({ features, time }: InsightEvent, table: Float32Array): number {
    const { featurizer } = this.#built;
    const uncertainty = requireUncertainty(this.#built);
    featurizer.featurize(features, this.#vector);
    return uncertainty(table, viewOf(this.#vector, time));
  }

  explanation({ features, time }: InsightEvent, table: Float32Array): Explanation {
    const { featurizer, model, reading } = this.#built;
    if (reading === undefined) throw notTold('explain', this.#built);
    const named = featurizer.featurizeNamed(features, this.#vector);
    const event = viewOf(this.#vector, time);
    const rawScore = model.predict(table, event);
    const seen = reading.seen?.(table, event) ?? event;
    if (seen.to > this.#contributions.length) this.#contributions = new Float64Array(seen.to * 2);
    reading.contributions(table, event, this.#contributions);
    const all = this.#told(seen, namesByKey(named));
    const largest = all
      .toSorted((left, right) => Math.abs(right.contribution) - Math.abs(left.contribution))
      .slice(0, this.#contributionsMax);
    const told = largest.reduce((sum, { contribution }) => sum + contribution, 0);
    const rest = { features: all.length - largest.length, contribution: rawScore - told };
    return { rawScore, contributions: largest, rest };
  }

  /** Throws MillraceError when no features of this model have a weight. */
  requireWeights(): NonNullable<ScoreReading['weight']> {
    const { reading } = this.#built;
    if (reading?.weight === undefined) throw notTold('weights', this.#built);
    return reading.weight;
  }

  /** What the event's features weigh, by row. Throws MillraceError when the features are bad. */
  weights(features: unknown, table: Float32Array): readonly NamedWeight[] {
    const weight = this.requireWeights();
    const { featurizer, reading } = this.#built;
    const named = featurizer.featurizeNamed(features, this.#vector);
    const event = viewOf(this.#vector);
    const seen = reading?.seen?.(table, event) ?? event;
    return this.#named(seen, namesByKey(named)).map(({ at, names }) => {
      const row = seen.rows[at]!;
      return { row, names, weight: weight(table, row) };
    });
  }

  #told(event: EventView, names: ReadonlyMap<number, readonly string[]>): Contribution[] {
    return this.#named(event, names).map(({ at, names: [name, ...also] }) => ({
      name: name!,
      ...(also.length > 0 && { also }),
      value: event.values[at]!,
      contribution: this.#contributions[at]!,
    }));
  }

  /** Entries of the event that have a name: the intercept has, the optimiser's reserved rows have none and add nothing. */
  #named({ rows, to }: EventView, names: ReadonlyMap<number, readonly string[]>): NamedEntry[] {
    const { featurizer } = this.#built;
    const found: NamedEntry[] = [];
    for (let at = 0; at < to; at++) {
      const key = featurizer.namedKey(rows[at]!);
      const own = key === featurizer.interceptKey ? [interceptName] : names.get(key);
      if (own !== undefined) found.push({ at, names: own.slice(0, 1 + alsoMax).map(cut) });
    }
    return found;
  }
}

/** How uncertain the model's scores are, or MillraceError that says why nobody knows. */
export function requireUncertainty(built: BuiltModel): NonNullable<ScoreReading['uncertainty']> {
  const { reading, definition } = built;
  if (reading?.uncertainty !== undefined) return reading.uncertainty;
  if (reading === undefined || definition.classesMax > 0) throw notTold('uncertainty', built);
  throw new MillraceError(
    'badInput',
    `uncertainty: not there for optimizer ${definition.optimizer.name} as it is set; it is with ftrl, adagrad, and nag without l1 and l2`,
  );
}

function notTold(what: string, { definition }: BuiltModel): MillraceError {
  const { family, classesMax, optimizer } = definition;
  const linear = `a model of ${classesMax > 0 ? 'several classes' : 'one score'} with optimizer ${optimizer.name}`;
  const kind = family.name === 'linear' ? linear : familyNames[family.name];
  return new MillraceError('badInput', `${what}: not there for ${kind}`);
}

const familyNames = {
  fm: 'a factorisation machine',
  mf: 'a matrix factorisation',
  network: 'a network',
} as const;

/** Each name once: a word that comes twice in a bag is one feature. */
export function namesByKey(named: readonly NamedFeature[]): Map<number, string[]> {
  const names = new Map<number, string[]>();
  for (const { name, key } of named) {
    const known = names.get(key);
    if (known === undefined) names.set(key, [name]);
    else if (!known.includes(name)) known.push(name);
  }
  return names;
}

const cut = (name: string): string =>
  name.length <= nameLengthMax ? name : `${name.slice(0, nameLengthMax - 1)}…`;
