/**
 * `cut`: what a version in the making costs those who learn and ask. A large table learns at a steady pace; every
 * few milliseconds one event is published and a prediction that reflects it (minSeq) is asked for. With versions
 * being made one after the other, and without, by turns. A pause for a cut would stand out in the longest of these
 * round trips; the pages that are kept for it and what is on its way to the disk stand in the memory's peak.
 */
import { connect, type LearnEvent, type Millrace } from '../src/index.ts';
import { clickEvents } from './events.ts';
import { median, quantile } from './measure.ts';
import type { Benchmark } from './result.ts';
import { type HostSample, withSampledHost } from './with-host.ts';

const tableUsers = 1_000_000;
const perMessage = 500;
const loadPerSecond = 5_000;
const loadPerMessage = 50;
const windowMs = 4_000;
const pauseMs = 3;
const sampleMs = 50;
const mib = 1024 * 1024;

const settings = (fullEvery: number) => ({
  models: {
    bench: {
      features: { bits: 22 },
      checkpoint: { keep: 2, everyEvents: 0, everyMs: 0, atStop: false, fullEvery },
      limits: { streamBytesMax: 4 * 1024 * mib },
    },
  },
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** One user each, so that as many rows are in the table. */
async function fill(client: Millrace, events: readonly LearnEvent[]): Promise<void> {
  let next = 0;
  let seq = 0;
  const lane = async () => {
    while (next < tableUsers) {
      const from = next;
      next += perMessage;
      const messages = Array.from({ length: perMessage }, (_, at) => ({
        features: { user: `u${from + at}` },
        label: events[(from + at) % events.length]!.label,
      }));
      seq = Math.max(seq, (await client.learn('bench', messages)).seq);
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  while ((await client.status('bench')).models[0]!.lag > 0) await sleep(100);
}

/** Events of users that are in the table, at an even pace until stopped: what a cut must copy before it is overwritten. */
function load(client: Millrace, events: readonly LearnEvent[]): () => Promise<void> {
  let stopped = false;
  const run = async () => {
    const startedMs = performance.now();
    for (let sent = 0; !stopped; sent += loadPerMessage) {
      const message = Array.from({ length: loadPerMessage }, (_, at) => {
        const { features, label } = events[(sent + at) % events.length]!;
        return { features: { ...features, user: `u${((sent + at) * 7919) % tableUsers}` }, label };
      });
      await client.learn('bench', message);
      await sleep(startedMs + (sent * 1000) / loadPerSecond - performance.now());
    }
  };
  const running = run();
  return () => {
    stopped = true;
    return running;
  };
}

interface Window {
  /** Milliseconds of each round trip. */
  readonly probes: number[];
  readonly peakRss: number;
  readonly cutMs: number[];
  readonly versionBytes: number;
}

async function watch(
  client: Millrace,
  events: readonly LearnEvent[],
  sampleNow: () => Promise<HostSample>,
  cutting: boolean,
): Promise<Window> {
  const endMs = performance.now() + windowMs;
  const probes: number[] = [];
  const cutMs: number[] = [];
  let peakRss = 0;
  let versionBytes = 0;
  const until = async (act: () => Promise<void>) => {
    while (performance.now() < endMs) await act();
  };
  const probing = until(async () => {
    const event = events[probes.length % events.length]!;
    const startedMs = performance.now();
    const { seq } = await client.learn('bench', event);
    await client.predict('bench', event.features, { minSeq: seq });
    probes.push(performance.now() - startedMs);
    await sleep(pauseMs);
  });
  const sampling = until(async () => {
    peakRss = Math.max(peakRss, (await sampleNow()).rss);
    await sleep(sampleMs);
  });
  const versions = until(async () => {
    if (!cutting) return sleep(sampleMs);
    const startedMs = performance.now();
    versionBytes = (await client.checkpoint('bench')).bytes;
    cutMs.push(performance.now() - startedMs);
  });
  await Promise.all([probing, sampling, versions]);
  return { probes, peakRss, cutMs, versionBytes };
}

const latency = (windows: readonly Window[]) => {
  const all = windows.flatMap(({ probes }) => probes);
  return {
    p50Ms: quantile(all, 0.5),
    p99Ms: quantile(all, 0.99),
    maxMs: Math.max(...all),
    probes: all.length,
  };
};

async function compare(fullEvery: number, pairs: number, seed: number, say: (sentence: string) => void) {
  return withSampledHost(settings(fullEvery), async (url, sampleNow) => {
    const [client, other] = [await connect({ servers: [url] }), await connect({ servers: [url] })];
    const events = clickEvents(5_000, seed);
    say(`filling a table with ${tableUsers} users`);
    await fill(client, events);
    await client.checkpoint('bench');
    const stop = load(other, events);
    const [quiet, cutting]: [Window[], Window[]] = [[], []];
    await watch(client, events, sampleNow, false);
    for (let pair = 0; pair < pairs; pair++) {
      quiet.push(await watch(client, events, sampleNow, false));
      cutting.push(await watch(client, events, sampleNow, true));
    }
    await stop();
    await Promise.all([client.close(), other.close()]);
    const ratios = quiet.map(
      ({ probes }, at) => quantile(cutting[at]!.probes, 0.99) / quantile(probes, 0.99),
    );
    const before = median(quiet.map(({ peakRss }) => peakRss));
    return {
      ratios,
      without: latency(quiet),
      cutting: latency(cutting),
      versions: cutting.reduce((sum, { cutMs }) => sum + cutMs.length, 0),
      versionMs: median(cutting.flatMap(({ cutMs }) => cutMs)),
      versionMiB: median(cutting.map(({ versionBytes }) => versionBytes)) / mib,
      rssMiB: before / mib,
      extraPeakMiB: (Math.max(...cutting.map(({ peakRss }) => peakRss)) - before) / mib,
    };
  });
}

export const cut: Benchmark = async ({ pairs, seed, say }) => {
  const count = Math.min(pairs, 5);
  say('every version full');
  const { ratios, ...full } = await compare(1, count, seed, say);
  say('versions of what changed');
  const { ratios: incrementalRatios, ...incremental } = await compare(100, count, seed, say);
  return {
    name: 'cut',
    value: full.cutting.maxMs,
    unit: 'ms, longest round trip while full versions are made',
    spread: [Math.min(...ratios), Math.max(...ratios)],
    ratio: { p99: median(ratios), incrementalP99: median(incrementalRatios) },
    full,
    incremental,
  };
};
