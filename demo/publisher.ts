/**
 * A process of its own: streams the flights to the learning model, at an even rate, in arrays. The first tenth
 * goes to the twin as well, and is learned before the next flight is sent. Labels go with the flights; in life a flight's label comes hours later.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '../src/client/connect.ts';
import type { Millrace } from '../src/client/millrace.ts';
import type { LearnEvent } from '../src/protocol/messages.ts';
import { BaseRate } from './base-rate.ts';
import { type Parent, runChild } from './child.ts';
import { frozenModel, liveModel } from './config.ts';
import { eventOf } from './features.ts';
import { flightsBetween } from './flights.ts';
import { paced } from './pace.ts';
import type { PublisherReport } from './processes.ts';

const eventsPerMessage = 128;
const twinEventsPerMessage = 1000;
const reportEveryMs = 50;

interface Twin {
  seq: number;
}

await runChild<PublisherReport>(async (parent) => {
  const { spec } = parent;
  const client = await connect({ servers: spec.url, name: 'demo-publisher' });
  const base = new BaseRate(spec.tenth);
  const twin: Twin = { seq: 0 };
  const report = (published: number, ended: boolean): PublisherReport => ({
    published,
    frozenSeq: twin.seq,
    learned: parent.position().learned,
    ended,
    constantLogLoss: base.logLoss,
  });
  const source = paced(events(client, parent, base, twin), {
    perSecond: spec.rate,
    now: () => performance.now(),
    wait,
  });
  let reportedMs = 0;
  const { events: published } = await client.learnStream(liveModel, source, {
    eventsPerMessage,
    timeoutMs: 30_000,
    onProgress: (progress) => {
      if (performance.now() - reportedMs < reportEveryMs) return;
      reportedMs = performance.now();
      parent.report(report(progress.events, false));
    },
  });
  await client.close();
  return report(published, true);
});

/** The events in order; those of the first tenth have gone to the twin too before the next one is yielded. */
async function* events(
  client: Millrace,
  parent: Parent<PublisherReport>,
  base: BaseRate,
  twin: Twin,
): AsyncGenerator<LearnEvent> {
  const { spec } = parent;
  let forTwin: LearnEvent[] = [];
  for await (const flight of flightsBetween(0, spec.events)) {
    // Here both models are the same, and the scoring begins at just this flight.
    if (flight.index === spec.tenth) await parent.until(({ learned }) => learned >= spec.tenth);
    base.add(flight.late);
    const event = eventOf(flight);
    if (flight.index < spec.tenth) {
      forTwin.push(event);
      const complete = flight.index === spec.tenth - 1;
      if (forTwin.length === twinEventsPerMessage || complete) {
        const { seq } = await client.learn(frozenModel, forTwin, { timeoutMs: 30_000 });
        if (complete) twin.seq = seq;
        forTwin = [];
      }
    }
    yield event;
  }
}
