/** Features in, prediction out, against a table of rows: the read side of a model. */
import type { SparseVector } from '../base/sparse-vector.ts';
import type { Featurizer } from '../features/featurizer.ts';
import { type OnlineModel, viewOf } from '../kernels/online-model.ts';
import { classReply } from '../model/class-reply.ts';
import type { ModelDefinition } from '../model/definition.ts';
import { lossFunction } from '../model/losses.ts';
import type { Label, Scored } from '../protocol/messages.ts';

/** What a reply says beside the id. */
export type Score = Pick<Scored<Label>, 'prediction' | 'score' | 'probabilities'>;

export class Scorer {
  readonly #definition: ModelDefinition;
  readonly #featurizer: Featurizer;
  readonly #model: OnlineModel;
  readonly #vector: SparseVector;

  constructor(definition: ModelDefinition, featurizer: Featurizer, model: OnlineModel) {
    this.#definition = definition;
    this.#featurizer = featurizer;
    this.#model = model;
    this.#vector = featurizer.vector();
  }

  /** `time`: when the event happens, ms since the epoch. Throws MillraceError when the features are bad. */
  score(features: unknown, table: Float32Array, time: number): Score {
    const vector = this.#vector;
    this.#featurizer.featurize(features, vector);
    const raw = this.#model.predict(table, viewOf(vector, time));
    if (this.#model.classes !== undefined) return classReply(this.#model.classes);
    const { link, decision } = lossFunction(this.#definition.loss);
    const score = link(raw);
    if (this.#definition.task === 'regression') return { prediction: score, score };
    return { prediction: raw > decision ? 1 : 0, score };
  }
}
