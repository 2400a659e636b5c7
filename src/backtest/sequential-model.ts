/**
 * One model in one table, learned event by event in one loop, with no actors, no batches and no broker. It is
 * what a server's parameters must equal bit for bit after the same log (one learner), so it serves as the
 * oracle of tests and as the engine of backtests.
 */
import type { ClassLabel } from '../../config/class-label.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { SparseVector } from '../base/sparse-vector.ts';
import { fingerprintOfRows } from '../checkpoint/fingerprint.ts';
import { type BuiltModel, buildModel } from '../kernels/build-model.ts';
import { type EventView, viewOf } from '../kernels/online-model.ts';
import type { KernelReport } from '../kernels/size-classes.ts';
import { learnableEvent } from '../learner/events.ts';
import { idNameOf, LearnedIds } from '../learner/learned-ids.ts';
import { lossFunction } from '../model/losses.ts';
import { addPrediction, metricsView, totalsLength } from '../model/metrics.ts';
import { memoryOfRows } from '../model/table-memory.ts';
import type { MetricsView } from '../protocol/messages.ts';
import { chunksOfTable } from '../shard/row-chunks.ts';

/** One progressive step: what was predicted, and then learned. */
export interface Step {
  /** Raw score from before the step; of several classes that of the one that was chosen. */
  readonly raw: number;
  readonly label: ClassLabel;
  /** The one that was chosen of several classes; undefined while none is known. */
  readonly chosen?: ClassLabel | undefined;
  readonly weight: number;
  /** Of the raw score, by the model's loss, without the weight. */
  readonly loss: number;
  /** Distinct hashed features, the intercept among them. */
  readonly features: number;
}

export class SequentialModel {
  readonly table: Float32Array;
  /** Progressive sums and histogram (src/model/metrics.ts). */
  readonly totals = new Float64Array(totalsLength);
  learned = 0;
  /** Events that count in the metrics. */
  predicted = 0;
  rejected = 0;
  duplicates = 0;
  readonly #ids: LearnedIds;
  /** Ids of events that were predicted and are not learned yet. */
  readonly #open = new Set<string>();
  readonly #built: BuiltModel;
  readonly #vector: SparseVector;

  /** `ids`: of events that were learned before, where the table is not to begin empty. */
  constructor(config: ModelConfig, built = buildModel(config), ids = new LearnedIds(config.dedupe.idsMax)) {
    this.#built = built;
    const { keyCount, width } = this.#built.model.layout;
    this.table = memoryOfRows(keyCount, width, () => new Float32Array(keyCount * width));
    this.#vector = this.#built.featurizer.vector();
    this.#ids = ids;
  }

  get width(): number {
    return this.#built.model.layout.width;
  }

  /** Of the last learned events, oldest first. */
  get ids(): readonly string[] {
    return this.#ids.ids;
  }

  get metrics(): MetricsView {
    return metricsView(this.totals, this.#built.definition);
  }

  /** Equal to that of a server with these parameters. */
  get fingerprint(): string {
    return fingerprintOfRows(chunksOfTable(this.table, this.width));
  }

  get kernels(): KernelReport {
    return this.#built.model.report();
  }

  /** One event as it came. Throws MillraceError, with nothing changed, when it cannot be learned. */
  step(item: unknown): Step {
    const { view, label, weight } = this.#read(item);
    const raw = this.#built.model.learn(this.table, view, label, weight);
    this.learned++;
    return this.#predicted(raw, view, label, weight);
  }

  /**
   * The first half of a step where the label comes later: the prediction, which counts from now on. Undefined when an
   * event of its id was learned lately or waits for its label. Throws MillraceError when it cannot be learned.
   */
  predictOnce(item: unknown): Step | undefined {
    const { view, label, weight } = this.#read(item);
    const id = idNameOf(item);
    if (this.#ids.has(id) || (id !== undefined && this.#open.has(id))) {
      this.duplicates++;
      return undefined;
    }
    const raw = this.#built.model.predict(this.table, view);
    this.#built.model.classes?.judge(label);
    if (id !== undefined) this.#open.add(id);
    return this.#predicted(raw, view, label, weight);
  }

  /** The second half, when the label is there. Throws MillraceError, with nothing changed, when it cannot be learned. */
  learnPredicted(item: unknown): void {
    const id = idNameOf(item);
    if (id !== undefined) this.#open.delete(id);
    const { view, label, weight } = this.#read(item);
    this.#built.model.learn(this.table, view, label, weight);
    this.learned++;
    this.#ids.add(id);
  }

  #read(item: unknown): { readonly view: EventView; readonly label: ClassLabel; readonly weight: number } {
    const { task, classWeights } = this.#built.definition;
    const { features, label, weight, time } = learnableEvent(item, task, classWeights);
    this.#requireTime(time);
    return { view: this.#viewOf(features, time), label, weight };
  }

  #predicted(raw: number, view: EventView, label: ClassLabel, weight: number): Step {
    const { definition, model } = this.#built;
    const { classes } = model;
    addPrediction(this.totals, definition, raw, label, weight, classes);
    this.predicted++;
    const step = { raw, label, weight, features: view.to - model.layout.stateRows };
    if (classes !== undefined) return { ...step, chosen: classes.labels[classes.best], loss: classes.loss };
    return { ...step, loss: lossFunction(definition.loss).value(raw, label as number) };
  }

  /** The same; undefined when an event of its id was learned lately, which is counted. */
  stepOnce(item: unknown): Step | undefined {
    if (this.#ids.has(idNameOf(item))) {
      this.#viewOf(learnableEvent(item, this.#built.definition.task).features);
      this.duplicates++;
      return undefined;
    }
    const step = this.step(item);
    this.#ids.add(idNameOf(item));
    return step;
  }

  /** As a server does: what cannot be learned is counted, too. */
  learn(item: unknown): void {
    try {
      this.stepOnce(item);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      this.rejected++;
    }
  }

  /** A message from which no event could be taken. */
  refuse(): void {
    this.rejected++;
  }

  /** What a reply calls `score`, for an instance of this time. */
  score(features: unknown, time?: number): number {
    const { definition, model } = this.#built;
    const raw = model.predict(this.table, this.#viewOf(features, time));
    const { classes } = model;
    return classes === undefined
      ? lossFunction(definition.loss).link(raw)
      : classes.probabilities[classes.best]!;
  }

  /** Keys and values of an event's features. */
  keysOf(features: unknown): { readonly key: number; readonly value: number }[] {
    const { rows, values, to } = this.#viewOf(features);
    return Array.from({ length: to }, (_, i) => ({ key: rows[i]!, value: values[i]! }));
  }

  /** Keys of all rows that an event's prediction depends on. */
  rowsOf(features: unknown): number[] {
    const { rows, to, references } = this.#viewOf(features);
    const keys = [...rows.subarray(0, to)];
    if (references === undefined) return keys;
    const { firsts, lengths } = references.of;
    for (let at = references.from; at < references.to; at++)
      for (let row = 0; row < lengths[at]!; row++) keys.push(firsts[at]! + row);
    return keys;
  }

  /** In a stream an event without a time has the broker's; here there is none. */
  #requireTime(time: number | undefined): void {
    if (time !== undefined) return;
    const { aggregates = [], exactIds } = this.#built.definition.features;
    const timed = aggregates.find(({ window }) => window?.ms !== undefined);
    if (timed !== undefined)
      throw new MillraceError('badInput', `time: missing, and aggregate ${timed.name} has a window of time`);
    if (exactIds !== undefined && exactIds.expireAfterMs > 0)
      throw new MillraceError('badInput', 'time: missing, and features.exactIds expire by it');
  }

  #viewOf(features: unknown, time = 0): EventView {
    this.#built.featurizer.featurize(features, this.#vector);
    return viewOf(this.#vector, time);
  }
}
