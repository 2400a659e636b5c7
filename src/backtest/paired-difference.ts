/**
 * Mean difference of two series on the same events, with a confidence interval that allows for neighbours being
 * alike: the method of batch means (Law, Kelton). Differences are averaged in at most 64 blocks of equal size;
 * when all are full, pairs of neighbours become one, so that memory is bounded however long the stream is. The
 * blocks' means are taken as independent and nearly normal: Student's t over them.
 */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const blocksMax = 64;
/** With fewer, an interval would say more than is known. */
const blocksMin = 16;

export class PairedDifference {
  #sums: number[] = [];
  #blockSize = 1;
  #open = 0;
  #openCount = 0;
  #total = 0;
  #count = 0;

  add(difference: number): void {
    this.#total += difference;
    this.#count += 1;
    this.#open += difference;
    this.#openCount += 1;
    if (this.#openCount < this.#blockSize) return;
    this.#sums.push(this.#open);
    this.#open = 0;
    this.#openCount = 0;
    if (this.#sums.length === blocksMax) this.#merge();
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#total / this.#count;
  }

  /** 95 %, around the mean of all; undefined while there are too few events. */
  interval(): Interval | undefined {
    const blocks = this.#sums.length;
    if (blocks < blocksMin) return undefined;
    const means = this.#sums.map((sum) => sum / this.#blockSize);
    const center = means.reduce((sum, mean) => sum + mean, 0) / blocks;
    const variance = means.reduce((sum, mean) => sum + (mean - center) ** 2, 0) / (blocks - 1);
    const half = studentQuantile(blocks - 1) * Math.sqrt(variance / blocks);
    return { mean: this.mean, low: this.mean - half, high: this.mean + half };
  }

  #merge(): void {
    const merged: number[] = [];
    for (let i = 0; i < this.#sums.length; i += 2) merged.push(this.#sums[i]! + this.#sums[i + 1]!);
    this.#sums = merged;
    this.#blockSize *= 2;
  }
}

/** Quantile .975 of Student's t from 15 degrees of freedom on, to four digits (Abramowitz, Stegun 26.7.5). */
export function studentQuantile(degrees: number): number {
  const z = 1.959964;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
}
