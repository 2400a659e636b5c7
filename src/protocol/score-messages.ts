/** Public messages about scores beside the prediction itself: explanations and rankings (docs/protocol.md). */
import type { Features, Freshness, Provenance } from './messages.ts';

/** What the raw score, from before the link of the loss, is the sum of: the contributions and the rest. */
export interface Explanation {
  readonly rawScore: number;
  /** Largest first, by size. */
  readonly contributions: readonly Contribution[];
  /** How many more there are, and what they come to, with what rounding and clipping of the score add. */
  readonly rest: { readonly features: number; readonly contribution: number };
}

export interface Contribution {
  /** `country=DE`, `user.age`, `vector[3]`, `country=DE*hour`, or `(intercept)`. */
  readonly name: string;
  /** Other features of the event that share its row, and so its weight: their values are added. */
  readonly also?: readonly string[];
  readonly value: number;
  readonly contribution: number;
}

export interface Candidate {
  /** Text of 1 to 256 characters, once in a request. */
  readonly id: string;
  readonly features: Features;
}

/** How a ranking departs from the order of the scores. */
export type Explore =
  | { readonly name: 'none' }
  | { readonly name: 'epsilon-greedy'; readonly epsilon?: number }
  | { readonly name: 'softmax'; readonly temperature?: number; readonly uncertainty?: number };

export interface RankRequest {
  /** Decides what is left to chance: a new one for each request. */
  readonly id?: string;
  /** Features that all candidates have. */
  readonly context?: Features;
  /** Milliseconds since the epoch; now when absent. */
  readonly time?: number;
  readonly candidates: readonly Candidate[];
}

export interface RankOptions extends Freshness {
  /** Places of the reply; all candidates when absent. */
  readonly top?: number;
  /** As configured (rank.explore) when absent. */
  readonly explore?: Explore;
}

export interface RankedItem {
  readonly id: string;
  /** As of a prediction. */
  readonly score: number;
  /** Probability with which the policy puts this candidate at this place, given those above it. */
  readonly propensity?: number;
}

export type Ranking = { readonly id: string; readonly items: readonly RankedItem[] } & Provenance;

export interface WeightsOptions {
  /** How many to tell; 20 when absent. */
  readonly top?: number;
  /** Latest events whose features are looked at; 1,000 when absent. */
  readonly events?: number;
}

export interface FeatureWeight {
  readonly name: string;
  /** Other features that were seen on the same row. */
  readonly also?: readonly string[];
  readonly weight: number;
}

export type Weights = {
  /** Events that were looked at, and rows that their features are on. */
  readonly events: number;
  readonly rows: number;
  /** Largest first, by size. */
  readonly weights: readonly FeatureWeight[];
} & Provenance;
