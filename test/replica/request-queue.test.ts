import t from 'tap';
import { RequestQueue, type Shed } from '../../src/replica/request-queue.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** A queue whose clock the test moves: a request takes the milliseconds that it says. */
function queueAt({ predictQueueMax = 4, predictQueueBytesMax = 1_000, predictQueueMs = 10 } = {}) {
  const clock = { nowMs: 1_000, lagMs: 0 };
  const served: string[] = [];
  const shed: [string, Shed][] = [];
  const queue = new RequestQueue<{ name: string; takesMs: number }>(
    { predictQueueMax, predictQueueBytesMax, predictQueueMs },
    ({ name, takesMs }) => {
      served.push(name);
      clock.nowMs += takesMs;
    },
    ({ name }, why) => shed.push([name, why]),
    () => clock.nowMs,
    () => clock.lagMs,
  );
  const offer = (name: string, takesMs = 0, bytes = 1) => queue.offer({ name, takesMs }, bytes);
  return { clock, served, shed, queue, offer };
}

t.test('queue - serves in order, in a later turn', async (t) => {
  const { served, shed, queue, offer } = queueAt();
  for (const name of ['a', 'b', 'c']) offer(name);
  t.same(served, []);
  t.equal(queue.length, 3);
  await nextTurn();
  t.same(served, ['a', 'b', 'c']);
  t.same(shed, []);
  t.equal(queue.length, 0);
});

t.test('queue - a full one sheds at once, and takes again when there is room', async (t) => {
  const { served, shed, offer } = queueAt({ predictQueueMax: 2 });
  for (const name of ['a', 'b', 'c', 'd']) offer(name);
  t.same(shed, [
    ['c', 'full'],
    ['d', 'full'],
  ]);
  await nextTurn();
  offer('e');
  await nextTurn();
  t.same(served, ['a', 'b', 'e']);
});

t.test('queue - is full by bytes too, and one alone may be larger', async (t) => {
  const { served, shed, offer } = queueAt({ predictQueueBytesMax: 100 });
  offer('larger', 0, 500);
  offer('b', 0, 1);
  t.same(shed, [['b', 'full']]);
  await nextTurn();
  for (const name of ['c', 'd', 'e']) offer(name, 0, 50);
  t.same(shed.slice(1), [['e', 'full']]);
  await nextTurn();
  offer('f', 0, 100);
  await nextTurn();
  t.same(served, ['larger', 'c', 'd', 'f']);
});

t.test('queue - between slices other work has its turn', async (t) => {
  const { served, offer } = queueAt();
  offer('a', 3);
  offer('b', 3);
  await nextTurn();
  t.same(served, ['a'], 'a slice is over');
  await nextTurn();
  t.same(served, ['a', 'b']);
});

t.test('queue - what has waited too long is shed when its turn comes, whoever made it wait', async (t) => {
  const { clock, served, shed, offer } = queueAt();
  offer('slow', 11);
  offer('late');
  await nextTurn();
  offer('new');
  await nextTurn();
  t.same(served, ['slow', 'new']);
  t.same(shed, [['late', 'late']]);
  clock.lagMs = 9;
  offer('read late', 2);
  offer('in time');
  await nextTurn();
  await nextTurn();
  t.same(served, ['slow', 'new', 'read late']);
  t.same(shed.at(-1), ['in time', 'late'], 'the wait before it was read counts too');
  clock.lagMs = 11;
  offer('too late to queue');
  t.same(shed.at(-1), ['too late to queue', 'late'], 'at once');
});

t.test('queue - a closed one has served all that it took', async (t) => {
  const { served, queue, offer } = queueAt({ predictQueueMax: 100 });
  const names = Array.from({ length: 50 }, (_, at) => `r${at}`);
  for (const name of names) offer(name, 5);
  queue.close();
  t.same(served, names);
  await nextTurn();
  t.equal(served.length, 50, 'each once');
});
