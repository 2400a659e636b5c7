/**
 * The oracle: one model in one table, learned event by event in one loop, with no actors, no batches and no
 * broker. What Millrace holds after the same log must equal it bit for bit.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { type BuiltModel, buildModel } from '../../src/kernels/build-model.ts';
import { learnableEvent } from '../../src/learner/events.ts';
import { losses } from '../../src/model/losses.ts';
import { addToSums, bucketOf, totalsLength } from '../../src/model/metrics.ts';

export class PlainLoop {
  readonly table: Float32Array;
  readonly totals = new Float64Array(totalsLength);
  learned = 0;
  rejected = 0;
  readonly #built: BuiltModel;
  readonly #vector: SparseVector;

  constructor(config: ModelConfig) {
    this.#built = buildModel(config);
    const { keyCount, width } = this.#built.model.layout;
    this.table = new Float32Array(keyCount * width);
    this.#vector = new SparseVector(config.limits.featuresMax + 1);
  }

  get width(): number {
    return this.#built.model.layout.width;
  }

  /** One event as it came; what cannot be learned is counted. */
  learn(item: unknown): void {
    const { definition, featurizer, model } = this.#built;
    try {
      const { features, label, weight } = learnableEvent(item, definition.task);
      featurizer.featurize(features, this.#vector);
      const { keys, values, numeric, count } = this.#vector;
      const raw = model.learn(this.table, { rows: keys, values, numeric, from: 0, to: count }, label, weight);
      addToSums(this.totals, definition, raw, label, weight);
      if (definition.task === 'binary') this.totals[bucketOf(raw, label)]! += 1;
      this.learned++;
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      this.rejected++;
    }
  }

  /** A message from which no event could be taken. */
  refuse(): void {
    this.rejected++;
  }

  /** What a reply calls `score`. */
  score(features: unknown): number {
    const { definition, featurizer, model } = this.#built;
    featurizer.featurize(features, this.#vector);
    const { keys, values, numeric, count } = this.#vector;
    const raw = model.predict(this.table, { rows: keys, values, numeric, from: 0, to: count });
    return losses[definition.loss].link(raw);
  }

  /** Row of a feature that stands alone, to say what a parameter should be. */
  keysOf(features: unknown): { readonly key: number; readonly value: number }[] {
    this.#built.featurizer.featurize(features, this.#vector);
    const { keys, values, count } = this.#vector;
    return Array.from({ length: count }, (_, i) => ({ key: keys[i]!, value: values[i]! }));
  }
}

/** Where two arrays of numbers differ in any bit (signs of zeros count); the first few places, for people. */
export function differences(found: Float32Array | Float64Array, wanted: typeof found): string[] {
  if (found.length !== wanted.length) return [`${found.length} numbers instead of ${wanted.length}`];
  const places: string[] = [];
  for (let i = 0; i < wanted.length && places.length < 8; i++) {
    if (!Object.is(found[i], wanted[i])) places.push(`[${i}] is ${found[i]}, expected ${wanted[i]}`);
  }
  return places;
}
