/**
 * A model that only predicts, from one file, with nothing but this module and what it imports: no packages, no Node, so it
 * runs in a browser. Features are hashed by the code of the server itself, and a score is the same sum in the same order.
 */
import type { ClassLabel } from '../config/class-label.ts';
import { MillraceError } from '../src/base/errors.ts';
import type { SparseVector } from '../src/base/sparse-vector.ts';
import { Featurizer } from '../src/features/featurizer.ts';
import { PairFeaturizer } from '../src/features/pair-featurizer.ts';
import { classReply } from '../src/model/class-reply.ts';
import { ClassScores } from '../src/model/class-scores.ts';
import { lossFunction } from '../src/model/losses.ts';
import { scaledBy } from '../src/model/standardizer.ts';
import type { Features } from '../src/protocol/messages.ts';
import { type EdgeFamily, familyOf } from './family.ts';
import { type EdgeHeader, type EdgeParts, readEdge, scoresOf } from './format.ts';

export interface EdgePrediction {
  /** As in a reply of the server: a class, or the number of a regression. */
  readonly prediction: ClassLabel;
  readonly score: number;
  /** From before the link of the loss; of several classes that of the one that is chosen. */
  readonly rawScore: number;
  /** Of all classes by their text, where there are several. */
  readonly probabilities?: Readonly<Record<string, number>>;
}

const unscaled = { mean: 0, deviation: 1 };
/** Scaling back is in double precision. */
const labelRounding = 2 ** -40;

export class EdgeModel {
  /** What the file says of itself. */
  readonly header: EdgeHeader;
  readonly #parts: EdgeParts;
  readonly #featurizer: Featurizer;
  readonly #family: EdgeFamily;
  readonly #vector: SparseVector;
  readonly #rows: Int32Array;
  readonly #values: Float64Array;
  /** Raw scores of the event at hand, and how far each may be off. */
  readonly #raw: Float64Array;
  readonly #errors: Float64Array;
  readonly #classes: ClassScores | undefined;

  constructor(parts: EdgeParts) {
    this.header = parts.header;
    this.#parts = parts;
    const { loss, classes } = parts.header;
    const scores = scoresOf(parts.header);
    this.#featurizer = featurizerOf(parts.header);
    this.#family = familyOf(parts);
    this.#vector = this.#featurizer.vector();
    this.#rows = new Int32Array(this.#vector.capacity);
    this.#values = new Float64Array(this.#vector.capacity);
    this.#classes = classes && new ClassScores(scores, loss);
    this.#raw = this.#classes?.raw ?? new Float64Array(scores);
    this.#errors = new Float64Array(scores);
  }

  /** Throws MillraceError (badInput, tooLarge) that names the feature; notReady when no class is known. */
  predict(features: Features): EdgePrediction {
    const { task, loss, classes } = this.header;
    this.#score(features);
    for (let c = 0; c < this.#raw.length; c++) this.#raw[c] = this.#rounded(c);
    if (this.#classes !== undefined && classes !== undefined) {
      this.#classes.settle(classes, classes.length);
      return { ...classReply(this.#classes), rawScore: this.#raw[this.#classes.best]! };
    }
    const rawScore = this.#raw[0]!;
    const { link, decision } = lossFunction(loss);
    const score = link(rawScore);
    const decided = rawScore > decision ? 1 : 0;
    return { prediction: task === 'binary' ? decided : score, score, rawScore };
  }

  /**
   * How far at most a raw score may lie from that of the model before its weights were quantised (docs/edge-format.md). 0
   * where nothing was quantised.
   */
  errorBound(features: Features): number {
    this.#score(features);
    return Math.max(...this.#errors) * (this.header.label ?? unscaled).deviation * (1 + labelRounding);
  }

  #rounded(c: number): number {
    const raw = Math.fround(this.#raw[c]!);
    if (!Number.isFinite(raw)) throw new MillraceError('badInput', 'the score is not finite');
    const [least, greatest] = this.header.clip ?? [null, null];
    const held = Math.min(
      greatest ?? Number.POSITIVE_INFINITY,
      Math.max(least ?? Number.NEGATIVE_INFINITY, raw),
    );
    const { mean, deviation } = this.header.label ?? unscaled;
    return mean + deviation * held;
  }

  /** Raw scores, and how far each may be off. */
  #score(features: Features): void {
    const { keys, values, numeric } = this.#vector;
    this.#featurizer.featurize(features, this.#vector);
    const { count } = this.#vector;
    for (let i = 0; i < count; i++) {
      const row = this.#rowOf(keys[i]!);
      this.#rows[i] = row;
      this.#values[i] = numeric[i] === 1 ? this.#scaled(values[i]!, row) : values[i]!;
    }
    this.#family.score({ count, keys, rows: this.#rows, values: this.#values }, this.#raw, this.#errors);
  }

  /** A number as the model sees it: 0 where nothing is known of its spread. */
  #scaled(value: number, row: number): number {
    const { means, variances } = this.#parts;
    if (means === undefined || variances === undefined) return value;
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

function featurizerOf({ family, features, limits }: EdgeHeader): Featurizer {
  const settings = { ...features, ...limits };
  if (family.name !== 'mf' || family.fields === undefined) return new Featurizer(settings);
  const { user, item, items } = family.fields;
  // Items are sampled when an event is learned; a prediction has none.
  const sampling = items === undefined ? undefined : { items, candidates: 0, seed: 0 };
  return new PairFeaturizer({ ...settings, user, item, sampling });
}

/** Throws MillraceError (badInput) when the bytes are no such file, or a damaged one. */
export const loadModel = (file: Uint8Array | ArrayBuffer): EdgeModel =>
  new EdgeModel(readEdge(file instanceof Uint8Array ? file : new Uint8Array(file)));
