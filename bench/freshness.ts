/** `freshness`: publish one event, ask for a prediction that reflects it (minSeq), and time the two together, idle and under load. */
import { connect, type Millrace } from '../src/index.ts';
import { clickEvents } from './events.ts';
import { quantile } from './measure.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const rounds = 400;
const loadEventsPerSecond = 20_000;
const perMessage = 256;

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function measure(client: Millrace, seed: number): Promise<Latency> {
  const events = clickEvents(rounds, seed);
  const found: number[] = [];
  for (const event of events) {
    const startedMs = performance.now();
    const { seq } = await client.learn('bench', event);
    await client.predict('bench', event.features, { minSeq: seq });
    found.push(performance.now() - startedMs);
  }
  return { p50Ms: quantile(found, 0.5), p99Ms: quantile(found, 0.99) };
}

/** Publishes arrays at an even pace until told to stop. */
function load(client: Millrace, seed: number): () => Promise<void> {
  const events = clickEvents(perMessage * 40, seed);
  let stopped = false;
  const run = async () => {
    const startedMs = performance.now();
    for (let message = 0; !stopped; message++) {
      const start = (message % 40) * perMessage;
      await client.learn('bench', events.slice(start, start + perMessage));
      const dueMs = startedMs + ((message + 1) * perMessage * 1000) / loadEventsPerSecond;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    }
  };
  const running = run();
  return () => {
    stopped = true;
    return running;
  };
}

export const freshness: Benchmark = ({ seed, say }) =>
  withHost({ models: { bench: {} } }, async (url) => {
    const client = await connect({ servers: [url] });
    await measure(client, seed);
    say('idle');
    const idle = await measure(client, seed + 1);
    say(`under ${loadEventsPerSecond} events/s`);
    const other = await connect({ servers: [url] });
    const stop = load(other, seed + 2);
    const halfLoad = await measure(client, seed + 3);
    await stop();
    await Promise.all([client.close(), other.close()]);
    const spread = [idle.p50Ms, idle.p99Ms] as const;
    return {
      name: 'freshness',
      value: idle.p50Ms,
      unit: 'ms, idle, p50',
      spread,
      ratio: {},
      idle,
      halfLoad,
      loadEventsPerSecond,
    };
  });
