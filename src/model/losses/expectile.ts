/**
 * Expectile loss (Newey, Powell 1987): the squared loss, times q where the label lies above the score and 1 - q
 * below; q = .5 is half the squared loss. Its updates are those of the squared loss with the time stretched by that
 * factor. (Vowpal Wabbit's `--expectile_q` is 1 - q.)
 */
import type { Loss } from './loss.ts';
import { squared } from './squared.ts';

export function expectile(q: number): Loss {
  const factorOf = (raw: number, label: number): number => (label > raw ? q : 1 - q);
  return {
    name: 'expectile',
    value: (raw, label) => factorOf(raw, label) * squared.value(raw, label),
    derivative: (raw, label) => factorOf(raw, label) * squared.derivative(raw, label),
    squaredDerivative: (raw, label) => factorOf(raw, label) ** 2 * squared.squaredDerivative(raw, label),
    update: (raw, label, h, s) => squared.update(raw, label, factorOf(raw, label) * h, s),
    link: (raw) => raw,
    target: (label) => label,
    decision: 0.5,
  };
}
