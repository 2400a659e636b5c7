/** A part of docs/quality.md: what it measures, as figures for programs and as text for people. */
export interface QualityOptions {
  /** Folder of the data. */
  readonly data: string;
  /** Python with the peers; undefined: nobody is asked. */
  readonly python: string | undefined;
  /** Cases or sets; all when empty. */
  readonly only: readonly string[];
  /** Whether what was measured is kept in the tree. */
  readonly write: boolean;
  say(sentence: string): void;
}

export interface QualityFigures {
  readonly figures: object;
  /** With a heading of its own. */
  readonly markdown: string;
}

export type QualityPart = (options: QualityOptions) => Promise<QualityFigures>;
