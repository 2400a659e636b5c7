/**
 * The figures of the latest events, and whether they are within a model's bounds. Windows are differences of the
 * progressive sums, as reports of the shards bring them: of `windowEvents` events, or a little more. Nothing is judged
 * before so many were learned since the window began: with each epoch, and when an operator lets learning go on.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { sums } from '../model/metrics.ts';

export type GuardBounds = ModelConfig['guard'];

/** A figure of the window, and the bound that it has left. */
export interface Breach {
  readonly figure: 'averageLoss' | 'baseRate';
  readonly bound: 'averageLossMax' | 'baseRateMin' | 'baseRateMax';
  readonly value: number;
  readonly limit: number;
  /** In the window. */
  readonly events: number;
}

interface Sample {
  readonly events: number;
  readonly weight: number;
  readonly loss: number;
  readonly label: number;
}

/** A window is made of at most about so many samples. */
const samplesPerWindow = 256;

export class GuardWindow {
  readonly #bounds: GuardBounds;
  #samples: Sample[] = [];
  #epoch = 0;

  constructor(bounds: GuardBounds) {
    this.#bounds = bounds;
  }

  /** From the events known last on. */
  restart(): void {
    this.#samples = this.#samples.slice(-1);
  }

  /** Progressive sums as they are now (src/model/metrics.ts). */
  take(epoch: number, totals: Float64Array): Breach | undefined {
    const now = sampleOf(totals);
    const last = this.#samples.at(-1);
    if (epoch !== this.#epoch || (last !== undefined && now.events < last.events)) this.#samples = [];
    this.#epoch = epoch;
    this.#add(now);
    const [start] = this.#samples;
    const events = now.events - start!.events;
    if (events < this.#bounds.windowEvents) return undefined;
    return breachIn(this.#bounds, start!, now, events);
  }

  #add(now: Sample): void {
    const samples = this.#samples;
    const { windowEvents } = this.#bounds;
    const beforeLast = samples.at(-2);
    if (beforeLast !== undefined && now.events - beforeLast.events < windowEvents / samplesPerWindow)
      samples.pop();
    samples.push(now);
    const from = samples.findLastIndex(({ events }) => events <= now.events - windowEvents);
    if (from > 0) samples.splice(0, from);
  }
}

const sampleOf = (totals: Float64Array): Sample => ({
  events: totals[sums.events]!,
  weight: totals[sums.weight]!,
  loss: totals[sums.loss]!,
  label: totals[sums.label]!,
});

/** A figure that is not a number has left every bound. */
function breachIn(bounds: GuardBounds, start: Sample, end: Sample, events: number): Breach | undefined {
  const weight = end.weight - start.weight;
  if (weight <= 0) return undefined;
  const averageLoss = (end.loss - start.loss) / weight;
  const baseRate = (end.label - start.label) / weight;
  const { averageLossMax, baseRateMin, baseRateMax } = bounds;
  if (averageLossMax !== undefined && !(averageLoss <= averageLossMax))
    return {
      figure: 'averageLoss',
      bound: 'averageLossMax',
      value: averageLoss,
      limit: averageLossMax,
      events,
    };
  if (baseRateMin !== undefined && !(baseRate >= baseRateMin))
    return { figure: 'baseRate', bound: 'baseRateMin', value: baseRate, limit: baseRateMin, events };
  if (baseRateMax !== undefined && !(baseRate <= baseRateMax))
    return { figure: 'baseRate', bound: 'baseRateMax', value: baseRate, limit: baseRateMax, events };
  return undefined;
}
