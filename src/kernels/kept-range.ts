/** Scores of a regression held within the range of the labels so far (src/model/label-range.ts), for rules without a rate. */
import { clipToLabels, seeLabel } from '../model/label-range.ts';
import type { Loss } from '../model/losses.ts';
import { type RowLayout, sharedAt } from '../model/row-layout.ts';
import type { EventView } from './online-model.ts';

export class KeptRange {
  readonly #layout: RowLayout;
  readonly #loss: Loss;

  constructor(layout: RowLayout, loss: Loss) {
    this.#layout = layout;
    this.#loss = loss;
  }

  clip(table: Float32Array, event: EventView, score: number): number {
    // With a link a score is no label.
    if (this.#loss.scoreMax !== undefined) return score;
    return clipToLabels(table, sharedAt(this.#layout, event), score);
  }

  see(table: Float32Array, event: EventView, label: number): void {
    seeLabel(table, sharedAt(this.#layout, event), this.#loss.target(label));
  }
}
