/** A factorisation machine's score from its sums, as float32: sum w x, then S_f of each factor, then sum (v_f x)^2 of each. */
export function scoreOfSums(sums: Float32Array, factors: number): number {
  let pairs = 0;
  for (let f = 1; f <= factors; f++) pairs += sums[f]! * sums[f]! - sums[factors + f]!;
  return Math.fround(sums[0]! + pairs / 2);
}
