/**
 * What the demo's processes tell each other over the channel that Node gives a forked child. The parent says
 * how far the stream is; each child says how far it is, and its result before it ends.
 */
export interface ChildSpec {
  /** Of the NATS server. */
  readonly url: string;
  readonly events: number;
  /** Flights before the scoring begins. */
  readonly tenth: number;
  readonly rate: number;
}

/** From the parent. */
export interface Position {
  /** Flights that are in the stream. */
  readonly published: number;
  /** Sequence in the twin's stream that covers the first tenth; 0 until it is there. */
  readonly frozenSeq: number;
  /** Flights that the model has learned, as its status says. */
  readonly learned: number;
  /** Nothing more will come. */
  readonly ended: boolean;
}

export interface PublisherReport extends Position {
  /** Of the running base rate, after the first tenth; null until then. */
  readonly constantLogLoss: number | null;
}

export interface AskerReport {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface FrozenReport {
  readonly scored: number;
  readonly logLoss: number | null;
  readonly auc: number | null;
}

export type ChildMessage<Report> =
  | { readonly kind: 'progress'; readonly report: Report }
  | { readonly kind: 'result'; readonly report: Report }
  | { readonly kind: 'failed'; readonly message: string };
