/**
 * Whether a series grows. The slope is the median of the slopes of all pairs of samples (Theil 1950, Sen 1968): up to
 * a quarter of the samples may be anything, a garbage collection or a version in the making, without moving it far.
 * Its interval follows from the distribution of Kendall's tau (Sen 1968, Hollander and Wolfe 1999, 9.3).
 *
 * Samples of memory depend on each other, which makes that interval too narrow. So both must hold before a series is
 * called growing: the interval lies above zero, and over the time that was looked at the slope amounts to more than
 * what is tolerated.
 */
export interface Trend {
  /** Per second. */
  readonly slope: number;
  /** 95 % interval of the slope. */
  readonly low: number;
  readonly high: number;
  readonly median: number;
  /** Slope times the time between first and last sample. */
  readonly growth: number;
  readonly tolerated: number;
  readonly verdict: 'flat' | 'growing';
}

export interface Point {
  readonly atS: number;
  readonly value: number;
}

const z95 = 1.96;
/** Pairs grow with the square: of longer series every k-th sample counts. */
const pointsMax = 1_500;

/** `toleratedShare` of the median, but no less than `toleratedLeast`. */
export function trendOf(all: readonly Point[], toleratedShare: number, toleratedLeast: number): Trend {
  const step = Math.ceil(all.length / pointsMax);
  const points = all.filter((_, at) => at % step === 0);
  if (points.length < 10) throw new Error(`a trend needs at least 10 samples, got ${points.length}`);
  const slopes = slopesOf(points);
  const n = points.length;
  const spread = z95 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (rank: number) => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))]!;
  const slope = middle(slopes);
  const low = at((slopes.length - spread) / 2);
  const high = at((slopes.length + spread) / 2);
  const median = middle(points.map(({ value }) => value).sort((a, b) => a - b));
  const growth = slope * (points.at(-1)!.atS - points[0]!.atS);
  const tolerated = Math.max(toleratedLeast, toleratedShare * median);
  const verdict = low > 0 && growth > tolerated ? 'growing' : 'flat';
  return { slope, low, high, median, growth, tolerated, verdict };
}

function slopesOf(points: readonly Point[]): Float64Array {
  const slopes: number[] = [];
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      slopes.push((points[j]!.value - points[i]!.value) / (points[j]!.atS - points[i]!.atS));
    }
  }
  return Float64Array.from(slopes).sort();
}

function middle(sorted: ArrayLike<number>): number {
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
