/**
 * A process of its own: asks the twin, which was given the first tenth alone, about every later flight, and
 * scores its answers with the same sums that the server keeps of the model that goes on learning.
 */

import { MillraceError } from '../src/base/errors.ts';
import { connect } from '../src/client/connect.ts';
import type { Millrace } from '../src/client/millrace.ts';
import { addToSums, bucketOf, metricsView, totalsLength } from '../src/model/metrics.ts';
import { runChild } from './child.ts';
import { frozenModel } from './config.ts';
import { featuresOf } from './features.ts';
import { type Flight, flightsBetween } from './flights.ts';
import type { FrozenReport } from './processes.ts';

const definition = { task: 'binary', loss: 'logistic' } as const;
const batchSize = 1000;
/** Keeps the logit of a probability that was rounded to 0 or 1 finite. */
const probabilityLeast = 1e-15;

await runChild<FrozenReport>(async (parent) => {
  const { spec } = parent;
  const client = await connect({ servers: spec.url, name: 'demo-frozen' });
  const { frozenSeq } = await parent.until(({ frozenSeq: seq }) => seq > 0);
  const totals = new Float64Array(totalsLength);
  let batch: Flight[] = [];
  for await (const flight of flightsBetween(spec.tenth, spec.events)) {
    batch.push(flight);
    if (batch.length < batchSize && flight.index < spec.events - 1) continue;
    await parent.until(({ published }) => published > flight.index);
    await score(client, batch, frozenSeq, totals);
    batch = [];
    parent.report(reportOf(totals));
  }
  await client.close();
  return reportOf(totals);
});

async function score(
  client: Millrace,
  flights: readonly Flight[],
  minSeq: number,
  totals: Float64Array,
): Promise<void> {
  const instances = flights.map((flight) => ({ id: String(flight.index), features: featuresOf(flight) }));
  const { predictions } = await client.predictMany(frozenModel, instances, { minSeq, timeoutMs: 30_000 });
  for (const [index, flight] of flights.entries()) {
    const answer = predictions[index]!;
    if ('error' in answer)
      throw new MillraceError('internal', `flight ${flight.index}: ${answer.error.message}`);
    const label = flight.late ? 1 : 0;
    const raw = logit(answer.score);
    addToSums(totals, definition, raw, label, 1);
    totals[bucketOf(raw, label)]! += 1;
  }
}

function logit(probability: number): number {
  const clamped = Math.min(1 - probabilityLeast, Math.max(probabilityLeast, probability));
  return Math.log(clamped / (1 - clamped));
}

function reportOf(totals: Float64Array): FrozenReport {
  const { events, logLoss, auc } = metricsView(totals, definition);
  return { scored: events, logLoss, auc };
}
