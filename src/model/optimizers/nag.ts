/**
 * Normalised adaptive gradient with importance-aware steps: Vowpal Wabbit's default. It needs no scaling of
 * features and hardly any tuning (Ross, Mineiro, Langford 2013; Duchi, Hazan, Singer 2011; Karampatziakis,
 * Langford 2011). For each feature a row (w, G, N); for each model t, S in a reserved row. With h the event's
 * weight, g = dl/dp:
 *
 *   G += h g^2 x^2;   if |x| > N: w *= N / |x| (when N > 0), N = |x|;   r = 1 / (sqrt(G) N)
 *   t += h;   S += h sum (x / N)^2;   m = sqrt(t / S);   s = m sum x^2 r
 *   w += u m r x,   u the importance-aware update of sensitivity s
 *
 * With a half-life the squares of a coordinate shrink with each of its events: G = 2^(-1 / halfLife) G + h g^2 x^2, so that
 * its steps do not vanish. Standardised numbers take the place of x, centred too, which their scale alone is not.
 *
 * Scores are clipped, as Vowpal Wabbit's: with the logistic and the Poisson loss to [-50, 50], else to the range of
 * what labels asked for so far, and 0, which is kept in a second reserved row. t and S are float32 sums: beyond 2^24 events they stand still, and
 * their ratio m with them.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';
import type { Loss } from '../losses.ts';
import { bounded, type ScoreBounds } from '../score-bounds.ts';

export type NagConfig = Extract<OptimizerConfig, { name: 'nag' }>;

/** Slots of a feature's row. */
export const nagSlots = ['weight', 'squares', 'scale'] as const;

/** The same with l1 or l2: how much all weights had shrunk when this one was stored (src/kernels/nag-penalty.ts). */
export const nagPenaltySlots = [...nagSlots, 'decay'] as const;

/** Reserved rows behind the intercept: the sums (t, S), and the labels' range (least, greatest). */
export const nagStateRows = 2;
/** The same with l1 or l2: how much all weights have shrunk (two numbers), and been drawn towards 0. */
export const nagPenaltyStateRows = 3;

export const isPenalized = ({ l1, l2 }: NagConfig): boolean => l1 !== undefined || l2 !== undefined;

/** What the whole model remembers beside its features, as the slots of its two reserved rows. */
export interface NagState {
  readonly weight: number;
  readonly norm: number;
  readonly least: number;
  readonly greatest: number;
}

/** Each bound that is given goes before the one that the loss or the labels have. */
export function clipScore(
  raw: number,
  { scoreMax }: Loss,
  { least, greatest }: NagState,
  bounds: ScoreBounds = {},
): number {
  const min = bounds.min ?? (scoreMax === undefined ? least : -scoreMax);
  const max = bounds.max ?? scoreMax ?? greatest;
  return bounded(Math.min(max, Math.max(min, raw)), bounds);
}

/** The state after a label was seen that asks for this score. */
export const withTarget = (state: NagState, target: number): NagState => ({
  ...state,
  least: Math.fround(Math.min(state.least, target)),
  greatest: Math.fround(Math.max(state.greatest, target)),
});

/** The state after a step, and the factor u m that goes with r x into each weight. */
export function nagUpdate(
  config: NagConfig,
  loss: Loss,
  state: NagState,
  event: { readonly score: number; readonly label: number; readonly weight: number },
  spread: { readonly sensitivity: number; readonly norm: number },
): { readonly state: NagState; readonly factor: number; readonly update: number } {
  const weight = Math.fround(state.weight + event.weight);
  const norm = Math.fround(state.norm + event.weight * spread.norm);
  const multiplier = Math.sqrt(weight / norm);
  const rate = config.learningRate * event.weight;
  const sensitivity = spread.sensitivity * multiplier;
  const update = loss.update(event.score, event.label, rate, sensitivity);
  return { state: { ...state, weight, norm }, factor: update * multiplier, update };
}
