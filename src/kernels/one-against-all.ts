/**
 * Several classes, each a model of one score of its own: is it this class, or another? Every one of them has its own
 * slots in a row, those of the optimiser's sums too, and learns from every event. A step is whole: when one class's is
 * refused, those before it are taken back.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import type { LossConfig } from '../../config/schema.ts';
import type { ClassNames } from '../model/class-names.ts';
import { ClassScores, ownLabel } from '../model/class-scores.ts';
import { type RowLayout, sharedAt } from '../model/row-layout.ts';
import { KeptRows } from './kept-rows.ts';
import type { EventView, OnlineModel } from './online-model.ts';
import type { KernelReport } from './size-classes.ts';

export class OneAgainstAll implements OnlineModel {
  readonly layout: RowLayout;
  readonly classes: ClassScores;
  readonly #names: ClassNames;
  readonly #loss: LossConfig;
  /** One for each class, with the layout of that class (layoutOfClass). */
  readonly #models: readonly OnlineModel[];
  readonly #kept = new KeptRows();

  constructor(layout: RowLayout, names: ClassNames, models: readonly OnlineModel[], loss: LossConfig) {
    this.layout = layout;
    this.classes = new ClassScores(names.max, loss);
    this.#names = names;
    this.#models = models;
    this.#loss = loss;
  }

  report(): KernelReport {
    return this.#models[0]!.report();
  }

  predict(table: Float32Array, event: EventView): number {
    this.#names.refresh(table, sharedAt(this.layout, event));
    const { labels } = this.#names;
    for (let c = 0; c < labels.length; c++) this.classes.raw[c] = this.#models[c]!.predict(table, event);
    this.classes.settle(labels, labels.length);
    return this.classes.raw[this.classes.best]!;
  }

  learn(table: Float32Array, event: EventView, label: ClassLabel, weight: number): number {
    const shared = sharedAt(this.layout, event);
    this.#names.refresh(table, shared);
    const number = this.#names.numberOf(label);
    const count = Math.max(this.#names.labels.length, number + 1);
    this.#kept.keep(table, event, this.layout.width);
    try {
      for (let c = 0; c < count; c++) {
        const own = ownLabel(this.#loss, c === number);
        this.classes.raw[c] = this.#models[c]!.learn(table, event, own, weight);
      }
    } catch (error) {
      this.#kept.restore(table, event, this.layout.width);
      throw error;
    }
    this.classes.settle([...this.#names.labels], count);
    this.classes.label = number;
    this.#names.write(table, shared, number, label);
    return this.classes.raw[this.classes.best]!;
  }
}
