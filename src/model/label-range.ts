/**
 * The range of the labels so far, in three of the shared numbers: 1 once a label was seen, the least, the greatest. A
 * prediction outside of it is held at its end; where no label was seen nothing is held.
 */
export const labelRangeLength = 3;

export function clipToLabels(shared: Float32Array, at: number, score: number): number {
  if (shared[at] === 0) return score;
  return Math.min(shared[at + 2]!, Math.max(shared[at + 1]!, score));
}

export function seeLabel(shared: Float32Array, at: number, label: number): void {
  const isFirst = shared[at] === 0;
  shared[at] = 1;
  shared[at + 1] = isFirst ? label : Math.min(shared[at + 1]!, label);
  shared[at + 2] = isFirst ? label : Math.max(shared[at + 2]!, label);
}
