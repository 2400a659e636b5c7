/**
 * The public messages, as docs/protocol.md describes them. The same shapes travel as JSON (no header) or as
 * MessagePack (`Content-Type: application/msgpack`).
 */
import type { Quantiles } from '../base/latency-histogram.ts';
import type { Explanation } from './score-messages.ts';

export type { Quantiles };

/** A string is categorical, a number numeric, a boolean 0 or 1, an array of strings a bag, an array of numbers a dense block, null absent, an object a namespace, an array of pairs of a name and a number a namespace in order. */
export type FeatureValue =
  | string
  | number
  | boolean
  | null
  | readonly string[]
  | readonly number[]
  | readonly (readonly [name: string, value: number])[]
  | Features;
export interface Features {
  readonly [name: string]: FeatureValue;
}

/** A number, 0 or 1, or, of several classes, what names one. */
export type Label = number | boolean | string;

export interface LearnEvent {
  readonly id?: string;
  readonly features: Features;
  readonly label: Label;
  /** Importance; 1 when absent. */
  readonly weight?: number;
  /** Milliseconds since the epoch. */
  readonly time?: number;
}

export interface LabelEvent {
  readonly id: string;
  readonly label: Label;
  readonly weight?: number;
  readonly time?: number;
}

export interface Instance {
  readonly id?: string;
  readonly features: Features;
  /** Milliseconds since the epoch; now when absent. */
  readonly time?: number;
}

/** How new the state must be that a reply is made from. */
export interface Freshness {
  /** The reply must reflect this stream sequence (the receipt of a learn call). */
  readonly minSeq?: number;
  /** The reply must be from a replica that knew it was complete this recently. */
  readonly maxAgeMs?: number;
}

export interface PredictOptions extends Freshness {
  /** The reply says what each feature adds to the score. */
  readonly explain?: boolean;
  /** The reply says how little is known of features like these. */
  readonly uncertainty?: boolean;
}

/** What one prediction says of itself beside the numbers. */
export interface Provenance {
  readonly model: string;
  /** Checkpoint that the served state descends from; 0 is the empty model. */
  readonly version: number;
  /** Every event up to this stream sequence is in every parameter that was read. */
  readonly seq: number;
  /** Time since the replica last knew that it held all of the stream, ms. */
  readonly ageMs: number;
}

export interface Scored<Class extends Label = number> {
  readonly id: string;
  /** The class (0 or 1) for a binary model, the number for a regression, the most probable of several classes. */
  readonly prediction: Class;
  /** Binary: the probability of class 1. Regression: the prediction itself. Several classes: its probability. */
  readonly score: number;
  /** Of all classes that the model knows, by their text. */
  readonly probabilities?: Readonly<Record<string, number>>;
  /** u(x), when asked for: how far one more event like this could move the raw score, by what is known of its features. */
  readonly uncertainty?: number;
  /** When asked for. */
  readonly explanation?: Explanation;
}

/** `Class`: what a class of a multiclass model is; the others answer with a number. */
export type Prediction<Class extends Label = number> = Scored<Class> & Provenance;

/** An instance of a batch that cannot be served. */
export interface InstanceError {
  readonly id?: string;
  readonly error: { readonly code: number; readonly message: string };
}

export type BatchPrediction<Class extends Label = number> = {
  readonly predictions: readonly (Scored<Class> | InstanceError)[];
} & Provenance;

/** An event that was not learned, as it stands in the rejected stream. */
export interface RejectedEvent {
  readonly model: string;
  /** Position in the model's stream: sequence, and index in the array (0 for a single event). */
  readonly seq: number;
  readonly index: number;
  /** Key token of the message's subject, if it has one. */
  readonly key?: string;
  readonly code: number;
  readonly reason: string;
  /** The event as it came; the whole message (base64) when that could not be decoded. */
  readonly original: unknown;
  /** The message was refused as a whole. */
  readonly whole?: boolean;
  /** JSON does not say all of the original, which had NaN, infinity or bytes in it. */
  readonly inexact?: boolean;
  /** Stream time of the event, ms since the epoch. */
  readonly time: number;
}

/** Entries of the rejected stream in one request to retry or drop them. */
export const rejectedEntriesMax = 100;

/** Where an entry of the rejected stream stands in it, and since when (ISO 8601). */
export interface KeptAt {
  readonly entry: number;
  readonly at: string;
}

export type KeptRejection = KeptAt & RejectedEvent;

/** An entry without its original; long texts are cut. */
export interface RejectedSummary extends KeptAt {
  readonly seq: number;
  readonly index: number;
  readonly id?: string | number;
  readonly code: number;
  readonly reason: string;
}

export interface RejectedList {
  /** Newest first. */
  readonly events: readonly RejectedSummary[];
  /** There may be more below this entry. */
  readonly before?: number;
}

/** Why something was not done with an entry, which stays where it is. */
export interface EntryFailure {
  readonly entry: number;
  readonly error: { readonly code: number; readonly message: string };
}

export interface RetriedEvents {
  /** `seq`: where it stands in the event stream now. `duplicate`: an earlier try had got it there already. */
  readonly retried: readonly {
    readonly entry: number;
    readonly seq: number;
    readonly duplicate: boolean;
  }[];
  readonly failed: readonly EntryFailure[];
}

export interface DroppedEvents {
  readonly dropped: readonly number[];
  readonly failed: readonly EntryFailure[];
}

/** Sums over what was predicted before it was learned ("progressive validation"). */
export interface MetricsView {
  readonly events: number;
  readonly averageLoss: number | null;
  readonly logLoss: number | null;
  /** Log loss over the entropy of the base rate. */
  readonly normalizedEntropy: number | null;
  readonly accuracy: number | null;
  /** Several classes: the mean of their F1, where there are at most 45 of them. */
  readonly macroF1?: number | null;
  readonly auc: number | null;
  readonly mae: number | null;
  readonly rmse: number | null;
  /** Mean label so far: the base rate of a binary model. */
  readonly meanLabel: number | null;
}

export type ModelPhase = 'starting' | 'running' | 'paused' | 'switching' | 'failed' | 'stopping';

/** The server of the log has lost acked entries. Shown until it is acknowledged, or until a start that finds nothing new. */
export interface LogRegressionStatus {
  readonly kind: 'anew' | 'truncated' | 'regrown';
  /** First and last sequence that were learned, or left out, and that the log has lost. */
  readonly lost: readonly [number, number];
  /** Last sequence at which the log still is what was learned. */
  readonly agreesTo: number;
  /** The epoch that began because of it. */
  readonly epoch: number;
  /** When it was noticed. */
  readonly at: string;
  readonly detail: string;
}

/** Learning was stopped because a figure of the latest events has left its bound. Until an operator lets it go on. */
export interface GuardStop {
  readonly figure: 'averageLoss' | 'baseRate';
  readonly bound: 'averageLossMax' | 'baseRateMin' | 'baseRateMax';
  readonly value: number;
  readonly limit: number;
  /** Over how many events. */
  readonly events: number;
  readonly epoch: number;
  /** Everything up to here was learned when it was noticed. */
  readonly seq: number;
  readonly at: string;
  readonly detail: string;
}

export interface ModelStatus {
  readonly model: string;
  readonly phase: ModelPhase;
  /** Why, when failed. */
  readonly reason?: string;
  readonly regression?: LogRegressionStatus;
  /** Present while the guard has stopped learning. */
  readonly guard?: GuardStop;
  readonly task: string;
  readonly family: string;
  readonly optimizer: string;
  readonly epoch: number;
  readonly version: number;
  /** Events applied to the parameters, refused, and passed over by an exclusion, since the model was made. */
  readonly learned: number;
  readonly rejected: number;
  readonly excluded: number;
  /** Events that were not learned because their id had been, lately. */
  readonly duplicates: number;
  /** Rows in which differences of several learners came to more than float32 holds, and which stand at its limit since. */
  readonly saturated: number;
  /** Sequences that were gone from the stream before they were learned; and the latest ranges of them. */
  readonly missing: number;
  readonly gaps: readonly (readonly [first: number, last: number])[];
  /** Position up to which every event is in the parameters, and the stream's end. */
  readonly seq: number;
  readonly streamSeq: number;
  readonly lag: number;
  /** The event stream: when it is full, publishers are refused. */
  readonly stream: {
    readonly firstSeq: number;
    readonly messages: number;
    readonly bytes: number;
    readonly bytesMax: number;
  };
  readonly eventsPerSecond: number;
  readonly metrics: { readonly total: MetricsView; readonly window: MetricsView };
  /** From a publish to the first answer of a predictor that contains it. */
  readonly freshness: Quantiles;
  /** `shed`: refused because more was asked than could be served. */
  readonly predictions: {
    readonly count: number;
    readonly failed: number;
    readonly shed: number;
    readonly latency: Quantiles;
  };
  /** The gpu.js executor that really ran, as the learners report it, and why another was not taken. */
  readonly kernels: { readonly mode: string; readonly executor: string; readonly fallback?: string };
  readonly parameters: { readonly rows: number; readonly rowWidth: number; readonly bytes: number };
  readonly actors: { readonly shards: number; readonly learners: number; readonly predictors: number };
}

export interface ActorStatus {
  readonly name: string;
  readonly kind: string;
  readonly state: 'starting' | 'running' | 'backing-off' | 'stopping' | 'stopped' | 'failed';
  readonly restarts: number;
  readonly lastError?: string;
}

export interface ServerStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly nats: { readonly url: string; readonly version: string; readonly source: string };
  readonly models: readonly ModelStatus[];
  readonly actors: readonly ActorStatus[];
}

/** Where a recomputed state and a version differ first. */
export type ReplayDifference =
  | {
      readonly kind: 'row';
      readonly key: number;
      /** Place of the shard that owns the row among those of the version. */
      readonly shard: number;
      /** Place in the row. */
      readonly slot: number;
      readonly recomputed: number;
      readonly stored: number;
      /** Rows that differ in all. */
      readonly rows: number;
    }
  | {
      /** A count, or a progressive sum. */
      readonly kind: 'count' | 'sum';
      readonly name: string;
      readonly recomputed: number;
      readonly stored: number;
    };

export interface ReplayComparison {
  /** `counts`: only counts were compared, because several learners took part. */
  readonly compared: 'bits' | 'counts';
  readonly identical: boolean;
  readonly first?: ReplayDifference;
  readonly counts: { readonly recomputed: EventCounts; readonly stored: EventCounts };
  readonly averageLoss: { readonly recomputed: number | null; readonly stored: number | null };
}

export interface EventCounts {
  readonly learned: number;
  readonly rejected: number;
  readonly excluded: number;
}

export interface ReplayResult extends ReplayComparison {
  readonly version: number;
  /** Version that it was recomputed from; 0: from nothing. */
  readonly from: number;
  /** Last sequence in it. */
  readonly seq: number;
}

export interface UnlearnResult {
  readonly model: string;
  /** The version that was made. */
  readonly version: number;
  readonly from: number;
  readonly seq: number;
  readonly learned: number;
  readonly excluded: number;
  /** The epoch that serves it, when asked for. */
  readonly epoch?: number;
}

/** What reading all of a version has found. */
export interface VersionCheck {
  readonly version: number;
  /** What is damaged; absent when nothing is. */
  readonly problem?: string;
  readonly files: number;
  readonly bytes: number;
}

export interface VersionDifference {
  readonly from: VersionSummary;
  readonly to: VersionSummary;
  /** Names of the optimizer's numbers in a row; what stands behind them belongs to the feature. */
  readonly slots: readonly string[];
  readonly rows: {
    readonly same: number;
    readonly changed: number;
    readonly added: number;
    readonly removed: number;
    readonly largest: readonly {
      readonly key: number;
      readonly before?: readonly (number | null)[];
      readonly after?: readonly (number | null)[];
      /** Null where a number is not finite. */
      readonly change: number | null;
    }[];
  };
}

export interface VersionSummary {
  readonly version: number;
  readonly parent: number;
  readonly createdAt: string;
  readonly reason: string;
  readonly seq: number;
  readonly learned: number;
  readonly bytes: number;
  /** Version that this one is laid over; absent when it is full. */
  readonly base?: number;
  readonly current: boolean;
  readonly metrics: MetricsView;
}
