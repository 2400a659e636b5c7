/** Within which raw scores are held, where they are. */
export interface ScoreBounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

export function bounded(raw: number, bounds: ScoreBounds | undefined): number {
  if (bounds === undefined) return raw;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds;
  return Math.min(max, Math.max(min, raw));
}
