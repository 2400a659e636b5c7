/**
 * L1 and L2 for the normalised adaptive gradient, as Vowpal Wabbit: with each step all weights shrink and are drawn
 * towards 0, in effect; only those of the event are touched.
 *
 *   eta = u / -g, the length of the step;   D -= ln(1 - l2 eta);   A += l1 eta
 *   a weight that was stored at D_i counts as v = w e^(D_i - D), and in a score as v drawn towards 0 by A e^-D
 *
 * D, a sum of two float32 numbers (exact-sum.ts), and A lie in the third reserved row; D_i in the fourth slot of a row.
 * Two learners' rows do not join (config/optimizer-schema.ts).
 */
import { storeSum, sumAt } from '../model/exact-sum.ts';
import { type NagConfig, nagStateRows } from '../model/optimizers/nag.ts';
import { drawn } from '../model/optimizers/penalty.ts';
import type { RowLayout } from '../model/row-layout.ts';
import { type EventBuffers, type EventView, finiteScore } from './online-model.ts';
import { type ScoreReading, seenValue } from './score-reading.ts';

/** However strong L2 is, a step leaves so much of a weight. */
const leastKept = 1e-3;

const decaySlot = 3;

export class NagPenalty {
  readonly #layout: RowLayout;
  readonly #l1: number;
  readonly #l2: number;
  /** Where among an event's entries the reserved rows stand, and the first entry behind them. */
  readonly #stateAt: number;
  readonly #featuresAt: number;
  #weights = new Float32Array(0);

  constructor(layout: RowLayout, { l1 = 0, l2 = 0 }: NagConfig, stateAt: number) {
    this.#layout = layout;
    this.#l1 = l1;
    this.#l2 = l2;
    this.#stateAt = stateAt;
    this.#featuresAt = stateAt + layout.stateRows;
  }

  /** The weights, in plane 0, as they count now. */
  shrink(table: Float32Array, event: EventView, { rows }: EventBuffers): void {
    const now = this.#decay(table, event);
    for (let i = 0; i < event.to - event.from; i++) {
      if (this.#isFeature(i)) rows[i] = rows[i]! * Math.exp(table[this.#decayAt(event, i)]! - now);
    }
  }

  /** The score of weights drawn towards 0; plane 0 is as it was afterwards. */
  score(table: Float32Array, event: EventView, sized: EventBuffers & { score(): number }): number {
    const by = this.#drawnBy(table, event);
    if (by === 0) return finiteScore(sized.score());
    const { size, rows } = sized;
    if (this.#weights.length < size) this.#weights = new Float32Array(size);
    this.#weights.set(rows.subarray(0, size));
    for (let i = 0; i < event.to - event.from; i++) rows[i] = drawn(rows[i]!, by);
    const score = finiteScore(sized.score());
    rows.set(this.#weights.subarray(0, size));
    return score;
  }

  /** How long a step is, and what it leaves of the weights: taken off plane 0 before the step is made. */
  step(derivative: number, update: number, { size, rows }: EventBuffers): NagPenaltyStep {
    const isStep = Math.abs(derivative) > 1e-8 && Math.abs(update) > 1e-8;
    const length = isStep ? -update / derivative : 0;
    const kept = Math.max(leastKept, 1 - this.#l2 * length);
    for (let i = 0; i < size; i++) if (this.#isFeature(i)) rows[i] = rows[i]! * kept;
    return { length, kept };
  }

  store(table: Float32Array, event: EventView, { length, kept }: NagPenaltyStep): void {
    const at = this.#stateOf(event);
    const decay = this.#decay(table, event) - Math.log(kept);
    storeSum(table, at, at + 1, decay);
    table[at + 2] = table[at + 2]! + this.#l1 * length;
    for (let i = 0; i < event.to - event.from; i++) {
      if (this.#isFeature(i)) table[this.#decayAt(event, i)] = decay;
    }
  }

  reading(): ScoreReading {
    return {
      contributions: (table, event, into) => {
        const now = this.#decay(table, event);
        const by = this.#drawnBy(table, event);
        for (let i = 0; i < event.to - event.from; i++) {
          const at = this.#decayAt(event, i);
          const weight = table[at - decaySlot]! * Math.exp(table[at]! - now);
          const x = seenValue(this.#layout, table, event, event.from + i);
          into[i] = this.#isFeature(i) ? drawn(weight, by) * x : 0;
        }
      },
    };
  }

  #isFeature(i: number): boolean {
    return i < this.#stateAt || i >= this.#featuresAt;
  }

  #stateOf(event: EventView): number {
    const row = event.rows[event.from + this.#stateAt + nagStateRows]!;
    return row * this.#layout.width + this.#layout.offset;
  }

  #decay(table: Float32Array, event: EventView): number {
    const at = this.#stateOf(event);
    return sumAt(table, at, at + 1);
  }

  #drawnBy(table: Float32Array, event: EventView): number {
    return table[this.#stateOf(event) + 2]! * Math.exp(-this.#decay(table, event));
  }

  #decayAt(event: EventView, i: number): number {
    return event.rows[event.from + i]! * this.#layout.width + this.#layout.offset + decaySlot;
  }
}

export interface NagPenaltyStep {
  readonly length: number;
  readonly kept: number;
}
