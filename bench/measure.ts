/** Subject and floor in turn, in one run: the ratio of each pair, and the median of the ratios. */

export interface Pairs {
  readonly subject: number;
  readonly floor: number;
  /** Median of subject over floor. */
  readonly ratio: number;
  /** Smallest and largest ratio. */
  readonly spread: readonly [number, number];
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const quantile = (numbers: readonly number[], q: number): number =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(q * numbers.length))]!;

/** One warm-up pair, then `pairs` pairs. Each measurement returns a figure where more is better, or less; it does not matter here. */
export async function measurePairs(
  pairs: number,
  subject: () => number | Promise<number>,
  floor: () => number | Promise<number>,
): Promise<Pairs> {
  await floor();
  await subject();
  const floors: number[] = [];
  const subjects: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    floors.push(await floor());
    subjects.push(await subject());
  }
  const ratios = subjects.map((figure, pair) => figure / floors[pair]!);
  return {
    subject: median(subjects),
    floor: median(floors),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** Events per second of work that handles so many. */
export async function rateOf(events: number, work: () => void | Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (events * 1000) / (performance.now() - startedMs);
}
