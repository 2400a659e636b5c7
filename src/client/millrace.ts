/**
 * The client of Millrace. It holds one NATS connection, which reconnects by itself; every method may be called
 * at any time and from many places at once. Operating errors are MillraceError: decide by `kind`.
 */
import type {
  BatchPrediction,
  Features,
  Instance,
  Label,
  LabelEvent,
  LearnEvent,
  Prediction,
} from '../protocol/messages.ts';
import type { Ranking, RankRequest } from '../protocol/score-messages.ts';
import { type Admin, adminOf } from './admin.ts';
import { type LearnOptions, label, learn, type Receipt } from './learn.ts';
import { type LearnProgress, type LearnStreamOptions, learnStream } from './learn-stream.ts';
import type { Link } from './link.ts';
import { type PredictCallOptions, predict, predictMany, type RankCallOptions, rank } from './predict.ts';

export interface Millrace extends Admin {
  /**
   * `input` is the features, or an instance `{id?, features}`. Features that are themselves called `features`
   * and stand alone are taken for an instance; wrap them.
   */
  predict<Class extends Label = number>(
    model: string,
    input: Features | Instance,
    options?: PredictCallOptions,
  ): Promise<Prediction<Class>>;
  /** All instances against one state of the model. One that cannot be served has an `error` of its own. */
  predictMany<Class extends Label = number>(
    model: string,
    instances: readonly Instance[],
    options?: PredictCallOptions,
  ): Promise<BatchPrediction<Class>>;
  /** The candidates of one context by their scores, or in an order that explores. A bad candidate refuses them all. */
  rank(model: string, request: RankRequest, options?: RankCallOptions): Promise<Ranking>;
  /** One message: its events are learned in order, each once. Throws 'tooLarge' rather than splitting it. */
  learn(model: string, events: LearnEvent | readonly LearnEvent[], options?: LearnOptions): Promise<Receipt>;
  /** Any number of events, in messages of a good size. Resolves when all of them are acked. */
  learnStream(
    model: string,
    events: AsyncIterable<LearnEvent> | Iterable<LearnEvent>,
    options?: LearnStreamOptions,
  ): Promise<LearnProgress>;
  /** The labels of earlier predictions, by their ids. */
  label(model: string, events: LabelEvent | readonly LabelEvent[], options?: LearnOptions): Promise<Receipt>;
  /** Waits for what is under way, then closes the connection. */
  close(): Promise<void>;
}

export function clientOver(link: Link): Millrace {
  return {
    ...adminOf(link),
    predict: (model, input, options = {}) => predict(link, model, input, options),
    predictMany: (model, instances, options = {}) => predictMany(link, model, instances, options),
    rank: (model, request, options = {}) => rank(link, model, request, options),
    learn: (model, events, options = {}) => learn(link, model, events, options),
    learnStream: (model, events, options = {}) => learnStream(link, model, events, options),
    label: (model, events, options = {}) => label(link, model, events, options),
    close: () => link.channel.close(),
  };
}
