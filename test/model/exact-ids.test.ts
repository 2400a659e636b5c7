import fc from 'fast-check';
import t from 'tap';
import type { ExactIdsConfig } from '../../config/features-schema.ts';
import { bucketRows, ExactIds, type IdTag } from '../../src/model/exact-ids.ts';
import { UndoLog } from '../../src/model/undo-log.ts';

const config = (changes: Partial<ExactIdsConfig> = {}): ExactIdsConfig => ({
  of: ['user'],
  bits: 8,
  admitAfter: 1,
  expireAfterMs: 0,
  whenFull: 'replace',
  ...changes,
});

/** One bucket in a table of its own. */
function bucket(changes: Partial<ExactIdsConfig>, width: number) {
  const settings = config(changes);
  const ids = new ExactIds(settings, width);
  const table = new Float32Array(bucketRows(width).all * width);
  const log = new UndoLog();
  let clock = 0;
  return {
    table,
    log,
    sight(id: number, timeMs = 0): number | undefined {
      clock = ids.clockAfter(clock, timeMs);
      return ids.sight(table, 0, tagOf(id), clock, log);
    },
    find: (id: number): number | undefined => ids.find(table, 0, tagOf(id), clock),
  };
}

const tagOf = (id: number): IdTag => ({
  high: Math.imul(id, 0x9e3779b1) >>> 0,
  low: Math.imul(id, 0x85ebca6b) >>> 0,
});

interface Sighting {
  readonly id: number;
  readonly afterMs: number;
}

/** What a table of unbounded size does with the same sightings. */
class Oracle {
  readonly #seen = new Map<number, { count: number; lastMs: number }>();
  readonly #config: ExactIdsConfig;
  #nowMs = 0;

  constructor(settings: ExactIdsConfig) {
    this.#config = settings;
  }

  sight(id: number, timeMs: number): boolean {
    this.#nowMs = timeMs;
    const known = this.#isThere(id) ? this.#seen.get(id)!.count : 0;
    this.#seen.set(id, { count: known + 1, lastMs: timeMs });
    return known + 1 >= this.#config.admitAfter;
  }

  find(id: number): boolean {
    return this.#isThere(id) && this.#seen.get(id)!.count >= this.#config.admitAfter;
  }

  #isThere(id: number): boolean {
    const known = this.#seen.get(id);
    const { expireAfterMs } = this.#config;
    return known !== undefined && (expireAfterMs === 0 || this.#nowMs - known.lastMs <= expireAfterMs);
  }
}

t.test('exact ids - below the cap they are what a map of unbounded size is', async (t) => {
  // Times are whole ticks, so that the oracle needs none.
  const tick = 100;
  const sighting = fc.record({
    id: fc.integer({ min: 1, max: 8 }),
    afterMs: fc.integer({ min: 0, max: 50 }).map((ticks) => ticks * tick),
  });
  const settings = fc.record({
    admitAfter: fc.integer({ min: 1, max: 3 }),
    expireAfterMs: fc.constantFrom(0, 64 * tick),
    whenFull: fc.constantFrom('replace' as const, 'refuse' as const),
  });
  const property = fc.property(
    fc.array(sighting, { maxLength: 60 }),
    settings,
    fc.integer({ min: 1, max: 9 }),
    (sightings: Sighting[], changes, width) => {
      const own = bucket(changes, width);
      const oracle = new Oracle(config(changes));
      let nowMs = 1_700_000_000_000;
      const rows = new Map<number, number>();
      for (const { id, afterMs } of sightings) {
        nowMs += afterMs;
        const row = own.sight(id, nowMs);
        if ((row !== undefined) !== oracle.sight(id, nowMs)) return false;
        if (row !== undefined) rows.set(id, row);
        for (let other = 1; other <= 8; other++) {
          const found = own.find(other);
          if ((found !== undefined) !== oracle.find(other)) return false;
          if (found !== undefined && found !== rows.get(other)) return false;
        }
        const present = [1, 2, 3, 4, 5, 6, 7, 8]
          .map((each) => own.find(each))
          .filter((each) => each !== undefined);
        if (new Set(present).size !== present.length) return false;
      }
      return true;
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test('exact ids - a full bucket gives its place to a new id, or to none', async (t) => {
  const replacing = bucket({}, 3);
  for (let id = 1; id <= 8; id++) replacing.sight(id, id * 1000);
  replacing.sight(1, 9000);
  const oldest = replacing.find(2);
  t.equal(replacing.sight(9, 10_000), oldest, 'the one not seen the longest gives way');
  t.equal(replacing.find(2), undefined);
  for (const id of [1, 3, 4, 5, 6, 7, 8, 9]) t.ok(replacing.find(id) !== undefined, `id ${id} is there`);

  const admitting = bucket({ admitAfter: 2 }, 3);
  for (let id = 1; id <= 8; id++) admitting.sight(id, id * 1000);
  for (const id of [1, 2, 3, 4, 6, 7, 8]) admitting.sight(id, 9000);
  admitting.sight(9, 10_000);
  admitting.sight(9, 10_000);
  t.ok(admitting.find(9) !== undefined, 'an id that was not admitted yet gives way first');
  for (const id of [1, 2, 3, 4, 6, 7, 8]) t.ok(admitting.find(id) !== undefined, `id ${id} is there`);

  const refusing = bucket({ whenFull: 'refuse' }, 3);
  for (let id = 1; id <= 8; id++) refusing.sight(id, id * 1000);
  t.equal(refusing.sight(9, 10_000), undefined, 'nobody gives way');
  for (let id = 1; id <= 8; id++) t.ok(refusing.find(id) !== undefined, `id ${id} is there`);
});

t.test('exact ids - an id that gives way leaves nothing of what was learned', async (t) => {
  const own = bucket({}, 2);
  for (let id = 1; id <= 8; id++) own.sight(id, id * 1000);
  const row = own.find(1)!;
  own.table.fill(7, row * 2, row * 2 + 2);
  own.log.clear();
  const before = own.table.slice();
  t.equal(own.sight(9, 10_000), row);
  t.strictSame([...own.table.subarray(row * 2, row * 2 + 2)], [0, 0]);
  own.log.undo(own.table);
  t.strictSame(own.table, before, 'and all of it can be taken back');
});

t.test('exact ids - the clock never goes back, and stands still for events without a time', async (t) => {
  const ids = new ExactIds(config({ expireAfterMs: 6400 }), 1);
  const first = ids.clockAfter(0, 1_700_000_000_000);
  t.equal(ids.clockAfter(first, 1_600_000_000_000), first);
  t.equal(ids.clockAfter(first, 0), first);
  t.equal(ids.clockAfter(first, 1_700_000_000_100), first + 1);
  const all = fc.property(fc.integer({ min: 1, max: 4e12 }), (timeMs) => {
    const table = new Float32Array(4);
    ids.setClock(table, 1, ids.clockAfter(0, timeMs), new UndoLog());
    return ids.clock(table, 1) === Math.floor(timeMs / 100);
  });
  t.doesNotThrow(() => fc.assert(all));
});
