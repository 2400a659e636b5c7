/**
 * `rank`: 1,000 candidates of 20 features in a context of 20, on the raw wire, one request at a time. The floor is a
 * predict request for the same 1,000, with the features of the context in each instance.
 */
import { connectChannel } from '../src/nats/connection.ts';
import { contentHeaders, encode } from '../src/protocol/codec.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import { clickEvents } from './events.ts';
import { measurePairs, median } from './measure.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const candidateCount = 1_000;
const requests = 40;
const timeoutMs = 10_000;
const headers = contentHeaders('msgpack');

export const rank: Benchmark = ({ pairs, seed, say }) =>
  withHost({ models: { bench: {} } }, async (url) => {
    const channel = await connectChannel({ servers: [url], name: 'bench' });
    const subjects = subjectsOf('millrace');
    const events = clickEvents(candidateCount + 1, seed);
    await channel.append(subjects.learn('bench'), encode(events, 'msgpack'), { headers });
    const context = Object.fromEntries(
      Object.entries(events[candidateCount]!.features).map(([name, value]) => [`context_${name}`, value]),
    );
    const candidates = events
      .slice(0, candidateCount)
      .map(({ features }, i) => ({ id: `candidate${i}`, features }));
    const instances = candidates.map(({ id, features }) => ({ id, features: { ...context, ...features } }));
    const softmax = { name: 'softmax', uncertainty: 1 };
    const medianMs = (subject: string, body: object) => async () => {
      const data = encode(body, 'msgpack');
      const found: number[] = [];
      for (let i = 0; i < requests; i++) {
        const startedMs = performance.now();
        await channel.request(subject, data, { timeoutMs, headers });
        found.push(performance.now() - startedMs);
      }
      return median(found);
    };
    const [rankSubject, predictSubject] = [subjects.rank('bench'), subjects.predict('bench')];
    say('the best 10, beside predict');
    const best = await measurePairs(
      pairs,
      medianMs(rankSubject, { context, candidates, top: 10 }),
      medianMs(predictSubject, { instances }),
    );
    say('the best 10, beside a softmax with uncertainty');
    const drawn = await measurePairs(
      pairs,
      medianMs(rankSubject, { context, candidates, top: 10, explore: softmax }),
      medianMs(rankSubject, { context, candidates, top: 10 }),
    );
    await channel.close();
    return {
      name: 'rank',
      value: best.subject,
      unit: `ms for ${candidateCount} candidates, p50`,
      spread: best.spread,
      ratio: { predict: best.ratio, softmaxToBest: drawn.ratio },
      predictMs: best.floor,
      softmaxMs: drawn.subject,
    };
  });
