/** What a loss of a raw score p (before any link) against a label y is to those who learn and measure with it. */
import type { ScoreLossName } from '../../../config/schema.ts';

export interface Loss {
  readonly name: ScoreLossName;
  value(raw: number, label: number): number;
  /** dl/dp. */
  derivative(raw: number, label: number): number;
  squaredDerivative(raw: number, label: number): number;
  /**
   * The importance-aware update u (Karampatziakis, Langford 2011): how far p moves along its features, in units of
   * the sensitivity s, when the step is followed for a time h (learning rate times event weight) instead of taken
   * at once: p moves by u s. So a weight of 2 is like the event twice, and no step overshoots its label.
   */
  update(raw: number, label: number, h: number, s: number): number;
  /** From the raw score to what a reply calls `score`. */
  link(raw: number): number;
  /** The raw score that the label asks for, where there is one. */
  target(label: number): number;
  /** Raw scores are held within this distance of 0; undefined: within the range of the targets so far. */
  readonly scoreMax?: number;
  /** Raw score above which the class of a binary model is 1. */
  readonly decision: number;
  /** Labels below it mean nothing to this loss. */
  readonly labelMin?: number;
}

/** A move of p, in raw score, too small for the bend of its path to show: the plain step is wrong by a part of about so much. */
export const tiny = 1e-5;
