/** `predict`: one instance, or several against one state. */
import { randomUUID } from 'node:crypto';
import type { InstanceError, Label, PredictOptions, Scored } from '../protocol/messages.ts';
import { replyError } from '../protocol/replies.ts';
import type { Endpoint } from './answer-service.ts';
import type { Insight } from './insight.ts';
import { type CheckedInstance, checkedInstance, predictRequest } from './predict-request.ts';
import type { Scorer } from './scorer.ts';

export function predictEndpoint(
  scorer: Scorer,
  insight: Insight,
  limits: { readonly instancesMax: number },
  now: () => number = Date.now,
): Endpoint {
  const scored = (
    { id, features, time = now() }: CheckedInstance,
    table: Float32Array,
    options: PredictOptions,
  ): Scored<Label> => {
    const plain = { id: id ?? randomUUID(), ...scorer.score(features, table, time) };
    const { explain, uncertainty } = options;
    return explain || uncertainty ? { ...plain, ...insight.of({ features, time }, table, options) } : plain;
  };
  return (body) => {
    const request = predictRequest(body, limits.instancesMax);
    const { options } = request;
    if (request.kind === 'single') {
      return {
        freshness: options,
        answer: ({ table, provenance }) => ({
          ...scored(request.instance, table, options),
          ...provenance,
        }),
      };
    }
    return {
      freshness: options,
      answer: ({ table, provenance }) => ({
        predictions: request.instances.map((item) =>
          inItsPlace(item, (instance) => scored(instance, table, options)),
        ),
        ...provenance,
      }),
    };
  };
}

/** An instance of a batch that cannot be served says so in its own place. */
function inItsPlace(
  item: unknown,
  score: (instance: CheckedInstance) => Scored<Label>,
): Scored<Label> | InstanceError {
  try {
    return score(checkedInstance(item));
  } catch (error) {
    const { code, message } = replyError(error);
    const id = (item as { id?: unknown } | null)?.id;
    return { ...(typeof id === 'string' ? { id } : {}), error: { code, message } };
  }
}
