/**
 * Hinge loss of a binary model (Cortes, Vapnik 1995), with the label as y in {-1, 1}: `l = max(0, 1 - y p)`. The
 * score is a margin and no probability. Importance-aware: `u = y min(h, (1 - y p) / s)`: up to the margin.
 */
import type { Loss } from './loss.ts';

export const hinge: Loss = {
  name: 'hinge',
  value: (raw, label) => Math.max(0, 1 - signOf(label) * raw),
  derivative: (raw, label) => (signOf(label) * raw >= 1 ? 0 : -signOf(label)),
  squaredDerivative: (raw, label) => (signOf(label) * raw >= 1 ? 0 : 1),
  update(raw, label, h, s) {
    const y = signOf(label);
    const missing = 1 - y * raw;
    if (missing <= 0) return 0;
    return y * (h * s < missing ? h : missing / s);
  },
  link: (raw) => raw,
  target: (label) => signOf(label),
  decision: 0,
};

const signOf = (label: number): number => (label > 0 ? 1 : -1);
