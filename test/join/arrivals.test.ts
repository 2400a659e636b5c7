import fc from 'fast-check';
import t from 'tap';
import { Arrivals } from '../../src/join/arrivals.ts';

t.test('arrivals - come out as a sorted list would give them', async () => {
  const anyStep = fc.oneof(
    fc.record({ arrival: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ until: fc.integer({ min: 0, max: 20 }) }),
  );
  const property = fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
    const arrivals = new Arrivals<number>(1000);
    let waiting: { item: number; arrival: number }[] = [];
    let most = 0;
    return steps.every((step, item) => {
      if ('arrival' in step) {
        arrivals.add(item, step.arrival);
        waiting.push({ item, arrival: step.arrival });
        most = Math.max(most, waiting.length);
        return true;
      }
      // Sorting is stable: those of one time stay in their order.
      const due = waiting
        .filter(({ arrival }) => arrival <= step.until)
        .sort((left, right) => left.arrival - right.arrival);
      waiting = waiting.filter(({ arrival }) => arrival > step.until);
      const got = [...arrivals.due(step.until)];
      return (
        got.join() === due.map(({ item }) => item).join() &&
        arrivals.count === waiting.length &&
        arrivals.most === most
      );
    });
  });
  fc.assert(property, { numRuns: 500 });
});

t.test('arrivals - are bounded', async (t) => {
  const arrivals = new Arrivals<string>(2);
  arrivals.add('a', 5);
  arrivals.add('b', 3);
  t.throws(() => arrivals.add('c', 1), { message: 'more than 2 events wait for their labels' });
  t.same([...arrivals.due(4)], ['b']);
  arrivals.add('c', 1);
  t.same([...arrivals.due(9)], ['c', 'a']);
});
