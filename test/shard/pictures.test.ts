/** What readers see of a shard while it learns: chunks, still pictures, and cuts. */
import fc from 'fast-check';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { CutBarrier } from '../../src/shard/cut.ts';
import { FrozenPages } from '../../src/shard/frozen-pages.ts';
import { chunkRowsMax, nextChunk, pageOfTable } from '../../src/shard/row-chunks.ts';
import { Shard } from '../../src/shard/shard.ts';
import { newMemory, partOf, shapeOf } from './fixture.ts';

const conflict = { name: 'MillraceError', kind: 'conflict' };

/** All chunks from a key on, and how many there were. */
function collected(
  range: { start: number; end: number },
  width: number,
  from: number,
  table: Float32Array,
): { rows: Map<number, number[]>; chunks: number; keysInOrder: boolean } {
  const rows = new Map<number, number[]>();
  let next: number | undefined = from;
  let chunks = 0;
  let last = -1;
  let keysInOrder = true;
  while (next !== undefined) {
    const chunk = nextChunk(range, width, next, pageOfTable(table, width));
    chunk.keys.forEach((key, at) => {
      keysInOrder &&= key > last && !rows.has(key);
      last = key;
      rows.set(key, Array.from(chunk.rows.subarray(at * width, (at + 1) * width)));
    });
    next = chunk.next;
    chunks++;
  }
  return { rows, chunks, keysInOrder };
}

t.test('chunks - hold every row that is not zero exactly once, for any table, width and start', async (t) => {
  const value = fc.constantFrom(0, 0, 0, -0, 1, -2.5, Number.NaN);
  const property = fc.property(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 0, max: 1000 }),
    fc.array(value, { maxLength: 200 }),
    fc.nat(60),
    (width, start, values, skip) => {
      const count = Math.floor(values.length / width);
      const table = Float32Array.from(values.slice(0, count * width));
      const range = { start, end: start + count };
      const { rows, keysInOrder } = collected(range, width, start + skip, table);
      const wanted = new Map<number, number[]>();
      for (let row = skip; row < count; row++) {
        const own = Array.from(table.subarray(row * width, (row + 1) * width));
        if (own.some((slot) => !Object.is(slot, 0))) wanted.set(start + row, own);
      }
      return keysInOrder && fc.stringify([...rows]) === fc.stringify([...wanted]);
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});

t.test('chunks - a full table and an empty one go in pieces, and end', async (t) => {
  const width = 8;
  const count = chunkRowsMax(width) * 2 + 3;
  const full = collected({ start: 5, end: 5 + count }, width, 0, new Float32Array(count * width).fill(1));
  t.equal(full.rows.size, count);
  t.equal(full.chunks, 3);
  const empty = collected({ start: 0, end: 2 ** 20 }, 1, 0, new Float32Array(2 ** 20));
  t.equal(empty.rows.size, 0);
  t.ok(empty.chunks > 1, 'a large empty table is not looked through in one call');
  t.equal(collected({ start: 0, end: 10 }, 1, 10, new Float32Array(10)).chunks, 1, 'from beyond the end');
});

t.test('a still picture - shows the rows of its moment under any writes', async (t) => {
  const rowCount = 700;
  const write = fc.record({ row: fc.nat(rowCount - 1), value: fc.integer() });
  const property = fc.property(
    fc.array(write),
    fc.array(write),
    fc.integer({ min: 1, max: 3 }),
    (first, later, width) => {
      const rows = new Float32Array(rowCount * width);
      const put = ({ row, value }: { row: number; value: number }) =>
        rows.fill(value, row * width, (row + 1) * width);
      first.forEach(put);
      const wanted = rows.slice();
      const pages = new FrozenPages(rows, width);
      for (const step of later) {
        pages.keep(step.row);
        put(step);
      }
      for (let row = 0; row < rowCount; row++) {
        const { rows: from, at, end } = pages.pageAt(row);
        if (end <= row || end > rowCount) return false;
        for (let slot = 0; slot < (end - row) * width; slot++) {
          if (from[at + slot] !== wanted[row * width + slot]) return false;
        }
      }
      return pages.keptBytes <= Math.min(later.length, 3) * 256 * width * 4;
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }));
});

t.test('an image - is that of its cut while batches are committed; another cut replaces it', async (t) => {
  const shard = new Shard(newMemory(shapeOf()));
  const who = { learner: 0, life: 1 };
  shard.hello(who);
  const learn = (toSeq: number, key: number) => {
    shard.push(who, partOf(toSeq, [key], [toSeq, -toSeq]));
    shard.commit(who, toSeq);
  };
  learn(1, 4);
  shard.freeze('a');
  learn(2, 4);
  learn(3, 39);
  const image = shard.image('a', 0, false);
  t.strictSame([Array.from(image.keys), Array.from(image.rows), image.next], [[4], [1, -1], undefined]);
  t.strictSame(Array.from(shard.snapshot(0).rows), [2, -2, 3, -3]);
  t.throws(() => shard.image('b', 0, false), conflict);
  shard.thaw('b', undefined);
  t.equal(shard.image('a', 5, false).keys.length, 0, 'closing another cut does not close this one');
  shard.freeze('b');
  t.throws(() => shard.image('a', 0, false), conflict);
  shard.thaw('b', undefined);
  t.throws(() => shard.image('b', 0, false), conflict);
});

/** Everything that can happen to a barrier, and what must hold after it. */
type Step =
  | { readonly kind: 'work' | 'marker'; readonly learner: number }
  | { readonly kind: 'open' | 'late' };

t.test('a cut - for any interleaving the picture holds exactly what came before the markers', async (t) => {
  const learners = fc.integer({ min: 1, max: 3 });
  const step = (count: number) =>
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constantFrom('work', 'marker'), learner: fc.nat(count - 1) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('open', 'late') }) },
    ) as fc.Arbitrary<Step>;
  const runs = learners.chain((count) =>
    fc.tuple(fc.constant(count), fc.array(step(count), { maxLength: 40 })),
  );
  const property = fc.property(runs, ([count, steps]) => {
    const barrier = new CutBarrier(count);
    const sent = Array.from({ length: count }, () => 0);
    const done = Array.from({ length: count }, () => 0);
    let cut = 0;
    /** What each learner had sent when its marker went into the open cut. */
    let marked = new Map<number, number>();
    let outcomes: string[] = [];
    for (const { kind, ...rest } of steps) {
      const learner = 'learner' in rest ? rest.learner : 0;
      if (kind === 'work') {
        const number = ++sent[learner]!;
        barrier.pass(learner, () => {
          if (done[learner] !== number - 1) throw new Error('work of one learner is done in order');
          done[learner] = number;
        });
      } else if (kind === 'marker') {
        // As the service does it: a marker comes in turn too. A name that is not open is heard by nobody.
        const name = `cut ${cut}`;
        if (cut > 0 && outcomes.length === cut - 1 && !marked.has(learner))
          marked.set(learner, sent[learner]!);
        barrier.pass(learner, () => barrier.marker(name, learner));
      } else if (kind === 'open') {
        const name = `cut ${++cut}`;
        barrier.open(name, (error) => {
          outcomes.push(error === undefined ? name : error.kind);
          if (error !== undefined) return;
          for (const [who, until] of marked)
            if (done[who] !== until) throw new Error(`${name} is not at its markers`);
          if (marked.size !== count) throw new Error('a cut needs every marker');
        });
        marked = new Map();
      } else barrier.abandon(`cut ${cut}`, new MillraceError('deadline', 'late'));
      const open = outcomes.length < cut;
      if (!open) marked = new Map();
      for (let who = 0; who < count; who++) {
        const held = sent[who]! - done[who]!;
        if (held > 0 && !(open && marked.has(who))) throw new Error('only a learner past its marker waits');
      }
    }
    outcomes = outcomes.slice();
    return outcomes.length === cut || outcomes.length === cut - 1;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }));
});

t.test('a cut that is replaced - is refused, and lets those go on who had waited', async (t) => {
  const barrier = new CutBarrier(2);
  const heard: string[] = [];
  barrier.open('a', (error) => heard.push(error === undefined ? 'a complete' : error.message));
  barrier.marker('a', 0);
  barrier.pass(0, () => heard.push('work'));
  barrier.marker('other', 1);
  t.strictSame(heard, []);
  barrier.open('b', (error) => heard.push(error === undefined ? 'b complete' : 'b refused'));
  t.strictSame(heard.slice().sort(), ['cut a was replaced by b', 'work']);
  barrier.marker('a', 1);
  barrier.marker('b', 1);
  barrier.abandon('a', new MillraceError('deadline', 'too late'));
  barrier.marker('b', 0);
  barrier.marker('b', 0);
  t.strictSame(heard.slice(2), ['b complete']);
});
