/**
 * A linear model of several classes whose optimiser works coordinate by coordinate: a row holds the slots of every
 * class, and the kernels of one score (linear-kernels.ts) run once for each class. With softmax the gradient of class
 * c is p_c - [c is the label]; one against all it is that of the class's own loss (src/model/class-scores.ts).
 *
 * As in linear-model.ts `learn` is progressive, and statistics take a new number before the gradients are formed.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import type { LossConfig } from '../../config/schema.ts';
import type { ClassNames } from '../model/class-names.ts';
import { ClassScores, classGradients } from '../model/class-scores.ts';
import { optimizerOf } from '../model/optimizers/optimizer.ts';
import { layoutOfClass, type RowLayout, sharedAt } from '../model/row-layout.ts';
import { EventStatistics } from './event-statistics.ts';
import { isSteep, type LinearKernels, requireScore, type SizedKernels } from './linear-kernels.ts';
import type { LinearOptions } from './linear-model.ts';
import {
  allFinite,
  divergence,
  type EventView,
  finiteScore,
  gatherRows,
  gatherValues,
  type OnlineModel,
  scatter,
} from './online-model.ts';
import type { KernelReport } from './size-classes.ts';
import { FeatureEntries, StepCounter } from './step-counter.ts';

export class ClassModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly classes: ClassScores;
  readonly #names: ClassNames;
  readonly #kernels: LinearKernels;
  readonly #loss: LossConfig;
  readonly #layouts: readonly RowLayout[];
  readonly #statistics: EventStatistics | undefined;
  /** Counted once for all classes, in the slots of the first. */
  readonly #counter: StepCounter | undefined;
  readonly #features: FeatureEntries | undefined;
  readonly #isSteep: boolean;
  readonly #gradients: Float64Array;
  /** Stepped planes of each class, kept until all of them are known to be finite. */
  readonly #stepped: Float32Array[];

  constructor(
    layout: RowLayout,
    names: ClassNames,
    kernels: LinearKernels,
    { optimizer, loss, intercept }: LinearOptions,
  ) {
    const { factors } = optimizerOf(optimizer);
    this.layout = layout;
    this.#counter = factors && new StepCounter(layout, factors, intercept);
    this.#features = layout.stateRows > 0 ? new FeatureEntries(layout, intercept) : undefined;
    this.classes = new ClassScores(names.max, loss);
    this.#names = names;
    this.#kernels = kernels;
    this.#loss = loss;
    this.#layouts = Array.from({ length: names.max }, (_, c) => layoutOfClass(layout, c));
    this.#statistics = layout.standardize ? new EventStatistics(layout) : undefined;
    this.#isSteep = isSteep(optimizer);
    this.#gradients = new Float64Array(names.max);
    this.#stepped = Array.from({ length: names.max }, () => new Float32Array(0));
  }

  report(): KernelReport {
    return this.#kernels.report();
  }

  predict(table: Float32Array, event: EventView): number {
    this.#names.refresh(table, sharedAt(this.layout, event));
    const { labels } = this.#names;
    this.#scoreScaled(table, this.#features?.of(event) ?? event, labels.length);
    this.classes.settle(labels, labels.length);
    return this.classes.raw[this.classes.best]!;
  }

  learn(table: Float32Array, event: EventView, label: ClassLabel, weight: number): number {
    const shared = sharedAt(this.layout, event);
    this.#names.refresh(table, shared);
    const number = this.#names.numberOf(label);
    const count = Math.max(this.#names.labels.length, number + 1);
    const features = this.#features?.of(event) ?? event;
    const sized = this.#scoreScaled(table, features, count);
    this.classes.settle([...this.#names.labels], count);
    this.classes.label = number;
    this.#formGradients(table, features, sized, count, weight);
    const learned = this.#counter?.count(table, event, weight);
    // An event of weight 0 is seen by the statistics alone: a rule that remembers would move on.
    if (weight > 0) this.#step(table, features, sized, count, learned);
    if (weight > 0 && learned !== undefined) this.#counter!.store(table, event, learned);
    this.#statistics?.store(table, features);
    this.#names.write(table, shared, number, label);
    return this.classes.raw[this.classes.best]!;
  }

  #scoreScaled(table: Float32Array, event: EventView, count: number): SizedKernels {
    const sized = this.#kernels.sized(event.to - event.from);
    gatherValues(event, sized);
    this.#statistics?.scale(table, event, sized.values);
    this.#score(table, event, sized, count, this.classes.raw);
    return sized;
  }

  #score(
    table: Float32Array,
    event: EventView,
    sized: SizedKernels,
    count: number,
    into: Float64Array,
    isAhead = false,
  ): void {
    for (let c = 0; c < count; c++) {
      gatherRows(this.#layouts[c]!, table, event, sized);
      into[c] = finiteScore((isAhead && sized.ahead ? sized.ahead : sized.score)());
    }
  }

  /** dl/ds of each class, times the event's weight. */
  #formGradients(
    table: Float32Array,
    event: EventView,
    sized: SizedKernels,
    count: number,
    weight: number,
  ): void {
    const gradients = this.#gradients;
    gradients.set(this.classes.raw);
    this.#statistics?.observe(table, event, sized.values);
    if (this.#statistics !== undefined || sized.ahead !== undefined) {
      this.#score(table, event, sized, count, gradients, true);
    }
    classGradients(this.#loss, gradients, this.classes, weight);
    if (!gradients.subarray(0, count).every(Number.isFinite)) throw divergence('the gradient of a class');
  }

  #step(
    table: Float32Array,
    event: EventView,
    sized: SizedKernels,
    count: number,
    learned: number | undefined,
  ): void {
    const factors = learned === undefined ? undefined : this.#counter!.factorsAt(learned);
    for (let c = 0; c < count; c++) {
      gatherRows(this.#layouts[c]!, table, event, sized);
      const stepped = sized.step(this.#gradients[c]!, factors);
      if (!allFinite(stepped)) throw divergence('a parameter after this step');
      if (this.#isSteep) requireScore(sized, stepped);
      if (this.#stepped[c]!.length < stepped.length) this.#stepped[c] = new Float32Array(stepped.length);
      this.#stepped[c]!.set(stepped);
    }
    for (let c = 0; c < count; c++) {
      scatter(this.#layouts[c]!, this.#stepped[c]!, table, event, sized.size);
    }
  }
}
