/** How a family makes raw scores of an event from what the file holds of its features. */

import { fmFamily } from './fm-family.ts';
import type { EdgeParts } from './format.ts';
import { linearFamily } from './linear-family.ts';
import { networkFamily } from './network-family.ts';

/** Entries of one event, in its order. `rows[i]` is a row of the file, negative where it has none; values are as the model sees them. */
export interface EdgeEvent {
  readonly count: number;
  readonly keys: Uint32Array;
  readonly rows: Int32Array;
  readonly values: Float64Array;
}

export interface EdgeFamily {
  /**
   * Into `raw` each score, and into `errors` how far at most it may be off because stored numbers were rounded; 0 where
   * they were not.
   */
  score(event: EdgeEvent, raw: Float64Array, errors: Float64Array): void;
}

export function familyOf(parts: EdgeParts): EdgeFamily {
  const { family } = parts.header;
  switch (family.name) {
    case 'linear':
      return linearFamily(parts);
    case 'fm':
    case 'mf':
      return fmFamily(parts, family);
    case 'network':
      return networkFamily(parts, family);
  }
}
