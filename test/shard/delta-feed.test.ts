import t from 'tap';
import { bytesOf, doublesOf, keysOf } from '../../src/base/bytes.ts';
import type { Delta } from '../../src/protocol/internal.ts';
import { DeltaFeed } from '../../src/shard/delta-feed.ts';
import { deltaPublisher } from '../../src/shard/delta-publisher.ts';
import { chunkRowsMax } from '../../src/shard/row-chunks.ts';
import { Shard } from '../../src/shard/shard.ts';
import { until } from '../support/channel-fixture.ts';
import { newMemory, partOf, shapeOf } from './fixture.ts';

const who = { learner: 0, life: 1 };

function greeted(shape = shapeOf({ width: 1 })): Shard {
  const shard = new Shard(newMemory(shape));
  shard.hello(who);
  return shard;
}

const learn = (shard: Shard, toSeq: number, keys: number[]) => {
  shard.push(
    who,
    partOf(
      toSeq,
      keys,
      keys.map(() => toSeq),
    ),
  );
  shard.commit(who, toSeq);
};

t.test('deltas - are numbered, and hold each changed row once, as it is now', async (t) => {
  const shard = greeted();
  const feed = new DeltaFeed('me');
  t.strictSame(feed.collect(shard), []);
  learn(shard, 1, [3, 4]);
  learn(shard, 2, [4, 5]);
  const [delta, ...more] = feed.collect(shard);
  t.equal(more.length, 0);
  t.match(delta, { number: 1, source: 'me', seq: 2 });
  t.strictSame(Array.from(keysOf(delta!.keys)), [3, 4, 5]);
  learn(shard, 3, [4]);
  t.match(feed.collect(shard), [{ number: 2, seq: 3 }]);
  t.equal(feed.number, 2);
});

t.test('a heartbeat - repeats the number, and passes on marks that came without rows', async (t) => {
  const shard = greeted();
  const feed = new DeltaFeed('me');
  learn(shard, 1, [3]);
  t.match(feed.heartbeat(shard), { number: 0, seq: 0 }, 'never what no delta has carried');
  feed.collect(shard);
  learn(shard, 7, []);
  const beat = feed.heartbeat(shard);
  t.match(beat, { number: 1, seq: 7 });
  t.equal(beat.keys.length + beat.rows.length, 0);
});

t.test('rows for several messages - only the last of them claims the sequence', async (t) => {
  const rowsMax = chunkRowsMax(1);
  const keyCount = rowsMax * 2 + 5;
  const shard = greeted(shapeOf({ width: 1, keyCount }));
  const feed = new DeltaFeed('me');
  learn(shard, 1, [0]);
  feed.collect(shard);
  learn(
    shard,
    9,
    Array.from({ length: keyCount }, (_, key) => key),
  );
  const deltas = feed.collect(shard);
  t.strictSame(
    deltas.map(({ number, seq, keys }) => [number, seq, keysOf(keys).length]),
    [
      [2, 1, rowsMax],
      [3, 1, rowsMax],
      [4, 9, 5],
    ],
  );
});

t.test('stamps - travel once, with the first delta after their commit', async (t) => {
  const shard = greeted();
  const feed = new DeltaFeed('me');
  feed.committed(Float64Array.of(1, 100.5));
  feed.committed(undefined);
  feed.committed(Float64Array.of(2, 101.5));
  learn(shard, 2, [1]);
  const [delta] = feed.collect(shard);
  t.strictSame(Array.from(doublesOf(delta!.stamps!)), [1, 100.5, 2, 101.5]);
  t.equal(feed.heartbeat(shard).stamps, undefined);
  feed.committed(Float64Array.of(3, 7));
  t.strictSame(bytesOf(Float64Array.of(3, 7)), feed.heartbeat(shard).stamps);
});

t.test(
  'publishing - at once after quiet, once for several commits, a heartbeat when there is nothing',
  async (t) => {
    const shard = greeted();
    const published: Delta[] = [];
    const publisher = deltaPublisher(shard, new DeltaFeed('me'), 1, (delta) => published.push(delta));
    for (const toSeq of [1, 2, 3]) {
      learn(shard, toSeq, [toSeq]);
      publisher.soon();
    }
    await until(2_000, 'a delta', () => published.length > 0);
    t.match(published, [{ number: 1, seq: 3 }]);
    publisher.now();
    t.match(published.slice(1), [{ number: 1, seq: 3 }]);
  },
);

t.test('publishing - after the last call nothing that was planned comes any more', async (t) => {
  const shard = greeted();
  const published: Delta[] = [];
  const publisher = deltaPublisher(shard, new DeltaFeed('me'), 20, (delta) => published.push(delta));
  publisher.now();
  learn(shard, 1, [1]);
  publisher.soon();
  publisher.now();
  t.match(published, [{ number: 0 }, { number: 1, seq: 1 }]);
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.equal(published.length, 2);
});
