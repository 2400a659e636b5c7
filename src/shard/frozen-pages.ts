/**
 * A still picture of a shard's rows while learning goes on: copy on write by page. Before a row is overwritten
 * for the first time its page is kept as it was; a reader takes kept pages where there are any and the live
 * rows elsewhere. Costs memory for the pages that change while the picture is open, and no pause.
 */
import type { RowPage } from './row-chunks.ts';

const pageRows = 256;

export class FrozenPages {
  readonly #rows: Float32Array;
  readonly #width: number;
  readonly #kept = new Map<number, Float32Array>();

  constructor(rows: Float32Array, width: number) {
    this.#rows = rows;
    this.#width = width;
  }

  /** Call before a row is written. */
  keep(row: number): void {
    const page = Math.floor(row / pageRows);
    if (this.#kept.has(page)) return;
    const start = page * pageRows * this.#width;
    this.#kept.set(page, this.#rows.slice(start, start + pageRows * this.#width));
  }

  /** Where to read a row, and those of its page that follow it. */
  pageAt(row: number): RowPage {
    const page = Math.floor(row / pageRows);
    const start = page * pageRows;
    const end = Math.min(start + pageRows, this.#rows.length / this.#width);
    const kept = this.#kept.get(page);
    if (kept === undefined) return { rows: this.#rows, at: row * this.#width, end };
    return { rows: kept, at: (row - start) * this.#width, end };
  }

  get keptBytes(): number {
    return this.#kept.size * pageRows * this.#width * 4;
  }
}
