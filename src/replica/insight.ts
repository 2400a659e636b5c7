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
    if (reading === undefined) throw notOfClasses('explain');
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

  /** Every row of the event that has a name: the intercept has, the optimiser's reserved rows have none and add nothing. */
  #told({ rows, values, to }: EventView, names: ReadonlyMap<number, readonly string[]>): Contribution[] {
    const { featurizer } = this.#built;
    const told: Contribution[] = [];
    for (let i = 0; i < to; i++) {
      const key = featurizer.namedKey(rows[i]!);
      const [name, ...also] = key === featurizer.interceptKey ? [interceptName] : (names.get(key) ?? []);
      if (name === undefined) continue;
      told.push({
        name: cut(name),
        ...(also.length > 0 && { also: also.slice(0, alsoMax).map(cut) }),
        value: values[i]!,
        contribution: this.#contributions[i]!,
      });
    }
    return told;
  }
}

/** How uncertain the model's scores are, or MillraceError that says why nobody knows. */
export function requireUncertainty({
  reading,
  definition,
}: BuiltModel): NonNullable<ScoreReading['uncertainty']> {
  if (reading?.uncertainty !== undefined) return reading.uncertainty;
  if (reading === undefined) throw notOfClasses('uncertainty');
  const { name } = definition.optimizer;
  throw new MillraceError(
    'badInput',
    `uncertainty: ${name} keeps no sum of squared gradients; it is there with ftrl, adagrad and nag`,
  );
}

const notOfClasses = (what: string): MillraceError =>
  new MillraceError('badInput', `${what}: not there for a model of several classes`);

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
