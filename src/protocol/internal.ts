/**
 * The messages between actors: MessagePack, no header, one reply each. Row data travels as bytes of typed
 * arrays. None of this is public; its epoch makes sure that only actors of one start talk to each other.
 *
 *   learner -> shard       hello, pull, ids, push, commit, marker
 *   predictor -> shard     snapshot              shard -> predictor   delta
 *   checkpointer -> shard  openCut, image, blob, closeCut
 *   checkpointer -> learner  cut
 */
import type { ErrorKind } from '../base/errors.ts';

/** Who speaks: a learner of this epoch in its n-th life. Earlier lives are refused. */
export interface LearnerIdentity {
  readonly learner: number;
  readonly life: number;
}

export type HelloRequest = LearnerIdentity;
export interface HelloReply {
  /** End of the last batch of this learner that is committed here, 0 when none in this epoch. */
  readonly committedTo: number;
  /** End of the batch that is staged here, 0 when none. */
  readonly stagedTo: number;
  /** Float64 per partition. */
  readonly marks: Uint8Array;
  /** Float64 progressive sums (src/model/metrics.ts), from shard 0. */
  readonly sums: Uint8Array;
  /** Float64 anchors (log-anchor.ts) of the last entries that are in the parameters. */
  readonly anchors: Uint8Array;
}

export interface PullRequest extends LearnerIdentity {
  /** Commits the staged batch that ends here first; 0: nothing to commit. */
  readonly commit: number;
  /** Uint32 keys of this shard. */
  readonly keys: Uint8Array;
}
export interface PullReply {
  /** Float32 rows in the order of the keys. */
  readonly rows: Uint8Array;
}

/** To shard 0: which of these ids belong to events that were learned lately. Goes beside the pull. */
export interface IdsRequest extends LearnerIdentity {
  /** As with a pull: commits the staged batch that ends here first, so that its ids are known. */
  readonly commit: number;
  /** Uint32 pairs, high and low half; two zeros for an event without an id. */
  readonly ids: Uint8Array;
}
/** Places in the ring of recent ids (src/shard/recent-ids.ts). */
export interface IdsReply {
  /** Ids put into the ring so far. */
  readonly added: number;
  /** Uint32 indices of known ids in the request, and Float64 for each the place of its id. */
  readonly at: Uint8Array;
  readonly places: Uint8Array;
}

export interface PushRequest extends LearnerIdentity {
  /** Last sequence that the batch covers; names the batch. */
  readonly toSeq: number;
  /** Which part of the batch's rows this is; the batch is staged when all have come. */
  readonly part: number;
  readonly parts: number;
  readonly keys: Uint8Array;
  /** Values with one learner, differences with several (src/model/row-join.ts). */
  readonly rows: Uint8Array;
  /** Shard 0 only. Uint32 pairs: the ids of learned events, in order, those of all parts together. */
  readonly ids?: Uint8Array;
  /** Rides on the last part. */
  readonly tally?: BatchTally;
}

/**
 * What becomes of an event; every event of the log that is in the parameters' past is counted under one of these.
 * `missing` counts sequences, for of what is gone nobody knows how many events it was.
 */
export const countNames = ['learned', 'rejected', 'excluded', 'duplicates', 'missing'] as const;
export type CountName = (typeof countNames)[number];
export type Counts = Readonly<Record<CountName, number>>;

/** What a batch adds besides rows. */
export interface BatchTally extends Counts {
  /** Float64 anchor of the batch's last entry (log-anchor.ts). */
  readonly anchor?: Uint8Array;
  /** Shard 0 only. Float64 sums: totals with one learner, differences with several. */
  readonly sums?: Uint8Array;
  /** Shard 0 only. Uint16 indices into the totals to count up by one (src/model/metrics.ts). */
  readonly buckets?: Uint8Array;
  /** Shard 0 only. Float64 pairs (sequence, broker time ms) of the messages, for freshness. */
  readonly stamps?: Uint8Array;
}

export interface CommitRequest extends LearnerIdentity {
  readonly toSeq: number;
}

export interface DropRequest extends LearnerIdentity {}

export interface MarkerRequest extends LearnerIdentity {
  readonly cut: string;
}

export interface Delta {
  /** 1, 2, 3 ... per life of a shard; a gap means that something was lost. A heartbeat repeats the last one. */
  readonly number: number;
  /** Tells one life of a shard from the next. */
  readonly source: string;
  /** Every event up to here is in the rows of this shard. */
  readonly seq: number;
  readonly keys: Uint8Array;
  readonly rows: Uint8Array;
  readonly stamps?: Uint8Array;
}

export interface SnapshotRequest {
  /** First key wanted. */
  readonly from: number;
}
export interface SnapshotReply {
  readonly source: string;
  /** Number of the last delta published when this was read. */
  readonly number: number;
  readonly seq: number;
  /** Rows that are not all zero. */
  readonly keys: Uint8Array;
  readonly rows: Uint8Array;
  /** Where to go on; absent at the end. */
  readonly next?: number;
}

export interface OpenCutRequest {
  readonly cut: string;
  readonly timeoutMs: number;
}
/** Comes when every learner's marker is in. */
export interface OpenCutReply extends Counts {
  readonly marks: Uint8Array;
  /** Float64 anchors of the learners' last entries. */
  readonly anchors: Uint8Array;
  readonly totals: Uint8Array;
  /** Version from which this shard counts touched rows; 0 when it does not know. */
  readonly countedFrom: number;
  /** Names of the blobs that this shard adds to the version; a name comes from one shard. */
  readonly blobs: readonly string[];
}
export interface ImageRequest {
  readonly cut: string;
  readonly from: number;
  /** Only rows touched since the version that they are counted from. */
  readonly touched: boolean;
}
export interface ImageReply {
  readonly keys: Uint8Array;
  readonly rows: Uint8Array;
  readonly next?: number;
}
export interface BlobRequest {
  readonly cut: string;
  readonly name: string;
  /** First byte wanted. */
  readonly from: number;
}
export interface BlobReply {
  readonly bytes: Uint8Array;
  readonly next?: number;
}
export interface CloseCutRequest {
  readonly cut: string;
  /** What was stored of the cut; absent when nothing was. */
  readonly version?: number;
}
export interface CloseCutReply {
  /** Memory that holding the rows still took. */
  readonly keptBytes: number;
}

export interface CutRequest {
  readonly cut: string;
}

export interface PauseRequest {
  readonly paused: boolean;
}

/** Sequences that a rollback left out, first and last. */
export type LeftOut = readonly [first: number, last: number];

/** To one predictor: serve this state from now on. */
export interface ServedState {
  readonly epoch: number;
  readonly version: number;
  readonly leftOut: readonly LeftOut[];
}

/** Checkpoint request to a model's checkpointer. */
export interface MakeVersionRequest {
  /** The same in every repetition of one request. */
  readonly id: string;
  readonly reason: 'events' | 'time' | 'command' | 'stop';
}
/** A version that could not be made is an answer too: only one that is lost is asked for again. */
export type MakeVersionReply =
  | { readonly version: number }
  | { readonly refused: { readonly kind: ErrorKind; readonly message: string } };

/**
 * Events that learners pass over. One is done, and neither learned nor rejected. A position is an event, or a
 * whole message without an index, that was given up as poisonous. The others are for unlearning: events up to a
 * sequence with this id (their own, or their message's Nats-Msg-Id), this key, or this feature (`name`, or
 * `name=value`).
 */
export type Exclusion =
  | { readonly kind: 'position'; readonly seq: number; readonly index?: number }
  | { readonly kind: 'id' | 'key' | 'feature'; readonly value: string; readonly untilSeq: number };

/** Everything beside the log that decides parameters (config/learning-settings.ts). */
export interface LearningSettings {
  readonly definition: unknown;
  readonly limits: {
    readonly featuresMax: number;
    readonly depthMax: number;
    readonly eventsPerMessageMax: number;
    readonly featuresPerMessageMax: number;
  };
  readonly dedupe: { readonly idsMax: number };
  readonly learners: number;
}

export const epochReasons = ['start', 'rollback', 'reset', 'exclude', 'regression'] as const;

/**
 * A stream's control entry: what starts here. JSON, since it is part of the log for ever. The entries are a chain
 * (`from`), from which a replay knows what every epoch learned, with which settings.
 */
export interface EpochEntry {
  readonly kind: 'epoch';
  readonly reason: (typeof epochReasons)[number];
  /** Version that the epoch starts from, or the last one before it when it goes on from the parameters in memory; 0 is the empty model. */
  readonly base: number;
  /** The epoch that made the state which this one starts from, and the marks of that state, one where all are equal. Absent for the empty model. */
  readonly from?: { readonly epoch: number; readonly marks: readonly number[] };
  /** Events up to this sequence are left out; 0: the state's own marks count. */
  readonly skipTo: number;
  readonly leftOut: readonly LeftOut[];
  /** What learners of this epoch pass over; later epochs carry it on. */
  readonly exclusions: readonly Exclusion[];
  /** The state was recomputed from the log without these (a version that unlearned). */
  readonly unlearned?: readonly Exclusion[];
  /** How often the log had lost acked entries before; absent: never. Part of the epoch's number (epoch-number.ts). */
  readonly incarnation?: number;
  /** Sequences, first and last, that the state holds and the log has lost: those in the log now are other events, and are learned. */
  readonly lost?: readonly [number, number];
  readonly fingerprint: string;
  /** Absent in entries of Millrace 0.1. */
  readonly settings?: LearningSettings;
  /** What is set otherwise than in the version before. */
  readonly changes?: readonly { readonly path: string; readonly from?: unknown; readonly to?: unknown }[];
}

/** To a model's checkpointer: store the version that lies in this file. */
export interface ImportVersionRequest {
  readonly path: string;
}

/** Reports of actors to the monitor. */
export interface ShardReport extends Counts {
  readonly kind: 'shard';
  readonly model: string;
  readonly epoch: number;
  readonly seq: number;
  readonly totals: Uint8Array;
}
export interface LearnerReport {
  readonly kind: 'learner';
  readonly model: string;
  readonly learner: number;
  readonly kernels: { readonly mode: string; readonly executor: string; readonly fallback?: string };
}
export interface PredictorReport {
  readonly kind: 'predictor';
  readonly model: string;
  readonly epoch: number;
  readonly predictor: number;
  readonly seq: number;
  readonly version: number;
  /** Since the last report: answers, refusals, and their histograms (HdrHistogram V2, microseconds). */
  readonly answered: number;
  readonly failed: number;
  readonly shed: number;
  readonly latency: string | undefined;
  readonly freshness: string | undefined;
}
/** From the supervisor: how many predictors of a model are at work. */
export interface PredictorsReport {
  readonly kind: 'predictors';
  readonly model: string;
  readonly running: number;
}
/** The stream no longer held these sequences when a learner came to them. */
export interface GapReport {
  readonly kind: 'gap';
  readonly model: string;
  readonly first: number;
  readonly last: number;
}
export type Report = GapReport | ShardReport | LearnerReport | PredictorReport | PredictorsReport;

/** To a predictor: its largest weights, with names from as many of the latest events and messages at most. */
export interface WeightsQuery {
  readonly top: number;
  readonly events: number;
}
