/** Whether a log has lost what is in the parameters, asked while they still learn: real stream, real shard memory. */
import t from 'tap';
import { bytesOf } from '../../src/base/bytes.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { Channel } from '../../src/nats/channel.ts';
import { anchorNumbers, anchorOf } from '../../src/protocol/log-anchor.ts';
import { findRegressionIn } from '../../src/server/log-regression.ts';
import { ledgerCopy } from '../../src/shard/ledger-copy.ts';
import { createShardBuffers, openShardMemory } from '../../src/shard/memory.ts';
import { Shard } from '../../src/shard/shard.ts';
import { commit } from '../../src/shard/staging.ts';
import { newMemory, partOf, shapeOf, tallyOf } from '../shard/fixture.ts';
import { bytes, eventStream, fixture, onEachServer } from '../support/channel-fixture.ts';

const learner = { learner: 0, life: 1 };

/** A shard that learns what is appended, one entry in a batch. */
async function learning(channel: Channel) {
  await channel.ensureStream(eventStream());
  const shape = shapeOf();
  const buffers = createShardBuffers(shape);
  const shard = new Shard(openShardMemory(shape, buffers));
  shard.hello(learner);
  const learn = async (text: string) => {
    const { seq } = await channel.append('events.a', bytes(text));
    const entry = (await channel.entryAt('events', seq))!;
    const anchor = bytesOf(Float64Array.from(anchorNumbers(anchorOf(entry))));
    shard.push(learner, partOf(seq, [1], [seq, 0], { tally: { ...tallyOf(1), anchor } }));
    shard.commit(learner, seq);
  };
  const { created } = (await channel.streamState('events'))!;
  const served = { epoch: 1, version: 0, leftOut: [] };
  const epoch = {
    model: 'm',
    served,
    stream: { name: 'events', created },
    shapes: [shape],
    buffers: [buffers],
  };
  return { learn, epoch };
}

await onEachServer(
  t,
  'the log - is whole, though events are learned while it is asked',
  async (t, server) => {
    const { channel } = await fixture(t, { binary: server.binary });
    const { learn, epoch } = await learning(channel);
    const store = openFileStore({ folder: t.testdir(), now: Date.now });
    for (const text of ['a', 'b', 'c']) await learn(text);
    let learnedMeanwhile = 0;
    const askStream = async () => {
      const state = (await channel.streamState('events'))!;
      await learn(`meanwhile ${++learnedMeanwhile}`);
      return state;
    };
    t.equal(await findRegressionIn(channel, store, epoch, askStream), undefined);
    t.equal(learnedMeanwhile, 1);
    t.equal(await findRegressionIn(channel, store, epoch, askStream), undefined);
  },
);

await onEachServer(t, 'the log - has lost its end', async (t, server) => {
  const { channel } = await fixture(t, { binary: server.binary });
  const { learn, epoch } = await learning(channel);
  const store = openFileStore({ folder: t.testdir(), now: Date.now });
  for (const text of ['a', 'b', 'c']) await learn(text);
  const { created, ...state } = (await channel.streamState('events'))!;
  const askStream = async () => ({ ...state, created, lastSeq: 2 });
  t.match(await findRegressionIn(channel, store, epoch, askStream), {
    kind: 'truncated',
    agreesTo: 2,
    lost: [3, 3],
  });
});

t.test('a ledger - is copied whole, also in the middle of a batch', async (t) => {
  const memory = newMemory(shapeOf());
  const shard = new Shard(memory);
  shard.hello(learner);
  shard.push(learner, partOf(7, [1, 2], [1, 2, 3, 4], { tally: tallyOf(1) }));
  let copy: ReturnType<typeof ledgerCopy> | undefined;
  const ignore = () => undefined;
  commit(memory, 0, 7, ignore, ignore, () => {
    copy ??= ledgerCopy(memory);
  });
  t.strictSame((await copy)!.marks, new Float64Array(8).fill(7), 'as it was behind the batch');
});
