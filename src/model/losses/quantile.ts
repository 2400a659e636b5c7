/**
 * Quantile loss (Koenker, Bassett 1978), also called pinball loss: with `e = y - p` it is `tau e` above the score and
 * `(tau - 1) e` below, so that a share tau of the labels comes to lie below it; tau = .5 is the median.
 * Importance-aware: a straight line up to the label, `|u| <= |e| / s`.
 */
import type { Loss } from './loss.ts';

export function quantile(tau: number): Loss {
  const slopeOf = (error: number): number => (error > 0 ? tau : error < 0 ? tau - 1 : 0);
  return {
    name: 'quantile',
    value: (raw, label) => slopeOf(label - raw) * (label - raw),
    derivative: (raw, label) => -slopeOf(label - raw),
    squaredDerivative: (raw, label) => slopeOf(label - raw) ** 2,
    update(raw, label, h, s) {
      const error = label - raw;
      const move = slopeOf(error) * h;
      return Math.abs(move) * s < Math.abs(error) ? move : error / s;
    },
    link: (raw) => raw,
    target: (label) => label,
    decision: 0.5,
  };
}
