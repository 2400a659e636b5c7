/** Every loss, and the labels that it is made for. */
import fc from 'fast-check';
import type { LossConfig } from '../../config/schema.ts';
import type { Loss } from '../../src/model/losses.ts';

export const allLosses: readonly LossConfig[] = [
  'logistic',
  'squared',
  'hinge',
  'poisson',
  { name: 'quantile', tau: 0.5 },
  { name: 'quantile', tau: 0.9 },
  { name: 'expectile', q: 0.25 },
];

export function labelsOf({ name }: Loss): fc.Arbitrary<number> {
  if (name === 'logistic' || name === 'hinge') return fc.constantFrom(0, 1);
  if (name === 'poisson') return fc.integer({ min: 0, max: 20 });
  return fc.double({ min: -8, max: 8, noNaN: true });
}
