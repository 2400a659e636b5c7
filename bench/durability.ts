/**
 * `durability`: acked publishes per second into a stream of an embedded server that syncs before it acks (`fsync`),
 * beside one that does not (`fast`). The same bytes and window, by turns, in one run. No model takes part: it is the
 * server's disk that is measured. One event in a message, and 256 in one.
 */
import type { Channel } from '../src/nats/channel.ts';
import { connectChannel } from '../src/nats/connection.ts';
import { contentHeaders, encode } from '../src/protocol/codec.ts';
import { clickEvents } from './events.ts';
import { measurePairs, rateOf } from './measure.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const windowMessages = 256;
const messageCount = 4_000;
const packedCount = 400;
const perMessage = 256;

async function streamOn(url: string): Promise<Channel> {
  const channel = await connectChannel({ servers: [url], name: 'bench' });
  const duplicateWindowMs = 120_000;
  const spec = { name: 'bench_acked', subjects: ['bench.acked'], bytesMax: 2 ** 30, duplicateWindowMs };
  await channel.ensureStream({ ...spec, discard: 'old' });
  return channel;
}

function ackedRate(channel: Channel, data: Uint8Array, count: number): Promise<number> {
  let sent = 0;
  const lane = async () => {
    while (sent++ < count) await channel.append('bench.acked', data, { headers: contentHeaders('msgpack') });
  };
  return rateOf(count, () => Promise.all(Array.from({ length: windowMessages }, lane)).then(() => undefined));
}

export const durability: Benchmark = ({ pairs, seed, say }) =>
  withHost({ durability: 'fast' }, (fastUrl) =>
    withHost({ durability: 'fsync' }, async (fsyncUrl) => {
      const [fast, fsync] = [await streamOn(fastUrl), await streamOn(fsyncUrl)];
      const events = clickEvents(perMessage, seed);
      const compare = (data: Uint8Array, count: number) =>
        measurePairs(
          pairs,
          () => ackedRate(fsync, data, count),
          () => ackedRate(fast, data, count),
        );
      say(`${pairs} pairs of ${messageCount} messages of one event, ${windowMessages} under way`);
      const single = await compare(encode(events[0], 'msgpack'), messageCount);
      say(`${pairs} pairs of ${packedCount} messages of ${perMessage} events`);
      const packed = await compare(encode(events, 'msgpack'), packedCount);
      await Promise.all([fast.close(), fsync.close()]);
      return {
        name: 'durability',
        value: single.subject,
        unit: 'acked publishes/s with fsync',
        spread: single.spread,
        ratio: { fast: single.ratio },
        fast: single.floor,
        packed: {
          fsync: packed.subject,
          fast: packed.floor,
          ratio: packed.ratio,
          eventsPerMessage: perMessage,
        },
      };
    }),
  );
