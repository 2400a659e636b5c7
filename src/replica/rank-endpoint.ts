/** `rank`: the candidates of one context in the order of their scores, or in one that explores. */
import { randomUUID } from 'node:crypto';
import type { ExploreConfig } from '../../config/explore-schema.ts';
import { MillraceError } from '../base/errors.ts';
import { seededRandom } from '../base/seeded-random.ts';
import type { BuiltModel } from '../kernels/build-model.ts';
import { lossFunction } from '../model/losses.ts';
import type { Ranking } from '../protocol/score-messages.ts';
import type { Endpoint } from './answer-service.ts';
import { rankingOf } from './exploration.ts';
import { requireUncertainty } from './insight.ts';
import { rankRequest } from './rank-request.ts';
import { Ranker } from './ranker.ts';

export interface RankSettings {
  readonly candidatesMax: number;
  readonly explore: ExploreConfig;
}

export function rankEndpoint(
  built: BuiltModel,
  settings: RankSettings,
  now: () => number = Date.now,
): Endpoint {
  if (built.definition.classesMax > 0) return refuseClasses;
  const ranker = new Ranker(built);
  const { link } = lossFunction(built.definition.loss);
  return (body) => {
    const request = rankRequest(body, settings.candidatesMax);
    const { freshness, context, candidates, time = now() } = request;
    const { explore = settings.explore, top = candidates.length, id = randomUUID() } = request;
    const withUncertainty = explore.name === 'softmax' && explore.uncertainty > 0;
    if (withUncertainty) requireUncertainty(built);
    return {
      freshness,
      answer({ table, provenance }): Ranking {
        const scored = ranker.score(context, candidates, table, { time, withUncertainty });
        // The model's name is in the seed, or two models would make the same choices for a request of one id.
        const random = seededRandom(`${provenance.model}/${id}`);
        const items = rankingOf(scored, top, explore, random).map(({ candidate, propensity }) => ({
          id: candidates[candidate]!.id,
          score: link(scored.raw[candidate]!),
          ...(propensity !== undefined && { propensity }),
        }));
        return { id, items, ...provenance };
      },
    };
  };
}

const refuseClasses: Endpoint = () => {
  throw new MillraceError('badInput', 'a model of several classes has no one score to rank by');
};
