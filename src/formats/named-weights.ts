/** A linear model that was trained elsewhere: a weight for each feature, by name. */
export interface NamedWeights {
  /** Of the constant feature; undefined when the model has none. */
  readonly intercept: FeatureWeight | undefined;
  readonly weights: ReadonlyMap<string, FeatureWeight>;
  /** How names are written. */
  readonly naming: 'vw' | 'json';
  /** Whether scores were clipped to [-50, 50], as with a logistic loss, or to labels; where the file says so. */
  readonly clip?: 'logits' | 'labels';
  /** Least and greatest label of the training. */
  readonly labels?: { readonly least: number; readonly greatest: number };
  /** Of the normalised adaptive gradient: weight of all events, and sum of their norms. */
  readonly sums?: { readonly weight: number; readonly norm: number };
}

export interface FeatureWeight {
  readonly weight: number;
  /** Of the normalised adaptive gradient: sum of squares, and scale. */
  readonly squares?: number;
  readonly scale?: number;
}
