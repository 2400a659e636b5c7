/**
 * `predict`: requests per second at 64 in flight, latency at 1 in flight, and batches of 100, on the raw wire. The
 * floor is an echo of the same bytes through the same nats-server.
 */
import type { Channel } from '../src/nats/channel.ts';
import { connectChannel } from '../src/nats/connection.ts';
import { contentHeaders, encode } from '../src/protocol/codec.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import { echoSubject } from './echo.ts';
import { clickEvents } from './events.ts';
import { measurePairs, median, quantile, rateOf } from './measure.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const requests = 15_000;
const inFlight = 64;
const singles = 1_500;
const perBatch = 100;
const batches = 250;
const timeoutMs = 10_000;
const headers = contentHeaders('msgpack');

/** Keeps `inFlight` requests under way until all are answered. */
async function flood(
  channel: Channel,
  subject: string,
  bodies: readonly Uint8Array[],
  count: number,
): Promise<void> {
  let sent = 0;
  const lane = async () => {
    while (sent < count)
      await channel.request(subject, bodies[sent++ % bodies.length]!, { timeoutMs, headers });
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function latencies(
  channel: Channel,
  subject: string,
  bodies: readonly Uint8Array[],
): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < singles; i++) {
    const startedMs = performance.now();
    await channel.request(subject, bodies[i % bodies.length]!, { timeoutMs, headers });
    found.push(performance.now() - startedMs);
  }
  return found;
}

export const predict: Benchmark = ({ pairs, seed, say }) =>
  // On a busy machine a request may wait for long, which shall slow this down and not end it.
  withHost({ models: { bench: { limits: { predictQueueMs: 60_000 } } } }, async (url) => {
    const channel = await connectChannel({ servers: [url], name: 'bench' });
    const subjects = subjectsOf('millrace');
    const subject = subjects.predict('bench');
    const events = clickEvents(2_000, seed);
    await channel.append(subjects.learn('bench'), encode(events, 'msgpack'), { headers });
    const bodies = events.map(({ features }) => encode({ features }, 'msgpack'));
    const grouped = Array.from({ length: 10 }, (_, group) =>
      encode({ instances: events.slice(group * perBatch, (group + 1) * perBatch) }, 'msgpack'),
    );
    say('64 in flight');
    const rate = (to: string) => () => rateOf(requests, () => flood(channel, to, bodies, requests));
    const many = await measurePairs(pairs, rate(subject), rate(echoSubject));
    say('1 in flight');
    const last = { subject: [0], echo: [0] };
    const timed = async (kind: 'subject' | 'echo', to: string) => {
      last[kind] = await latencies(channel, to, bodies);
      return median(last[kind]);
    };
    const one = await measurePairs(
      pairs,
      () => timed('subject', subject),
      () => timed('echo', echoSubject),
    );
    say('batches of 100');
    const batch = await measurePairs(
      pairs,
      () => rateOf(batches * perBatch, () => flood(channel, subject, grouped, batches)),
      rate(subject),
    );
    await channel.close();
    return {
      name: 'predict',
      value: many.subject,
      unit: 'predictions/s, 64 in flight',
      spread: many.spread,
      ratio: { echo: many.ratio, echoP50: one.ratio, batch: batch.ratio },
      echo: many.floor,
      latencyMs: {
        p50: one.subject,
        p99: quantile(last.subject, 0.99),
        echoP50: one.floor,
        echoP99: quantile(last.echo, 0.99),
      },
      batchesOf100: batch.subject,
    };
  });
