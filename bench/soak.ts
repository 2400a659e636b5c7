/**
 * `npm run soak -- --minutes N [--json] [--seed N]`: a server under steady load for so long, its memory and handles
 * looked at every second. Ends with 1 when either grows. The first half warms up and is not judged: rings of metrics,
 * of ids and of latencies fill in it, and so do the tables.
 *
 * What grows shall be what somebody keeps. Left alone, resident memory also follows two habits that are bounded, but
 * take far longer than a soak to show it. glibc gives threads arenas of their own, up to eight for each processor, and
 * threads that come and go (a rollback starts most of them anew) leave holes there: of this very load they held 70 MiB
 * after 1.5 minutes and 155 after 12; in two arenas it is 103 MiB from the sixth minute on, to the end of the eleventh.
 * And V8 lets heaps grow until it thinks a collection pays, and young generations with what survives in them, while
 * what is alive in each thread stays the same. So the server runs in two arenas here, with a small young generation,
 * and garbage goes at every collection. `--as-is` leaves all that to the platform.
 */
import { Command, InvalidArgumentError } from 'commander';
import { runLoad, type Work } from './soak/load.ts';
import { plotOf } from './soak/plot.ts';
import { type Point, type Trend, trendOf } from './soak/slope.ts';
import { type HostProcess, type HostSample, withSampledHost } from './with-host.ts';

interface Sample extends HostSample {
  readonly atS: number;
}

const sampleMs = 1_000;
const warmShare = 1 / 2;
const lean: HostProcess = {
  environment: { MALLOC_ARENA_MAX: '2' },
  flags: ['--gc-global', '--max-semi-space-size=4'],
};
const mib = 1024 * 1024;

const settings = {
  models: {
    soak: {
      features: { bits: 16 },
      actors: { shards: 2, predictors: 2 },
      checkpoint: { keep: 5, everyEvents: 0, everyMs: 0, atStop: false },
      // A ring that fills while the run warms up; one of the default size would still be filling at the end.
      dedupe: { idsMax: 50_000 },
    },
  },
  supervisor: { intensity: 1000, periodMs: 100 * 1000 },
};

const series: Readonly<Record<string, (sample: Sample) => number>> = {
  rssMiB: ({ rss }) => rss / mib,
  heapMiB: ({ heapUsed }) => heapUsed / mib,
  externalMiB: ({ external }) => external / mib,
  handles: ({ handles }) => handles,
  files: ({ files }) => files,
};
/** Share of the median, and least amount, that a series may seem to grow by over the time that is judged. */
const tolerated: Readonly<Record<string, readonly [share: number, least: number]>> = {
  rssMiB: [0.05, 10],
  heapMiB: [0.1, 5],
  externalMiB: [0.1, 5],
  handles: [0.1, 4],
  files: [0.1, 4],
};

const points = (samples: readonly Sample[], name: string): Point[] =>
  samples.map((sample) => ({ atS: sample.atS, value: series[name]!(sample) }));

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly asIs?: boolean;
  readonly json?: boolean;
}

async function soak({ minutes, seed, asIs = false }: Options): Promise<{ samples: Sample[]; work: Work }> {
  const underLoad = async (url: string, sampleNow: () => Promise<HostSample>) => {
    const startedMs = performance.now();
    const samples: Sample[] = [];
    const sampling = setInterval(() => {
      void sampleNow().then((sample) =>
        samples.push({ atS: (performance.now() - startedMs) / 1000, ...sample }),
      );
    }, sampleMs);
    try {
      return { samples, work: await runLoad(url, seed, startedMs + minutes * 60_000) };
    } finally {
      clearInterval(sampling);
    }
  };
  return withSampledHost(settings, underLoad, asIs ? {} : lean);
}

function judged(samples: readonly Sample[]): Record<string, Trend> {
  const from = samples.at(-1)!.atS * warmShare;
  const warm = samples.filter(({ atS }) => atS >= from);
  return Object.fromEntries(
    Object.entries(tolerated).map(([name, [share, least]]) => [
      name,
      trendOf(points(warm, name), share, least),
    ]),
  );
}

const positive = (text: string): number => {
  const number = Number(text);
  if (number > 0 && number <= 24 * 60) return number;
  throw new InvalidArgumentError('expected a number above 0 and up to 1440');
};

const program = new Command('soak')
  .option('--minutes <number>', 'how long', positive, 8)
  .option('--seed <number>', 'seed of the events', positive, 1)
  .option('--as-is', 'leave arenas, heaps and collections to the platform')
  .option('--json', 'print everything as one line of JSON, last')
  .action(async (options: Options) => {
    const { minutes, seed, asIs = false, json } = options;
    const { samples, work } = await soak(options);
    const trends = judged(samples);
    const verdict = Object.values(trends).every((trend) => trend.verdict === 'flat') ? 'flat' : 'growing';
    console.log(`${plotOf(points(samples, 'rssMiB'), 'MiB')}\n`);
    for (const [name, { median, growth, tolerated: most, low, high, verdict: word }] of Object.entries(
      trends,
    )) {
      const perHour = [low, high].map((bound) => (bound * 3600).toFixed(1)).join(' to ');
      console.log(
        `${name.padEnd(11)} ${word}: median ${median.toFixed(1)}, growth ${growth.toFixed(1)} of ${most.toFixed(1)} tolerated, ${perHour} per hour`,
      );
    }
    console.dir(work);
    console.log(`verdict: ${verdict}`);
    if (json === true) console.log(JSON.stringify({ minutes, seed, asIs, verdict, trends, work, samples }));
    if (verdict !== 'flat' || work.events === 0 || work.versions === 0 || work.rollbacks === 0)
      process.exitCode = 1;
  });
await program.parseAsync();
