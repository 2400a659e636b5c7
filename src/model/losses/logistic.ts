/**
 * Logistic loss, y in {0, 1}, or between them a share of 1: `l = ln(1 + e^p) - y p`, `dl/dp = sigmoid(p) - y`. Natural logarithms.
 * Importance-aware, with y in {-1, 1}: `u = y (h s + e - W(e^x)) / s`, `e = e^(y p)`, `x = h s + y p + e`, W
 * Lambert's function. Of a share it is the mean of both (as Vowpal Wabbit).
 */
import { type Loss, tiny } from './loss.ts';

/** Stable at both ends: never exponentiates a positive number. */
export function sigmoid(raw: number): number {
  if (raw >= 0) return 1 / (1 + Math.exp(-raw));
  const e = Math.exp(raw);
  return e / (1 + e);
}

/** ln(1 + e^p) - y p without overflow. */
export const logisticLoss = (raw: number, label: number): number =>
  Math.max(raw, 0) - raw * label + Math.log1p(Math.exp(-Math.abs(raw)));

export const logistic: Loss = {
  name: 'logistic',
  value: logisticLoss,
  derivative: (raw, label) => sigmoid(raw) - label,
  squaredDerivative(raw, label) {
    if (isShare(label)) return (sigmoid(raw) - label) ** 2;
    return (1 / (1 + Math.exp(signOf(label) * raw))) ** 2;
  },
  update(raw, label, h, s) {
    if (isShare(label)) return label * update(raw, 1, h, s) + (1 - label) * update(raw, -1, h, s);
    return update(raw, signOf(label), h, s);
  },
  link: sigmoid,
  target: (label) => label,
  scoreMax: 50,
  decision: 0,
};

const signOf = (label: number): number => (label > 0 ? 1 : -1);
const isShare = (label: number): boolean => label > 0 && label < 1;

function update(raw: number, y: number, h: number, s: number): number {
  const e = Math.exp(y * raw);
  if (h * s < tiny * (1 + e)) return (y * h) / (1 + e);
  return (y * (h * s + e - lambertOfExp(h * s + y * raw + e))) / s;
}

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
