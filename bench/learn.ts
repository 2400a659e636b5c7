/**
 * `learn`: a client publishes arrays of events; the clock stops when a predictor reflects the last of them. Floors:
 * `core` (the same work in one thread without NATS) and `transport` (the same bytes through JetStream to a reader
 * that does nothing with them). `single` is one event in each message, beside what the same client gets for such
 * messages, acked, when nobody reads them.
 */
import { connect } from '../src/index.ts';
import { connectChannel } from '../src/nats/connection.ts';
import { contentHeaders, encode } from '../src/protocol/codec.ts';
import { core } from './core.ts';
import { clickEvents } from './events.ts';
import { measurePairs, rateOf } from './measure.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const eventCount = 60_000;
const perMessage = 256;
const windowMessages = 64;
const singleCount = 8_000;
const singlesInFlight = 256;

export const learn: Benchmark = (options) =>
  withHost({ models: { bench: {} } }, async (url) => {
    const events = clickEvents(eventCount, options.seed);
    const client = await connect({ servers: [url] });
    const channel = await connectChannel({ servers: [url], name: 'bench' });
    await channel.ensureStream({
      name: 'bench_transport',
      subjects: ['bench.transport'],
      bytesMax: 2 ** 30,
      discard: 'old',
      duplicateWindowMs: 120_000,
    });
    const whole = () =>
      rateOf(eventCount, async () => {
        const { seq } = await client.learnStream('bench', events, {
          eventsPerMessage: perMessage,
          inFlight: windowMessages,
        });
        await client.predict('bench', events[0]!.features, { minSeq: seq!, timeoutMs: 60_000 });
      });
    const bodies = Array.from({ length: Math.ceil(eventCount / perMessage) }, (_, message) =>
      events.slice(message * perMessage, (message + 1) * perMessage),
    );
    const transport = () =>
      rateOf(eventCount, async () => {
        const before = (await channel.streamState('bench_transport'))!.lastSeq;
        const reader = await channel.readFrom('bench_transport', before + 1);
        let sent = 0;
        const lane = async () => {
          while (sent < bodies.length) {
            const data = encode(bodies[sent++]!, 'msgpack');
            await channel.append('bench.transport', data, { headers: contentHeaders('msgpack') });
          }
        };
        const publishing = Promise.all(Array.from({ length: windowMessages }, lane));
        for await (const entry of reader) if (entry.seq >= before + bodies.length) break;
        await publishing;
        await reader.close();
      });
    const measured = await measurePairs(options.pairs, whole, transport);
    const singles = await measurePairs(
      options.pairs,
      () =>
        rateOf(singleCount, async () => {
          const { seq } = await client.learnStream('bench', events.slice(0, singleCount), {
            eventsPerMessage: 1,
            inFlight: singlesInFlight,
          });
          await client.predict('bench', events[0]!.features, { minSeq: seq!, timeoutMs: 60_000 });
        }),
      () =>
        rateOf(singleCount, async () => {
          let sent = 0;
          const lane = async () => {
            while (sent < singleCount) {
              const data = encode(events[sent++]!, 'msgpack');
              await channel.append('bench.transport', data, { headers: contentHeaders('msgpack') });
            }
          };
          await Promise.all(Array.from({ length: singlesInFlight }, lane));
        }),
    );
    const floor = await core(options);
    await Promise.all([client.close(), channel.close()]);
    return {
      name: 'learn',
      value: measured.subject,
      unit: 'events/s to a predictor',
      spread: measured.spread,
      ratio: { core: measured.subject / floor.value, transport: measured.ratio, single: singles.ratio },
      core: floor.value,
      transport: measured.floor,
      single: singles.subject,
      singlesUnread: singles.floor,
    };
  });
