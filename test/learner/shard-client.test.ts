import fc from 'fast-check';
import t from 'tap';
import { keyRangeOf } from '../../src/base/key-range.ts';
import { chunkRowsMax } from '../../src/shard/row-chunks.ts';
import { MemoryChannel } from '../support/memory-channel.ts';
import { clientOf, configOf, runShards } from './harness.ts';

const actors = (shards: number) => ({ shards, learners: 1, predictors: 1 });

t.test('keys - go to their owners, each once, with their places in the batch', async (t) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 9 }),
    fc.uniqueArray(fc.nat(256), { maxLength: 100 }),
    (shards, keys) => {
      const parts = clientOf(new MemoryChannel(), configOf({ actors: actors(shards) })).split(
        Uint32Array.from(keys),
      );
      const places = parts.flatMap(({ numbers }) => Array.from(numbers));
      return (
        places.sort((a, b) => a - b).join() === keys.map((_, at) => at).join() &&
        parts.every((part, shard) => {
          const { start, end } = keyRangeOf(shard, shards, 257);
          return part.keys.every((key, at) => key >= start && key < end && keys[part.numbers[at]!] === key);
        })
      );
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
});

t.test(
  'rows for several messages - arrive once and whole, also when every answer gets lost once',
  async (t) => {
    const channel = new MemoryChannel();
    const config = configOf({
      actors: actors(2),
      features: { bits: 17 },
      limits: { featuresPerMessageMax: 2 ** 17 },
    });
    const shards = runShards(channel, config);
    const client = clientOf(channel, config);
    await client.hello();
    const keys = Uint32Array.from({ length: 2 ** 17 }, (_, at) => 2 ** 17 - at);
    const parts = client.split(keys);
    const table = Float32Array.from({ length: keys.length * 2 }, (_, at) => at % 1001);
    t.ok(
      parts.every((part) => part.keys.length > chunkRowsMax(2)),
      'more than one part for each shard',
    );
    const answers = new Map<string, number>();
    channel.loses = (subject, reply) => {
      const count = (answers.get(subject) ?? 0) + (reply ? 1 : 0);
      answers.set(subject, count);
      return reply && count % 2 === 1;
    };
    await client.push(parts, table, 9, { learned: 3, rejected: 0, excluded: 0, duplicates: 0, missing: 0 });
    const read = new Float32Array(table.length);
    await client.pull(parts, 9, read);
    t.ok(read.every((value, at) => value === table[at]));
    for (const { shard, broken } of shards) {
      t.equal(shard.seq, 9);
      t.equal(shard.memory.ledger.counts[0], 3);
      t.strictSame(broken, []);
    }
    channel.loses = () => false;
  },
);

t.test(
  'the commit - rides on the first piece of a pull, and reaches shards that are asked for nothing',
  async (t) => {
    const channel = new MemoryChannel();
    const config = configOf({ actors: actors(2) });
    const shards = runShards(channel, config);
    const client = clientOf(channel, config);
    await client.hello();
    const parts = client.split(Uint32Array.of(1));
    await client.push(parts, new Float32Array(2).fill(7), 4, {
      learned: 1,
      rejected: 0,
      excluded: 0,
      duplicates: 0,
      missing: 0,
    });
    const table = new Float32Array(2);
    await client.pull(parts, 4, table);
    t.strictSame(Array.from(table), [7, 7]);
    t.ok(shards.every(({ shard }) => shard.seq === 4));
  },
);

t.test(
  'a request - is repeated until it is answered, a refusal is final, and after close nothing is repeated',
  async (t) => {
    const channel = new MemoryChannel();
    const config = configOf({ actors: actors(1) });
    const client = clientOf(channel, config);
    const greeting = client.hello();
    const [shard] = await new Promise<ReturnType<typeof runShards>>((resolve) =>
      setTimeout(() => resolve(runShards(channel, config)), 50),
    );
    t.equal((await greeting)[0]!.committedTo, 0);
    await t.rejects(client.commit(3), { name: 'MillraceError', kind: 'conflict' });
    shard!.stop();
    const asking = client.commit(3);
    client.close();
    await t.rejects(asking, { name: 'MillraceError', kind: 'notReady' });
  },
);
