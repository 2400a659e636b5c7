/** Lets a source through at an even rate. */
import type { setTimeout as timers } from 'node:timers/promises';

export interface Pace {
  readonly perSecond: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly wait: typeof timers;
}

/** Time that may be caught up after a pause; more would go out as one lump. */
const arrearsMaxMs = 50;
/** Items between two looks at the clock. */
const lookEvery = 32;

/** A rate of 0 is no limit. */
export async function* paced<T>(source: AsyncIterable<T>, pace: Pace): AsyncGenerator<T> {
  if (pace.perSecond === 0) {
    yield* source;
    return;
  }
  let dueMs = pace.now();
  let count = 0;
  for await (const item of source) {
    yield item;
    count += 1;
    if (count % lookEvery !== 0) continue;
    dueMs = Math.max(dueMs + (1000 * lookEvery) / pace.perSecond, pace.now() - arrearsMaxMs);
    const aheadMs = dueMs - pace.now();
    if (aheadMs >= 1) await pace.wait(aheadMs);
  }
}
