/**
 * What an event says to aggregates (src/model/aggregates.ts): for each an entry behind its features, for the weight,
 * whose value is not known yet; and a reference to the rows of the event's group. The reference carries the number
 * that the event brings to the group; not a number when it brings none, or its label.
 *
 * A group is a hash of the values of its paths, so two groups may share rows, as two features may.
 */
import { MillraceError } from '../base/errors.ts';
import { finalize, hashByte, hashStart, hashText, separators } from '../base/hash.ts';
import { referenceParts } from '../base/row-references.ts';
import type { SparseVector } from '../base/sparse-vector.ts';

/** Where the rows of an aggregate are, and what it reads of an event. */
export interface AggregatePlace {
  readonly name: string;
  /** The label, or the path of a number. */
  readonly of: string;
  readonly by: readonly string[];
  readonly weightKey: number;
  /** Of the first group. */
  readonly firstKey: number;
  readonly rowsPerGroup: number;
  /** A power of two. */
  readonly groups: number;
}

export const labelOfEvent = 'label';

const float32Max = 3.4028234663852886e38;

/** Throws MillraceError that names the aggregate when a path leads to what is no group or no number. */
export function addAggregates(
  places: readonly AggregatePlace[],
  features: Readonly<Record<string, unknown>>,
  into: SparseVector,
): void {
  for (const { weightKey } of places) into.add(weightKey, 0, 1);
  for (const [index, place] of places.entries()) {
    const group = (groupOf(place, features) & (place.groups - 1)) >>> 0;
    const number = place.of === labelOfEvent ? Number.NaN : numberOf(place, features);
    const { firstKey, rowsPerGroup } = place;
    const first = firstKey + group * rowsPerGroup;
    into.references.add(referenceParts.aggregates, first, rowsPerGroup, number, 0, index);
  }
}

/** An absent value is a value of its own. */
function groupOf({ name, by }: AggregatePlace, features: Readonly<Record<string, unknown>>): number {
  let hash = hashStart;
  for (const path of by) {
    const value = valueAt(features, path);
    if (value === undefined || value === null) hash = hashByte(hash, separators.affix);
    else if (typeof value === 'string') hash = hashText(hashByte(hash, separators.value), value);
    else if (typeof value === 'number' || typeof value === 'boolean') {
      hash = hashText(hashByte(hash, separators.index), String(value));
    } else {
      throw new MillraceError(
        'badInput',
        `features.${path}: expected a text, a number or a boolean, which aggregate ${name} groups by`,
      );
    }
  }
  return finalize(hash);
}

function numberOf({ name, of }: AggregatePlace, features: Readonly<Record<string, unknown>>): number {
  const value = valueAt(features, of);
  if (value === undefined || value === null) return Number.NaN;
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number === 'number' && Math.abs(number) <= float32Max) return number;
  throw new MillraceError(
    'badInput',
    `features.${of}: expected a number within float32, of which aggregate ${name} is made`,
  );
}

/** "user.age" is a member of that name, or "age" in the namespace "user". */
function valueAt(record: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(record, path)) return record[path];
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const outer = path.slice(0, dot);
    const inner = Object.hasOwn(record, outer) ? record[outer] : undefined;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue;
    const found = valueAt(inner as Record<string, unknown>, path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
