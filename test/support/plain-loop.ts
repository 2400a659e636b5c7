/**
 * The oracle of the whole stack is the sequential model of the product: one table, one loop. What Millrace holds
 * after the same log must equal it bit for bit.
 */
export { SequentialModel as PlainLoop } from '../../src/backtest/sequential-model.ts';

/** Where two arrays of numbers differ in any bit (signs of zeros count); the first few places, for people. */
export function differences(found: Float32Array | Float64Array, wanted: typeof found): string[] {
  if (found.length !== wanted.length) return [`${found.length} numbers instead of ${wanted.length}`];
  const places: string[] = [];
  for (let i = 0; i < wanted.length && places.length < 8; i++) {
    if (!Object.is(found[i], wanted[i])) places.push(`[${i}] is ${found[i]}, expected ${wanted[i]}`);
  }
  return places;
}
