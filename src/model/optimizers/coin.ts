/**
 * Coin betting (Orabona, Tommasi 2017: COCOB), as Vowpal Wabbit's --coin: no learning rate. A weight is the share of
 * the money won so far that is bet on the next gradient. For each feature a row (z, n, r, N, L): sums of gradients,
 * of their absolute values and of the money won, the largest |x| and the largest gradient of the score. For each
 * model t and S in two reserved rows. With h the event's weight and g = h dl/dp:
 *
 *   w = (alpha + r) z / (L N (L N + n)), N with the value at hand
 *   t += h;   S += h sum (x / N)^2;   score = sum w x / ((S + 1e-6) / t)
 *   L = max(L, |g|, and beta where it grows);   z -= g x;   n += |g x|;   r -= g x w, of the new L and the old sums
 *
 * A prediction counts as an event of weight 1, so that it is the score which learning the event begins with.
 */
import type { OptimizerConfig } from '../../../config/schema.ts';

export type CoinConfig = Extract<OptimizerConfig, { name: 'coin' }>;

/** The last two are the largest of something, the others sums. */
export const coinSlots = ['z', 'gradients', 'reward', 'scale', 'bound'] as const;
export const coinMaxima = 2;

/** Reserved rows behind the intercept: t and S, each as two float32 that add up (exact-sum.ts). */
export const coinStateRows = 2;

/** What the sum of weights times values is divided by. */
export const coinNorm = (weight: number, norm: number): number => (norm + 1e-6) / weight;
