/**
 * Goal: of two learners with an event of one id each, one learns it, also when the shard that tells them dies in
 * between.
 * Method: a shard's lives one after the other on the same memory.
 */
import t from 'tap';
import { Shard } from '../../src/shard/shard.ts';
import { newMemory, partOf, shapeOf, tallyOf } from './fixture.ts';

const id = Uint32Array.of(7, 9);
const one = { learner: 0, life: 1 };
const other = { learner: 1, life: 1 };

function fixture() {
  const memory = newMemory(shapeOf({ learners: 2, recentIdsMax: 4 }));
  const shard = new Shard(memory);
  for (const who of [one, other]) shard.hello(who);
  const part = (toSeq: number) => partOf(toSeq, [3], [1, 1], { ids: id, tally: tallyOf(1) });
  return { memory, shard, part };
}

t.test('ids of several learners - the second who asks hears that another is learning it', async (t) => {
  const { shard, part } = fixture();
  t.strictSame(shard.knownIds(one, id).at, []);
  t.strictSame(shard.knownIds(other, id).at, [0]);
  shard.push(one, part(4));
  shard.commit(one, 4);
  t.strictSame(shard.knownIds(other, id).places, [0], 'and then, that it was learned');
});

t.test('ids of several learners - who was told by a life before must ask again', async (t) => {
  const { memory, shard, part } = fixture();
  t.strictSame(shard.knownIds(one, id).at, []);
  const next = new Shard(memory);
  t.strictSame(next.knownIds(other, id).at, [], 'nobody is known to learn it');
  t.throws(() => next.push(one, part(4)), { message: /must ask again/ });
  next.push(other, part(5));
  t.throws(() => next.push(one, part(4)), { message: /must ask again/ });
  next.commit(other, 5);
  t.strictSame(next.knownIds(one, id).at, [0]);
});

t.test('ids of several learners - a staged batch keeps them over the death of the shard', async (t) => {
  const { memory, shard, part } = fixture();
  shard.knownIds(one, id);
  shard.push(one, part(4));
  const next = new Shard(memory);
  t.strictSame(next.knownIds(other, id).at, [0]);
  next.commit(one, 4);
  t.strictSame(next.knownIds(other, id).places, [0]);
});
