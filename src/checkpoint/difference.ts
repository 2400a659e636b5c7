/** Which rows differ between two versions of one size, and where they differ most. Takes the memory of a piece of each. */
import { MillraceError } from '../base/errors.ts';
import { fullImages } from './full-images.ts';
import type { CheckpointStore, Manifest, ShardImage } from './store.ts';

export interface RowChange {
  readonly key: number;
  /** The row in either version; absent where it is zero. */
  readonly before?: readonly number[];
  readonly after?: readonly number[];
  /** Largest difference of one number; Infinity where one is not finite. */
  readonly change: number;
}

export interface Difference {
  readonly same: number;
  readonly changed: number;
  /** Rows that were zero before, or are zero now. */
  readonly added: number;
  readonly removed: number;
  /** Largest first; by key where they are equal. */
  readonly largest: readonly RowChange[];
}

export async function differenceOf(
  store: CheckpointStore,
  before: Manifest,
  after: Manifest,
  largestMax: number,
): Promise<Difference> {
  if (before.keyCount !== after.keyCount || before.rowWidth !== after.rowWidth) {
    const sizes = [before, after].map(({ keyCount, rowWidth }) => `${keyCount} rows of ${rowWidth}`);
    throw new MillraceError(
      'conflict',
      `versions ${before.version} and ${after.version} cannot be compared: ${sizes.join(' and ')}`,
    );
  }
  const [left, right] = [new RowCursor(fullImages(store, before)), new RowCursor(fullImages(store, after))];
  const counts = { same: 0, changed: 0, added: 0, removed: 0 };
  const largest = new Largest(largestMax);
  let [from, to] = [await left.next(), await right.next()];
  while (from !== undefined || to !== undefined) {
    const key = Math.min(from?.key ?? Number.POSITIVE_INFINITY, to?.key ?? Number.POSITIVE_INFINITY);
    const old = from?.key === key ? from.row : undefined;
    const now = to?.key === key ? to.row : undefined;
    const change = changeOf(old, now, before.rowWidth);
    if (change === undefined) counts.same++;
    else {
      counts[old === undefined ? 'added' : now === undefined ? 'removed' : 'changed']++;
      largest.add({ key, ...(old && { before: [...old] }), ...(now && { after: [...now] }), change });
    }
    if (old !== undefined) from = left.step() ?? (await left.next());
    if (now !== undefined) to = right.step() ?? (await right.next());
  }
  return { ...counts, largest: largest.rows };
}

interface Row {
  readonly key: number;
  readonly row: Float32Array;
}

/** Row by row through the pieces of a version; waits only between pieces. */
class RowCursor {
  readonly #images: AsyncGenerator<ShardImage>;
  #image: ShardImage | undefined;
  #at = 0;

  constructor(images: AsyncGenerator<ShardImage>) {
    this.#images = images;
  }

  /** The next row of this piece. */
  step(): Row | undefined {
    const image = this.#image;
    if (image === undefined || this.#at >= image.keys.length) return undefined;
    const at = this.#at++;
    return { key: image.keys[at]!, row: image.rows.subarray(at * image.rowWidth, (at + 1) * image.rowWidth) };
  }

  /** The next row of any piece. */
  async next(): Promise<Row | undefined> {
    for (;;) {
      const row = this.step();
      if (row !== undefined) return row;
      const piece = await this.#images.next();
      if (piece.done) return undefined;
      this.#image = piece.value;
      this.#at = 0;
    }
  }
}

/** Undefined when the rows have the same bits. */
function changeOf(
  before: Float32Array | undefined,
  after: Float32Array | undefined,
  rowWidth: number,
): number | undefined {
  let largest: number | undefined;
  for (let slot = 0; slot < rowWidth; slot++) {
    const [old, now] = [before?.[slot] ?? 0, after?.[slot] ?? 0];
    if (Object.is(old, now)) continue;
    const change = Math.abs(now - old);
    largest = Math.max(largest ?? 0, Number.isFinite(change) ? change : Number.POSITIVE_INFINITY);
  }
  return largest;
}

class Largest {
  readonly #max: number;
  readonly rows: RowChange[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  add(row: RowChange): void {
    const last = this.rows.at(-1);
    if (this.#max === 0 || (this.rows.length === this.#max && row.change <= last!.change)) return;
    if (this.rows.length === this.#max) this.rows.pop();
    let at = this.rows.length;
    while (at > 0 && this.rows[at - 1]!.change < row.change) at--;
    this.rows.splice(at, 0, row);
  }
}
