/** What a benchmark says: a table for people, one JSON line for programs. */

export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Smallest and largest ratio to the first floor, over the pairs. */
  readonly spread: readonly [number, number];
  /** Subject over floor, by the floor's name. */
  readonly ratio: Readonly<Record<string, number>>;
  /** More figures of the same run. */
  readonly [figure: string]: unknown;
}

export interface BenchOptions {
  readonly pairs: number;
  readonly seed: number;
  /** Says what is going on, to standard error. */
  say(sentence: string): void;
}

export type Benchmark = (options: BenchOptions) => Promise<BenchResult>;
