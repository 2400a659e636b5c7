/** An event's rows as they were, for a step that is made of several and has to be taken back. */
import type { EventView } from './online-model.ts';

export class KeptRows {
  #before = new Float32Array(0);

  keep(table: Float32Array, event: EventView, width: number): void {
    const length = (event.to - event.from) * width;
    if (this.#before.length < length) this.#before = new Float32Array(length * 2);
    for (let i = event.from, to = 0; i < event.to; i++) {
      const at = event.rows[i]! * width;
      for (let slot = 0; slot < width; slot++) this.#before[to++] = table[at + slot]!;
    }
  }

  restore(table: Float32Array, event: EventView, width: number): void {
    for (let i = event.from, from = 0; i < event.to; i++) {
      const at = event.rows[i]! * width;
      for (let slot = 0; slot < width; slot++) table[at + slot] = this.#before[from++]!;
    }
  }
}
