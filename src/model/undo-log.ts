/** Changes to a table that may have to be taken back: an event that is refused half-way has changed nothing. */
export class UndoLog {
  readonly #places: number[] = [];
  readonly #values: number[] = [];

  write(table: Float32Array, place: number, value: number): void {
    this.#places.push(place);
    this.#values.push(table[place]!);
    table[place] = value;
  }

  /** Keeps what was written. */
  clear(): void {
    this.#places.length = 0;
    this.#values.length = 0;
  }

  /** Takes everything back since the last clear, the latest first. */
  undo(table: Float32Array): void {
    for (let i = this.#places.length - 1; i >= 0; i--) table[this.#places[i]!] = this.#values[i]!;
    this.clear();
  }
}
