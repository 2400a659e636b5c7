/**
 * Squared loss, y a number: `l = (p - y)^2`, `dl/dp = 2 (p - y)` (as Vowpal Wabbit and River).
 * Importance-aware: `u = (y - p) (1 - exp(-2 h s)) / s`.
 */
import { type Loss, tiny } from './loss.ts';

export const squared: Loss = {
  name: 'squared',
  value: (raw, label) => (raw - label) ** 2,
  derivative: (raw, label) => 2 * (raw - label),
  squaredDerivative: (raw, label) => 4 * (raw - label) ** 2,
  update(raw, label, h, s) {
    if (h * s < tiny) return 2 * (label - raw) * h;
    return ((label - raw) * -Math.expm1(-2 * h * s)) / s;
  },
  link: (raw) => raw,
  target: (label) => label,
  decision: 0.5,
};
