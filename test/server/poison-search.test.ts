/** Which event is to blame, from where one life of a learner after the other has ended. */
import fc from 'fast-check';
import t from 'tap';
import type { WorkPlace } from '../../src/learner/work-board.ts';
import { type LearnerDeath, PoisonSearch } from '../../src/server/poison-search.ts';

const death = (doneTo: number, takenTo: number, seq?: number, index?: number): LearnerDeath => ({
  doneTo,
  takenTo,
  place: seq === undefined ? undefined : { seq, ...(index === undefined ? {} : { index }) },
});
const kinds = (search: PoisonSearch, deaths: readonly LearnerDeath[]) =>
  deaths.map((one) => search.take(one).kind);

t.test('poison - the event at which three lives in a row have ended is given up', async (t) => {
  const search = new PoisonSearch(3);
  t.match(search.take(death(10, 30, 20, 4)), { kind: 'first' });
  t.equal(search.isUnderWay, false, 'one death may have any reason');
  t.strictSame(search.take(death(15, 40, 20, 4)), { kind: 'search', suspects: { from: 15, to: 30 } });
  t.ok(search.isUnderWay);
  const place = { seq: 20, index: 4 };
  t.strictSame(search.take(death(19, 20, 20, 4)), { kind: 'giveUp', place, failures: 3 });
});

t.test('poison - a life that got past all suspects ends the search', async (t) => {
  const search = new PoisonSearch(3);
  t.strictSame(kinds(search, [death(10, 30, 20), death(10, 30, 20)]), ['first', 'search']);
  t.equal(search.take(death(30, 50, 40)).kind, 'first', 'an event behind them is another matter');
  t.equal(search.isUnderWay, false);
  t.strictSame(kinds(search, [death(39, 60, 40), death(39, 40, 40)]), ['search', 'giveUp']);
});

t.test(
  'poison - whoever waits for somebody else is not to blame, and no two ends in one place give up',
  async (t) => {
    const search = new PoisonSearch(2);
    const waiting = Array.from({ length: 20 }, () => death(10, 30));
    t.notOk(kinds(search, waiting).includes('giveUp'));
    t.equal(search.isUnderWay, false, 'so that the restarts count again');
    const hopping = Array.from({ length: 20 }, (_, at) => death(10, 30, 11 + (at % 7), 0));
    t.notOk(kinds(new PoisonSearch(2), hopping).includes('giveUp'));
  },
);

t.test('poison - a message that ends learners at different events is given up whole', async (t) => {
  const search = new PoisonSearch(3);
  const verdicts = [0, 1, 2, 3, 4, 5].map((index) => search.take(death(10, 11, 11, index)));
  t.strictSame(
    verdicts.map(({ kind }) => kind),
    ['first', 'search', 'search', 'search', 'search', 'giveUp'],
  );
  t.match(verdicts.at(-1), { place: { seq: 11 }, failures: 6 });
});

t.test('poison - deaths that no single event can explain are no search', async (t) => {
  const search = new PoisonSearch(2);
  t.strictSame(kinds(search, [death(10, 20, 15), death(25, 40, 30), death(12, 18, 15)]), [
    'first',
    'first',
    'first',
  ]);
  t.strictSame(
    search.take(death(11, 60)),
    { kind: 'search', suspects: { from: 12, to: 18 } },
    'what all have in common',
  );
});

t.test('poison - a search goes on from its state, as after the death of a process', async (t) => {
  const search = new PoisonSearch(3);
  t.strictSame(kinds(search, [death(10, 30), death(5, 40, 21, 3)]), ['first', 'search']);
  const state = JSON.parse(JSON.stringify(search.state));
  t.match(new PoisonSearch(3, state).take(death(20, 21, 21, 3)), {
    kind: 'giveUp',
    place: { seq: 21, index: 3 },
  });
});

/**
 * Goal: whatever is poisonous, and however the log falls into batches, exactly that is given up, and each within a
 * bounded number of lives. Method: a learner of a few lines with a board, against the search.
 */
t.test('poison - exactly what is poisonous is given up, in bounded time', async () => {
  const last = 40;
  const poison = fc.uniqueArray(
    fc.record({ seq: fc.integer({ min: 1, max: last }), index: fc.integer({ min: 0, max: 2 }) }),
    {
      maxLength: 4,
      selector: ({ seq, index }) => `${seq}/${index}`,
    },
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(poison, sizes, fc.integer({ min: 2, max: 5 }), (poisonous, batches, failuresMax) => {
      const name = ({ seq, index }: WorkPlace) => `${seq}/${index}`;
      const bad = new Set(poisonous.map(name));
      const given = new Set<string>();
      let search = new PoisonSearch(failuresMax);
      let [mark, lives, turn] = [0, 0, 0];
      let suspects = { from: 0, to: 0 };
      while (mark < last) {
        if (lives++ > (bad.size + 1) * (failuresMax + 2)) return false;
        let end: LearnerDeath | undefined;
        while (mark < last && end === undefined) {
          const size = mark >= suspects.from && mark < suspects.to ? 1 : batches[turn++ % batches.length]!;
          const takenTo = Math.min(last, mark + size);
          for (let seq = mark + 1; seq <= takenTo && end === undefined; seq++) {
            const index = [0, 1, 2].find((at) => bad.has(`${seq}/${at}`) && !given.has(`${seq}/${at}`));
            if (index !== undefined) end = death(mark, takenTo, seq, index);
          }
          if (end === undefined) mark = takenTo;
        }
        if (end === undefined) break;
        const verdict = search.take(end);
        suspects = verdict.kind === 'search' ? verdict.suspects : { from: 0, to: 0 };
        if (verdict.kind !== 'giveUp') continue;
        given.add(name(verdict.place));
        search = new PoisonSearch(failuresMax);
      }
      return given.size === bad.size && [...given].every((place) => bad.has(place));
    }),
  );
});
