/** What a sample of records says of each column, in bounded memory. */
import type { FileRecord } from './row.ts';

export interface ColumnFacts {
  readonly name: string;
  /** Cells that are not absent. */
  readonly present: number;
  readonly numbers: number;
  readonly integers: number;
  readonly booleans: number;
  readonly strings: number;
  /** Arrays and objects: features of a kind of their own. */
  readonly others: number;
  /** Of the numbers. */
  readonly mean: number;
  readonly deviation: number;

  /** Whether no number is below the one before it. */
  readonly rising: boolean;
  /** Distinct values as text with their counts, up to `distinctMax`; then `manyDistinct`. */
  readonly distinct: ReadonlyMap<string, number>;
  readonly manyDistinct: boolean;
  readonly example: unknown;
}

/** Values beyond this many are not told apart. */
const distinctMax = 20_000;

type Counter = { -readonly [Key in keyof ColumnFacts]: ColumnFacts[Key] } & {
  distinct: Map<string, number>;
  squares: number;
  last: number;
};

export class ColumnCounter {
  readonly #columns = new Map<string, Counter>();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  add(record: FileRecord): void {
    this.#rows += 1;
    for (const [name, value] of Object.entries(record)) {
      if (value !== null && value !== undefined) this.#addValue(name, value);
    }
  }

  facts(): ColumnFacts[] {
    return [...this.#columns.values()].map((counter) => {
      const variance = counter.squares / Math.max(1, counter.numbers);
      return { ...counter, deviation: Math.sqrt(variance) };
    });
  }

  #addValue(name: string, value: unknown): void {
    let counter = this.#columns.get(name);
    if (counter === undefined) {
      counter = emptyCounter(name, value);
      this.#columns.set(name, counter);
    }
    counter.present += 1;
    if (typeof value === 'number') addNumber(counter, value);
    else if (typeof value === 'boolean') counter.booleans += 1;
    else if (typeof value === 'string') counter.strings += 1;
    else counter.others += 1;
    if (typeof value !== 'object') addDistinct(counter, String(value));
  }
}

const emptyCounter = (name: string, example: unknown): Counter => ({
  name,
  present: 0,
  numbers: 0,
  integers: 0,
  booleans: 0,
  strings: 0,
  others: 0,
  mean: 0,
  deviation: 0,

  rising: true,
  distinct: new Map(),
  manyDistinct: false,
  example,
  squares: 0,
  last: Number.NEGATIVE_INFINITY,
});

/** Mean and squares as in Welford 1962. */
function addNumber(counter: Counter, value: number): void {
  counter.numbers += 1;
  if (Number.isInteger(value)) counter.integers += 1;
  const before = value - counter.mean;
  counter.mean += before / counter.numbers;
  counter.squares += before * (value - counter.mean);

  counter.rising &&= value >= counter.last;
  counter.last = value;
}

function addDistinct(counter: Counter, text: string): void {
  const count = counter.distinct.get(text);
  if (count !== undefined) counter.distinct.set(text, count + 1);
  else if (counter.distinct.size < distinctMax) counter.distinct.set(text, 1);
  else counter.manyDistinct = true;
}
