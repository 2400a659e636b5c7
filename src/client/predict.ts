/** Predictions and rankings by request and reply. They change nothing, so a lost request is sent again under the same id. */
import { randomUUID } from 'node:crypto';
import type { ErrorKind } from '../base/errors.ts';
import type {
  BatchPrediction,
  Features,
  Instance,
  Label,
  Prediction,
  PredictOptions,
} from '../protocol/messages.ts';
import type { Ranking, RankOptions, RankRequest } from '../protocol/score-messages.ts';
import { bodyOf, type Link, payloadOf, tryFor } from './link.ts';
import { nameOf } from './tokens.ts';

/** A predictor that has too much to do may have less a moment later. */
const retried: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['notReady', 'deadline', 'overloaded']);

export interface PredictCallOptions extends PredictOptions {
  readonly timeoutMs?: number;
}

export interface RankCallOptions extends RankOptions {
  readonly timeoutMs?: number;
}

export async function predict<Class extends Label>(
  link: Link,
  model: string,
  input: Features | Instance,
  options: PredictCallOptions,
): Promise<Prediction<Class>> {
  return ask<Prediction<Class>>(link, 'predict', model, withId(instanceOf(input)), options);
}

export async function predictMany<Class extends Label>(
  link: Link,
  model: string,
  instances: readonly Instance[],
  options: PredictCallOptions,
): Promise<BatchPrediction<Class>> {
  return ask<BatchPrediction<Class>>(link, 'predict', model, { instances: instances.map(withId) }, options);
}

export async function rank(
  link: Link,
  model: string,
  { id = randomUUID(), context = {}, candidates, time }: RankRequest,
  options: RankCallOptions,
): Promise<Ranking> {
  return ask<Ranking>(
    link,
    'rank',
    model,
    { id, context, candidates, ...(time !== undefined && { time }) },
    options,
  );
}

/** An object that has `features` and at most an `id` and a `time` beside it is an instance; any other one is features. */
export function instanceOf(input: Features | Instance): Instance {
  const { features } = input;
  const isInstance =
    typeof features === 'object' &&
    features !== null &&
    !Array.isArray(features) &&
    Object.keys(input).every((name) => name === 'features' || name === 'id' || name === 'time');
  return isInstance ? (input as Instance) : { features: input as Features };
}

const withId = (instance: Instance): Instance =>
  instance.id === undefined ? { ...instance, id: randomUUID() } : instance;

async function ask<T>(
  link: Link,
  verb: 'predict' | 'rank',
  model: string,
  body: object,
  { timeoutMs, ...wishes }: PredictCallOptions | RankCallOptions,
): Promise<T> {
  const given = Object.entries(wishes).filter(([, wish]) => wish !== undefined);
  const { data, headers } = payloadOf(link, { ...body, ...Object.fromEntries(given) });
  const subject = link.subjects[verb](nameOf(model));
  return tryFor(link, model, { timeoutMs, retried }, async (attemptMs) =>
    bodyOf<T>(await link.channel.request(subject, data, { timeoutMs: attemptMs, headers })),
  );
}
