/**
 * L1 and L2 for rules with a weight and a step size: the gradient grows by `l2 w`, and after the step the weight is
 * drawn towards 0 by `l1` times the step size of its coordinate, and stops there (FOBOS: Duchi, Singer 2009). Both
 * touch an event's own features, and never the intercept.
 */
interface Penalties {
  readonly l1?: number | undefined;
  readonly l2?: number | undefined;
}

export interface Penalty {
  readonly l1: number;
  readonly l2: number;
}

const none: Penalty = { l1: 0, l2: 0 };

export const penaltyOf = ({ l1 = 0, l2 = 0 }: Penalties, intercept: boolean): Penalty =>
  intercept ? none : { l1, l2 };

export function drawn(weight: number, by: number): number {
  if (by <= 0) return weight;
  if (weight > by) return weight - by;
  return weight < -by ? weight + by : 0;
}
