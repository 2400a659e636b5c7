/**
 * The importance-aware update (Karampatziakis, Langford 2011): how far the prediction p of an event moves along
 * its features when the step is followed for a time instead of taken at once, so that a weight of 2 is like the
 * event twice, and no step overshoots its label. In closed form from the loss's own differential equation:
 *
 *   squared    u = (y - p) (1 - exp(-2 h s)) / s
 *   logistic   u = y (h s + e - W(e^x)) / s,   e = e^(y p),   x = h s + y p + e,   y in {-1, 1}
 *
 * h is learning rate times event weight, s the sensitivity: how much p moves for a unit of u. W is Lambert's
 * function. Where the prediction would move too little for the bend to show, u is the plain gradient step.
 */
import type { LossName } from '../../config/schema.ts';

export interface ImportanceAware {
  /** Square of dl/dp at score p. */
  squaredDerivative(p: number, label: number): number;
  /** The update u; the prediction moves by u s. */
  update(p: number, label: number, h: number, s: number): number;
}

/** A move of p, in raw score; the plain step is wrong by a part of about so much. */
const tiny = 1e-5;

export const importanceAware: Readonly<Record<LossName, ImportanceAware>> = {
  squared: {
    squaredDerivative: (p, label) => 4 * (p - label) ** 2,
    update(p, label, h, s) {
      if (h * s < tiny) return 2 * (label - p) * h;
      return ((label - p) * -Math.expm1(-2 * h * s)) / s;
    },
  },
  logistic: {
    squaredDerivative(p, label) {
      const y = signOf(label);
      return (1 / (1 + Math.exp(y * p))) ** 2;
    },
    update(p, label, h, s) {
      const y = signOf(label);
      const e = Math.exp(y * p);
      if (h * s < tiny * (1 + e)) return (y * h) / (1 + e);
      return (y * (h * s + e - lambertOfExp(h * s + y * p + e))) / s;
    },
  },
};

const signOf = (label: number): number => (label > 0 ? 1 : -1);

/**
 * W(e^x) by the iteration of Fritsch, Shafer and Crowley (1973), of fourth order, twice from a guess: to a few
 * units in the last place. (Vowpal Wabbit takes one step, good to 1e-5, which small steps show.)
 */
export function lambertOfExp(x: number): number {
  const guess = x >= 1 ? 0.86 * x + 0.01 : x > -2 ? Math.exp(0.8 * x - 0.65) : Math.exp(x);
  return nearer(nearer(guess, x), x);
}

function nearer(w: number, x: number): number {
  const r = x - Math.log(w) - w;
  const t = 1 + w;
  const u = 2 * t * (t + (2 * r) / 3);
  return w * (1 + ((r / t) * (u - r)) / (u - 2 * r));
}
