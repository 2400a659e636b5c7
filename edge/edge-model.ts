/**
 * A model that only predicts, from one file, with nothing but this module and what it imports: no packages, no Node, so it
 * runs in a browser. Features are hashed by the code of the server itself, and a score is the same sum in the same order.
 */
import { MillraceError } from '../src/base/errors.ts';
import type { SparseVector } from '../src/base/sparse-vector.ts';
import { Featurizer } from '../src/features/featurizer.ts';
import { type Loss, lossFunction } from '../src/model/losses.ts';
import { scaledBy } from '../src/model/standardizer.ts';
import type { Features } from '../src/protocol/messages.ts';
import { type EdgeHeader, type EdgeParts, readEdge } from './format.ts';
import { weightKinds } from './weights.ts';

export interface EdgePrediction {
  /** As in a reply of the server. */
  readonly prediction: number;
  readonly score: number;
  /** From before the link of the loss. */
  readonly rawScore: number;
}

export class EdgeModel {
  /** What the file says of itself. */
  readonly header: EdgeHeader;
  readonly #parts: EdgeParts;
  readonly #featurizer: Featurizer;
  readonly #vector: SparseVector;
  readonly #loss: Loss;

  constructor(parts: EdgeParts) {
    this.header = parts.header;
    this.#parts = parts;
    const { features, limits, loss } = parts.header;
    this.#featurizer = new Featurizer({ ...features, ...limits });
    this.#vector = this.#featurizer.vector();
    this.#loss = lossFunction(loss);
  }

  /** Throws MillraceError (badInput, tooLarge) that names the feature. */
  predict(features: Features): EdgePrediction {
    const { task, clip } = this.header;
    let rawScore = Math.fround(this.#sum(features).score);
    if (!Number.isFinite(rawScore)) throw new MillraceError('badInput', 'the score is not finite');
    if (clip !== undefined) rawScore = Math.min(clip[1], Math.max(clip[0], rawScore));
    const score = this.#loss.link(rawScore);
    const decided = rawScore > this.#loss.decision ? 1 : 0;
    return { prediction: task === 'binary' ? decided : score, score, rawScore };
  }

  /**
   * How far at most the raw score may lie from that of the model before its weights were quantised: the sum of |value|
   * times half a step, and what rounding to float32 adds on both sides. 0 where nothing was quantised.
   */
  errorBound(features: Features): number {
    const { score, error } = this.#sum(features);
    return error === 0 ? 0 : error + (Math.abs(score) + error) * 2 ** -23;
  }

  /** In the order of the event, as the server adds up. */
  #sum(features: Features): { readonly score: number; readonly error: number } {
    const { header, weights } = this.#parts;
    const { type, scale } = header.weights;
    const { decode, half } = weightKinds[type];
    const vector = this.#vector;
    this.#featurizer.featurize(features, vector);
    let score = 0;
    let error = 0;
    for (let i = 0; i < vector.count; i++) {
      const row = this.#rowOf(vector.keys[i]!);
      const value = this.#valueOf(i, row);
      // A weight that was rounded to 0 has no row.
      const stored = row < 0 ? 0 : weights[row]!;
      score += decode(stored) * scale * value;
      error += half(stored) * scale * Math.abs(value);
    }
    return { score, error };
  }

  #valueOf(i: number, row: number): number {
    const value = this.#vector.values[i]!;
    const { means, variances } = this.#parts;
    if (means === undefined || variances === undefined || this.#vector.numeric[i] !== 1) return value;
    return row < 0 ? 0 : Math.fround(scaledBy(means[row]!, variances[row]!, value));
  }

  /** Where the key stands among the rows; negative when it does not. */
  #rowOf(key: number): number {
    const { keys } = this.#parts;
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return keys[low] === key ? low : -1;
  }
}

/** Throws MillraceError (badInput) when the bytes are no such file, or a damaged one. */
export const loadModel = (file: Uint8Array | ArrayBuffer): EdgeModel =>
  new EdgeModel(readEdge(file instanceof Uint8Array ? file : new Uint8Array(file)));
