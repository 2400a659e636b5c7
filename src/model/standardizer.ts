/**
 * Running mean and population variance of one number, in three slots of its row (Welford 1962), and the scaled
 * value `(x - mean) / sqrt(variance)`, which is 0 while the variance is 0 (as River's StandardScaler).
 */

export function observe(row: Float32Array, offset: number, x: number): void {
  const count = row[offset]! + 1;
  const mean = row[offset + 1]!;
  const next = mean + (x - mean) / count;
  const variance = row[offset + 2]!;
  row[offset] = count;
  row[offset + 1] = next;
  row[offset + 2] = variance + ((x - mean) * (x - next) - variance) / count;
}

export const scaled = (row: Float32Array, offset: number, x: number): number =>
  scaledBy(row[offset + 1]!, row[offset + 2]!, x);

export const scaledBy = (mean: number, variance: number, x: number): number =>
  variance > 0 ? (x - mean) / Math.sqrt(variance) : 0;

/**
 * Takes `base` out of `grown`, leaving in `grown` the statistics of what came in between, so that another
 * learner's share can be merged (Chan, Golub, LeVeque 1979, solved for the second group).
 */
export function subtractStatistics(
  base: Float32Array,
  baseAt: number,
  grown: Float32Array,
  at: number,
): void {
  const n0 = base[baseAt]!;
  const n1 = grown[at]!;
  const n = n1 - n0;
  if (n <= 0) {
    grown.fill(0, at, at + 3);
    return;
  }
  const mean = (n1 * grown[at + 1]! - n0 * base[baseAt + 1]!) / n;
  const distance = mean - base[baseAt + 1]!;
  const squares = n1 * grown[at + 2]! - n0 * base[baseAt + 2]! - (distance * distance * n0 * n) / n1;
  grown[at] = n;
  grown[at + 1] = mean;
  grown[at + 2] = Math.max(0, squares / n);
}

/** Adds the statistics at `from` to those at `to` (Chan, Golub, LeVeque 1979). */
export function mergeStatistics(from: Float32Array, fromAt: number, to: Float32Array, at: number): void {
  const added = from[fromAt]!;
  if (added <= 0) return;
  const present = to[at]!;
  const total = present + added;
  const distance = from[fromAt + 1]! - to[at + 1]!;
  const squares =
    present * to[at + 2]! + added * from[fromAt + 2]! + (distance * distance * present * added) / total;
  to[at] = total;
  to[at + 1] = to[at + 1]! + (distance * added) / total;
  to[at + 2] = squares / total;
}
