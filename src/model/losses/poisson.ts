/**
 * Poisson loss of counts, with the logarithm as link: the score is `e^p`, the expected count. Its value is the
 * deviance `2 (y (ln y - p) - (y - e^p))`; a step descends half of it, `dl/dp = e^p - y` (both as Vowpal Wabbit).
 * Importance-aware: `u = y h - ln(1 + e^p (e^(y h s) - 1) / y) / s`, and `-ln(1 + e^p h s) / s` for y = 0.
 */
import { type Loss, tiny } from './loss.ts';

/** An exponent from which on 1 is nothing beside its power. */
const large = 40;

/** The count that a score expects, held within what a number can say. */
const countOf = (raw: number): number => Math.exp(Math.min(raw, 709));

export const poisson: Loss = {
  name: 'poisson',
  value: (raw, label) => 2 * ((label > 0 ? label * (Math.log(label) - raw) : 0) - (label - countOf(raw))),
  derivative: (raw, label) => Math.exp(raw) - label,
  squaredDerivative: (raw, label) => (Math.exp(raw) - label) ** 2,
  update(raw, label, h, s) {
    const expected = Math.exp(raw);
    if (h * s * Math.max(expected, label) < tiny) return (label - expected) * h;
    if (label === 0) return -Math.log1p(expected * h * s) / s;
    const grown = label * h * s;
    // All the way to the label.
    if (grown > large) return (Math.log(label) - raw) / s;
    return label * h - Math.log1p((expected * Math.expm1(grown)) / label) / s;
  },
  link: countOf,
  target: (label) => label,
  scoreMax: 50,
  decision: 0,
  labelMin: 0,
};
