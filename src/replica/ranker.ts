/**
 * Scores candidates against a table. What a candidate is scored on is the context's features and its own, as if they
 * were one object. Without crosses the context is featurised once, and each candidate's features are added behind it.
 */
import { MillraceError } from '../base/errors.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import type { BuiltModel } from '../kernels/build-model.ts';
import { viewOf } from '../kernels/online-model.ts';
import type { Candidates } from './exploration.ts';
import type { Candidate } from './rank-request.ts';

type Fields = Readonly<Record<string, unknown>>;

export class Ranker {
  readonly #built: BuiltModel;
  readonly #context: SparseVector;
  readonly #vector: SparseVector;

  constructor(built: BuiltModel) {
    this.#built = built;
    this.#context = built.featurizer.vector();
    this.#vector = built.featurizer.vector();
  }

  /** Throws MillraceError (badInput, tooLarge) that names the candidate. */
  score(
    context: Fields,
    candidates: readonly Candidate[],
    table: Float32Array,
    { time, withUncertainty }: { readonly time: number; readonly withUncertainty: boolean },
  ): Candidates {
    const { model, reading } = this.#built;
    const raw = new Float64Array(candidates.length);
    const uncertainty = withUncertainty ? new Float64Array(candidates.length) : undefined;
    const featurize = this.#featurizerOf(context);
    for (const [at, { features }] of candidates.entries()) {
      inPlace(`candidates[${at}].features`, () => {
        featurize(features);
        const event = viewOf(this.#vector, time);
        raw[at] = model.predict(table, event);
        if (uncertainty !== undefined) uncertainty[at] = reading!.uncertainty!(table, event);
      });
    }
    return uncertainty === undefined ? { raw } : { raw, uncertainty };
  }

  /** Fills the vector with the context and a candidate's features. */
  #featurizerOf(context: Fields): (features: Fields) => void {
    const { featurizer } = this.#built;
    const together = (features: Fields) => featurizer.featurize({ ...context, ...features }, this.#vector);
    if (!featurizer.readsParts) return together;
    inPlace('context', () => featurizer.featurize(context, this.#context));
    // What reads bytes where they lie has nothing to combine.
    if (!featurizer.readsPacked || hasIndexName(context)) return together;
    return (features) => {
      // One object has such names before all others, so that the sum would be made in another order.
      if (hasIndexName(features)) return together(features);
      this.#vector.copyFrom(this.#context);
      featurizer.append(features, this.#vector);
    };
  }
}

/** Objects put names that are array indices first. */
const hasIndexName = (features: Fields): boolean => {
  for (const name in features) {
    const first = name.charCodeAt(0);
    // They come first, so the first name tells.
    return first >= 0x30 && first <= 0x39;
  }
  return false;
};

/** Errors of features begin with `features`; here it matters whose they are. */
function inPlace<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const { kind, message } = error;
    const words = message.startsWith('features') ? message.slice('features'.length) : `: ${message}`;
    throw new MillraceError(kind, `${path}${words}`, { cause: error });
  }
}
