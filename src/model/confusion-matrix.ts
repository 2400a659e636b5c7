/** Whole counts of (class, chosen class), square by square: what is known of several classes one by one. */

/** Classes up to which the matrix is kept, in the place of the histograms of a binary model: 45^2 <= 2048. */
export const matrixClassesMax = 45;

/** Place of a pair in the matrix. */
export const cellOf = (label: number, chosen: number, classesMax: number): number =>
  label * classesMax + chosen;

/**
 * Mean of the classes' F1 = 2 true positives / (2 true positives + false positives + false negatives), over classes
 * that were seen or chosen. Null where there are none, or the matrix is not kept.
 */
export function macroF1(cells: Float64Array, classesMax: number): number | null {
  if (classesMax > matrixClassesMax) return null;
  let sum = 0;
  let seen = 0;
  for (let c = 0; c < classesMax; c++) {
    let all = 0;
    for (let other = 0; other < classesMax; other++) {
      all += cells[cellOf(c, other, classesMax)]! + cells[cellOf(other, c, classesMax)]!;
    }
    if (all === 0) continue;
    seen += 1;
    sum += (2 * cells[cellOf(c, c, classesMax)]!) / all;
  }
  return seen > 0 ? sum / seen : null;
}
