/**
 * A network: each feature has a vector, and the event's sum of vectors times values is the first hidden layer; dense
 * layers with ReLU follow, and one score, or one for each class. One step of AdaGrad for every event, in order.
 *
 * The dense layers stand in the shared rows, behind the names of classes or the range of labels.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import { InitialValues } from '../model/initial-values.ts';
import { type RowLayout, sharedAt } from '../model/row-layout.ts';
import { EventStatistics } from './event-statistics.ts';
import type { EmbeddingKernels, NetworkConfig, NetworkKernels } from './network-kernels.ts';
import type { NetworkOutput } from './network-output.ts';
import { allFinite, divergence, type EventView, gather, type OnlineModel, scatter } from './online-model.ts';
import type { KernelReport } from './size-classes.ts';

export class NetworkModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #kernels: NetworkKernels;
  readonly #initial: InitialValues;
  readonly #units: number;
  readonly #output: NetworkOutput;
  readonly #statistics: EventStatistics | undefined;
  /** What each layer takes: the activations of hidden layers, then the scores. */
  readonly #given: Float32Array[] = [];

  constructor(layout: RowLayout, kernels: NetworkKernels, family: NetworkConfig, output: NetworkOutput) {
    this.layout = layout;
    this.#kernels = kernels;
    this.#units = family.hidden[0]!;
    this.#initial = new InitialValues(family, this.#units);
    this.#output = output;
    this.#statistics = layout.standardize ? new EventStatistics(layout) : undefined;
  }

  get classes() {
    return this.#output.classes;
  }

  report(): KernelReport {
    return this.#kernels.embeddings.report();
  }

  predict(table: Float32Array, event: EventView): number {
    const shared = sharedAt(this.layout, event);
    this.#output.begin(table, shared);
    const sized = this.#gather(table, event, shared);
    return this.#output.predicted(table, shared, this.#forward(sized));
  }

  learn(table: Float32Array, event: EventView, label: ClassLabel, weight: number): number {
    const shared = sharedAt(this.layout, event);
    this.#output.begin(table, shared);
    this.#output.expect(label);
    const sized = this.#gather(table, event, shared);
    let scores = this.#forward(sized);
    const before = this.#output.predicted(table, shared, scores);
    if (this.#statistics !== undefined) {
      this.#statistics.observe(table, event, sized.values);
      scores = this.#forward(sized);
    }
    const slopes = this.#output.slopes(scores, weight);
    const steps = this.#steps(sized, slopes);
    for (const [number, { at }] of this.#kernels.dense.entries()) {
      table.set(steps.dense[number]!, shared + this.#output.length + at);
    }
    scatter(this.layout, steps.embedding, table, event, sized.size);
    this.#statistics?.store(table, event);
    this.#output.learned(table, shared, label);
    return before;
  }

  /** Rows and values into the kernels' planes, and the dense layers. */
  #gather(table: Float32Array, event: EventView, shared: number): EmbeddingKernels {
    const count = event.to - event.from;
    const sized = this.#kernels.embeddings.sized(count);
    gather(this.layout, table, event, sized);
    this.#statistics?.scale(table, event, sized.values);
    const { initials, size } = sized;
    for (let i = 0; i < count; i++) {
      const row = event.rows[event.from + i]!;
      const key = event.keys === undefined ? row : event.keys[row]!;
      for (let unit = 0; unit < this.#units; unit++) initials[unit * size + i] = this.#initial.of(key, unit);
    }
    for (let unit = 0; unit < this.#units; unit++) initials.fill(0, unit * size + count, (unit + 1) * size);
    for (const { layer, at } of this.#kernels.dense) {
      const from = shared + this.#output.length + at;
      for (let i = 0; i < layer.length; i++) layer[i] = table[from + i]!;
    }
    return sized;
  }

  #forward(sized: EmbeddingKernels): Float32Array {
    let given = sized.embed();
    for (const [number, dense] of this.#kernels.dense.entries()) {
      this.#given[number] = given;
      given = dense.forward(given);
    }
    return given;
  }

  /** New numbers of every layer; nothing is stored before all of them are known to be finite. */
  #steps(sized: EmbeddingKernels, ofScores: Float32Array) {
    const { dense } = this.#kernels;
    let slopes = ofScores;
    const stepped: Float32Array[] = [];
    for (let number = dense.length - 1; number >= 0; number--) {
      const given = this.#given[number]!;
      stepped[number] = dense[number]!.step(given, slopes);
      slopes = dense[number]!.backward(given, slopes);
    }
    const embedding = sized.step(slopes);
    if (!allFinite(embedding) || !stepped.every(allFinite)) throw divergence('a parameter after this step');
    return { dense: stepped, embedding };
  }
}
