/**
 * A regression that is learned on a scaled label: z = (y - mean) / deviation by the label's running statistics (Welford
 * 1962), predictions scaled back by the same line. So the first steps fit labels of any size, where a step of the
 * optimiser's own size would take thousands of events to reach them.
 *
 * The statistics stand among the rows that all events share. They take a label before the step; the progressive score
 * is that from before it.
 */
import { type RowLayout, sharedAt, statisticsSlots } from '../model/row-layout.ts';
import { observe } from '../model/standardizer.ts';
import { allFinite, divergence, type EventView, finiteScore, type OnlineModel } from './online-model.ts';
import type { ScoreReading } from './score-reading.ts';
import type { KernelReport } from './size-classes.ts';

interface Line {
  readonly mean: number;
  readonly deviation: number;
}

export class StandardizedLabelModel implements OnlineModel {
  readonly layout: RowLayout;
  readonly #inner: OnlineModel;
  readonly #offset: number;
  readonly #seen = new Float32Array(statisticsSlots);

  constructor(inner: OnlineModel, labelStatisticsAt: number) {
    this.layout = inner.layout;
    this.#inner = inner;
    this.#offset = labelStatisticsAt;
  }

  report(): KernelReport {
    return this.#inner.report();
  }

  predict(table: Float32Array, event: EventView): number {
    const { mean, deviation } = lineAt(table, this.#placeOf(event));
    return finiteScore(mean + deviation * this.#inner.predict(table, event));
  }

  learn(table: Float32Array, event: EventView, label: number, weight: number): number {
    const place = this.#placeOf(event);
    const before = lineAt(table, place);
    const seen = this.#seen;
    seen.set(table.subarray(place, place + statisticsSlots));
    observe(seen, 0, label);
    if (!allFinite(seen)) throw divergence("the label's running variance");
    const { mean, deviation } = lineAt(seen, 0);
    const scaled = deviation > 0 ? (label - mean) / deviation : 0;
    const raw = this.#inner.learn(table, event, scaled, weight);
    table.set(seen, place);
    return before.mean + before.deviation * raw;
  }

  /** What the inner model's reading says, in units of the label; the mean belongs to the intercept. */
  readingOf(inner: ScoreReading, hasIntercept: boolean): ScoreReading {
    const { seen, weight, uncertainty } = inner;
    return {
      ...(seen && { seen }),
      contributions: (table, event, into) => {
        inner.contributions(table, event, into);
        const { mean, deviation } = lineAt(table, this.#placeOf(event));
        for (let i = 0; i < event.to - event.from; i++) into[i]! *= deviation;
        if (hasIntercept) into[0]! += mean;
      },
      ...(weight && {
        weight: (table, row) => {
          const { sharedKey, width } = this.layout;
          return lineAt(table, sharedKey * width + this.#offset).deviation * weight(table, row);
        },
      }),
      ...(uncertainty && {
        uncertainty: (table, event) =>
          lineAt(table, this.#placeOf(event)).deviation * uncertainty(table, event),
      }),
    };
  }

  #placeOf(event: EventView): number {
    return sharedAt(this.layout, event) + this.#offset;
  }
}

/** While all labels are one, that one is predicted. */
function lineAt(statistics: Float32Array, at: number): Line {
  return { mean: statistics[at + 1]!, deviation: Math.sqrt(statistics[at + 2]!) };
}
