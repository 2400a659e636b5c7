/**
 * A sum that grows for ever in small steps: kept as two float32 numbers of which the second is what the first lost in
 * rounding. One alone stands still at 2^24 steps of 1. Two such sums add number by number.
 */
export const sumAt = (table: Float32Array, high: number, low: number): number => table[high]! + table[low]!;

export function storeSum(table: Float32Array, high: number, low: number, sum: number): void {
  const rounded = Math.fround(sum);
  table[high] = rounded;
  table[low] = sum - rounded;
}
