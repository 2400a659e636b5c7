/** Asks a model's predictors, one after the other, for its largest weights: one of them may be restarting. */
import { MillraceError } from '../base/errors.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type { WeightsQuery } from '../protocol/internal.ts';
import type { Weights } from '../protocol/score-messages.ts';
import type { ModelLine } from './tell-actors.ts';

/** Reading the latest events takes its time. */
const timeoutMs = 30_000;

export async function askWeights(
  { channel, subjects, model }: Pick<ModelLine, 'channel' | 'subjects' | 'model'>,
  predictors: number,
  query: WeightsQuery,
): Promise<Weights> {
  for (let predictor = 0; ; predictor++) {
    try {
      const subject = subjects.predictor(model, predictor, 'weights');
      return unpackInternal<Weights>(
        (await channel.request(subject, packInternal(query), { timeoutMs })).data,
      );
    } catch (error) {
      const isAway = error instanceof MillraceError && error.kind === 'notReady';
      if (!isAway || predictor === predictors - 1) throw error;
    }
  }
}
