/** Latencies in microseconds, 1 us to 10 minutes with two significant digits, that can travel and be merged (HdrHistogram). */
import * as hdr from 'hdr-histogram-js';

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const highestUs = 600_000_000;

export class LatencyHistogram {
  readonly #histogram = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: 2,
  });

  recordMs(ms: number): void {
    this.#histogram.recordValue(Math.min(highestUs, Math.max(1, Math.round(ms * 1000))));
  }

  /** What was recorded since the last call, as text; undefined when nothing was. */
  take(): string | undefined {
    if (this.#histogram.totalCount === 0) return undefined;
    const text = hdr.encodeIntoCompressedBase64(this.#histogram);
    this.#histogram.reset();
    return text;
  }

  merge(taken: string): void {
    this.#histogram.add(hdr.decodeFromCompressedBase64(taken));
  }

  quantiles(): Quantiles {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    const count = this.#histogram.totalCount;
    if (count === 0) return { count, p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 };
    return { count, p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), maxMs: this.#histogram.maxValue / 1000 };
  }
}
