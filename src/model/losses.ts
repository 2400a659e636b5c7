/**
 * Losses of a raw score p (before any link) against a label y, and their derivative dl/dp. Natural logarithms.
 *
 *   logistic   y in {0, 1}     l = ln(1 + e^p) - y p      dl/dp = sigmoid(p) - y
 *   squared    y a number      l = (p - y)^2              dl/dp = 2 (p - y)     (as Vowpal Wabbit and River)
 */
import type { LossName } from '../../config/schema.ts';

export interface Loss {
  readonly name: LossName;
  value(raw: number, label: number): number;
  derivative(raw: number, label: number): number;
  /** From the raw score to what a reply calls `score`. */
  link(raw: number): number;
}

/** Stable at both ends: never exponentiates a positive number. */
export function sigmoid(raw: number): number {
  if (raw >= 0) return 1 / (1 + Math.exp(-raw));
  const e = Math.exp(raw);
  return e / (1 + e);
}

/** ln(1 + e^p) - y p without overflow. */
export const logisticLoss = (raw: number, label: number): number =>
  Math.max(raw, 0) - raw * label + Math.log1p(Math.exp(-Math.abs(raw)));

export const losses: Readonly<Record<LossName, Loss>> = {
  logistic: {
    name: 'logistic',
    value: logisticLoss,
    derivative: (raw, label) => sigmoid(raw) - label,
    link: sigmoid,
  },
  squared: {
    name: 'squared',
    value: (raw, label) => (raw - label) ** 2,
    derivative: (raw, label) => 2 * (raw - label),
    link: (raw) => raw,
  },
};
