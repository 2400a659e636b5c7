/** What a predictor counts of its answers, until it is taken for a report. */
import type { MillraceError } from '../base/errors.ts';
import { LatencyHistogram } from '../base/latency-histogram.ts';

export class AnswerTally {
  #answered = 0;
  #failed = 0;
  #shed = 0;
  readonly #latency = new LatencyHistogram();

  /** Of what is shed the latency says nothing: it is told at once. */
  count(refusal: MillraceError | undefined, tookMs: number): void {
    if (refusal?.kind === 'overloaded') {
      this.#shed++;
      return;
    }
    this.#latency.recordMs(tookMs);
    if (refusal === undefined) this.#answered++;
    else this.#failed++;
  }

  /** What was counted since the last time. */
  take() {
    const taken = {
      answered: this.#answered,
      failed: this.#failed,
      shed: this.#shed,
      latency: this.#latency.take(),
    };
    this.#answered = this.#failed = this.#shed = 0;
    return taken;
  }
}
