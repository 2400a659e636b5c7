/**
 * The order of a ranking, with the probability of what was done: a place is filled after the other, from the candidates
 * that are left. `propensity` is the probability with which the policy puts this candidate at this place, given those
 * above it. So at the first place it is that of being first, and the product down to a place is that of the whole list
 * down to there: what estimators of other policies need (inverse propensity scoring).
 *
 *   epsilon-greedy   epsilon / m, and 1 - epsilon more for the best of the m that are left
 *   softmax          exp(l_i) / sum of exp(l) of those that are left, l = (raw + uncertainty u) / temperature
 *                    (Plackett, Luce), drawn at once by the order of l_i + Gumbel noise
 */
import type { ExploreConfig } from '../../config/explore-schema.ts';
import type { Random } from '../base/seeded-random.ts';

export interface Ranked {
  /** Number of the candidate. */
  readonly candidate: number;
  readonly propensity?: number;
}

export interface Candidates {
  readonly raw: Float64Array;
  /** u(x) of each, where the policy wants it. */
  readonly uncertainty?: Float64Array;
}

/** The first `top` places. Candidates of equal score keep their order. */
export function rankingOf(
  candidates: Candidates,
  top: number,
  explore: ExploreConfig,
  random: Random,
): Ranked[] {
  const places = Math.min(top, candidates.raw.length);
  switch (explore.name) {
    case 'none':
      return bestFirst(candidates.raw)
        .slice(0, places)
        .map((candidate) => ({ candidate }));
    case 'epsilon-greedy':
      return epsilonGreedy(bestFirst(candidates.raw), places, explore.epsilon, random);
    case 'softmax':
      return softmax(logitsOf(candidates, explore), places, random);
  }
}

/** Numbers of the candidates, highest first; sorting is stable. */
const bestFirst = (values: Float64Array): number[] =>
  Array.from(values, (_, candidate) => candidate).sort((left, right) => values[right]! - values[left]!);

function epsilonGreedy(left: number[], places: number, epsilon: number, random: Random): Ranked[] {
  const ranked: Ranked[] = [];
  for (let place = 0; place < places; place++) {
    const count = left.length;
    const at = random() < epsilon ? Math.floor(random() * count) : 0;
    const [candidate] = left.splice(at, 1);
    ranked.push({ candidate: candidate!, propensity: epsilon / count + (at === 0 ? 1 - epsilon : 0) });
  }
  return ranked;
}

function logitsOf(
  { raw, uncertainty }: Candidates,
  { temperature, uncertainty: share }: Extract<ExploreConfig, { name: 'softmax' }>,
): Float64Array {
  return raw.map(
    (score, i) => (score + (uncertainty === undefined ? 0 : share * uncertainty[i]!)) / temperature,
  );
}

function softmax(logits: Float64Array, places: number, random: Random): Ranked[] {
  const order = bestFirst(logits.map((logit) => logit + gumbel(random)));
  const propensities = new Float64Array(order.length);
  // ln of the sum of exp over those that are left, from the last place up, so that nothing is subtracted.
  let left = Number.NEGATIVE_INFINITY;
  for (let place = order.length - 1; place >= 0; place--) {
    const logit = logits[order[place]!]!;
    left = Math.max(left, logit) + Math.log1p(Math.exp(-Math.abs(left - logit)));
    propensities[place] = Math.exp(logit - left);
  }
  return order.slice(0, places).map((candidate, place) => ({ candidate, propensity: propensities[place]! }));
}

/** Standard Gumbel noise: the largest of logits with it is distributed as their softmax. */
function gumbel(random: Random): number {
  const uniform = random();
  return -Math.log(-Math.log(uniform === 0 ? Number.MIN_VALUE : uniform));
}
