/**
 * A process of its own: asks, one at a time and at a modest rate, about the flights that depart next, and
 * measures how long the answers take. Nothing that happens to the server may make a question fail.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { build, type Histogram } from 'hdr-histogram-js';
import { connect } from '../src/client/connect.ts';
import { runChild } from './child.ts';
import { liveModel } from './config.ts';
import { featuresOf } from './features.ts';
import { flightsBetween } from './flights.ts';
import type { AskerReport } from './processes.ts';

const askEveryMs = 5;
const reportEvery = 20;
/** Flights beyond the newest in the stream that may be asked about before the next position is known. */
const aheadMost = 100;
/** An answer later than this is a failure. */
const timeoutMs = 1_000;

interface Tally {
  failed: number;
  readonly latency: Histogram;
}

await runChild<AskerReport>(async (parent) => {
  const client = await connect({ servers: parent.spec.url, name: 'demo-asker' });
  const tally: Tally = {
    failed: 0,
    latency: build({ highestTrackableValue: 60_000_000, useWebAssembly: false }),
  };
  let count = 0;
  await parent.until(({ published }) => published > 0);
  for await (const flight of flightsBetween(0, parent.spec.events)) {
    if (flight.index < parent.position().published) continue;
    const { ended } = await parent.until(({ published }) => published + aheadMost >= flight.index);
    if (ended) break;
    const startedMs = performance.now();
    await client.predict(liveModel, featuresOf(flight), { timeoutMs }).then(
      () => tally.latency.recordValue(Math.round(1000 * (performance.now() - startedMs))),
      () => {
        tally.failed += 1;
      },
    );
    count += 1;
    if (count % reportEvery === 0) parent.report(reportOf(tally));
    await wait(Math.max(0, startedMs + askEveryMs - performance.now()));
  }
  // All flights may be asked about before the last of them is in the stream.
  await parent.until(({ ended }) => ended);
  await client.close();
  return reportOf(tally);
});

function reportOf({ failed, latency }: Tally): AskerReport {
  return {
    count: latency.totalCount + failed,
    failed,
    p50Ms: latency.getValueAtPercentile(50) / 1000,
    p99Ms: latency.getValueAtPercentile(99) / 1000,
  };
}
