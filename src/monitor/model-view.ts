/** What the monitor knows of one model: the last totals, a ring of earlier ones for windows and rates, merged histograms. */
import { bytesOf, doublesOf } from '../base/bytes.ts';
import { LatencyHistogram } from '../base/latency-histogram.ts';
import { sums } from '../model/metrics.ts';
import type { GapReport, LearnerReport, PredictorReport, Report, ShardReport } from '../protocol/internal.ts';
import type { ModelStatus, Quantiles } from '../protocol/messages.ts';

/** Totals at a moment, and when that was. */
interface Sample {
  readonly atMs: number;
  readonly learned: number;
  readonly totals: Float64Array;
}

/** What a status is made from. Totals are those of src/model/metrics.ts. */
export interface ModelViewData {
  readonly seq: number;
  readonly learned: number;
  readonly rejected: number;
  readonly excluded: number;
  readonly duplicates: number;
  readonly missing: number;
  /** The latest ranges of sequences that were gone from the stream. */
  readonly gaps: readonly (readonly [first: number, last: number])[];
  readonly eventsPerSecond: number;
  readonly totals: Uint8Array | undefined;
  readonly windowTotals: Uint8Array | undefined;
  readonly freshness: Quantiles;
  readonly predictions: ModelStatus['predictions'];
  readonly kernels: LearnerReport['kernels'] | undefined;
}

const samplesMax = 512;
const gapsMax = 16;
/** Over how long the rate is taken. */
const rateMs = 2_000;

export class ModelView {
  readonly #windowEvents: number;
  #shard: ShardReport | undefined;
  #samples: Sample[] = [];
  #kernels: LearnerReport['kernels'] | undefined;
  #gaps: readonly (readonly [number, number])[] = [];
  readonly #latency = new LatencyHistogram();
  readonly #freshness = new LatencyHistogram();
  readonly #predictions = { count: 0, failed: 0, shed: 0 };

  constructor(windowEvents: number) {
    this.#windowEvents = windowEvents;
  }

  take(report: Report, nowMs: number): void {
    if (report.kind === 'shard') this.#takeShard(report, nowMs);
    else if (report.kind === 'learner') this.#kernels = report.kernels;
    else if (report.kind === 'predictor') this.#takePredictor(report);
    else if (report.kind === 'gap') this.#takeGap(report);
  }

  data(nowMs: number): ModelViewData {
    const latest = this.#samples.at(-1);
    return {
      seq: this.#shard?.seq ?? 0,
      learned: this.#shard?.learned ?? 0,
      rejected: this.#shard?.rejected ?? 0,
      excluded: this.#shard?.excluded ?? 0,
      duplicates: this.#shard?.duplicates ?? 0,
      missing: this.#shard?.missing ?? 0,
      gaps: this.#gaps,
      eventsPerSecond: this.#rate(nowMs),
      totals: latest && bytesOf(latest.totals),
      windowTotals: latest && bytesOf(this.#window(latest)),
      freshness: this.#freshness.quantiles(),
      predictions: { ...this.#predictions, latency: this.#latency.quantiles() },
      kernels: this.#kernels,
    };
  }

  #takeShard(report: ShardReport, nowMs: number): void {
    const last = this.#shard;
    if (last !== undefined && report.epoch < last.epoch) return;
    // After a rollback the sums are those of another history: windows must not reach across.
    if (last !== undefined && (report.epoch > last.epoch || report.learned < last.learned))
      this.#samples = [];
    this.#shard = report;
    const sample = { atMs: nowMs, learned: report.learned, totals: doublesOf(report.totals) };
    // Of a quiet time the first and the last sample stay: the ring keeps its older ones, and the rate falls to 0.
    if (this.#samples.at(-2)?.learned === sample.learned) this.#samples.pop();
    this.#samples.push(sample);
    if (this.#samples.length > samplesMax)
      this.#samples = this.#samples.filter((_, place) => place % 2 === 0);
  }

  /** A batch that is learned again tells its gaps again. */
  #takeGap({ first, last }: GapReport): void {
    const others = this.#gaps.filter((gap) => gap[0] !== first || gap[1] !== last);
    this.#gaps = [...others, [first, last] as const].slice(-gapsMax);
  }

  #takePredictor(report: PredictorReport): void {
    this.#predictions.count += report.answered;
    this.#predictions.failed += report.failed;
    this.#predictions.shed += report.shed;
    if (report.latency !== undefined) this.#latency.merge(report.latency);
    if (report.freshness !== undefined) this.#freshness.merge(report.freshness);
  }

  /** The totals of the last `windowEvents` events or a little more: as samples allow. */
  #window(latest: Sample): Float64Array {
    const from = latest.totals[sums.events]! - this.#windowEvents;
    let start: Sample | undefined;
    for (const sample of this.#samples) if (sample.totals[sums.events]! <= from) start = sample;
    if (start === undefined) return latest.totals;
    const before = start.totals;
    return latest.totals.map((sum, at) => sum - before[at]!);
  }

  #rate(nowMs: number): number {
    const latest = this.#samples.at(-1);
    const start = this.#samples.findLast((sample) => sample.atMs <= nowMs - rateMs) ?? this.#samples[0];
    if (latest === undefined || start === undefined || nowMs <= start.atMs) return 0;
    return ((latest.learned - start.learned) * 1000) / (nowMs - start.atMs);
  }
}
