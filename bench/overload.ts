/**
 * `overload`: what comes through when more is asked than can be served. Client processes offer 0.5, 1, 2 and 4 times
 * the measured capacity in an open loop. Goodput is what was answered while they did so; the rest was shed with 429.
 *
 * The figure is for requests of 20 instances with crossed features: there the predictor is what limits, also where
 * clients, nats-server and predictor share few processors. Single instances of plain features are printed too: their
 * messages cost more than their predictions, so that at 4 times the capacity clients and nats-server alone want more
 * processors than a small machine has. `lateMs` says how late the clients themselves were with sending.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Channel } from '../src/nats/channel.ts';
import { connectChannel } from '../src/nats/connection.ts';
import { contentHeaders, encode } from '../src/protocol/codec.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import { clickEvents } from './events.ts';
import { median, quantile } from './measure.ts';
import { type Counted, type Offer, requestBodies } from './overload/offered.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const clients = 2;
const factors = [0.5, 1, 2, 4];
const instances = 20;
const phaseMs = 4_000;
const inFlight = 16;
const capacityMs = 2_000;
const timeoutMs = 10_000;
/** An answer within this time finds no queue. */
const quietMs = 20;
const headers = contentHeaders('msgpack');
/** Every pair of 11 of the 12 categorical fields: 55 crosses beside the 20 features. */
const interactions = Array.from({ length: 11 }, (_, a) => a).flatMap((a) =>
  Array.from({ length: a }, (_, b) => [`field${b}`, `field${a}`]),
);
const models = {
  plain: { actors: { predictors: 1 } },
  crossed: { actors: { predictors: 1 }, features: { interactions } },
};
const subjects = subjectsOf('millrace');

export const overload: Benchmark = ({ seed, say }) =>
  withHost({ models }, async (url) => {
    const events = clickEvents(2_000, seed);
    const channel = await connectChannel({ servers: [url], name: 'bench' });
    for (const model of Object.keys(models))
      await channel.append(subjects.learn(model), encode(events, 'msgpack'), { headers });
    await channel.close();
    const many = await underLoad({ url, seed, model: 'crossed', perRequest: instances, say });
    const single = await underLoad({ url, seed, model: 'plain', perRequest: 1, say });
    const ratios = many.loads.map(({ goodput }) => goodput / many.capacity);
    const last = ratios.at(-1)!;
    return {
      name: 'overload',
      value: many.loads.at(-1)!.goodput,
      unit: `requests/s of ${instances} instances answered at ${factors.at(-1)} times the capacity`,
      spread: [Math.min(...ratios.slice(1)), Math.max(...ratios.slice(1))],
      ratio: { capacity: last, singleCapacity: single.loads.at(-1)!.goodput / single.capacity },
      capacity: many.capacity,
      loads: many.loads,
      single,
    };
  });

interface Workload {
  readonly url: string;
  readonly seed: number;
  readonly model: string;
  readonly perRequest: number;
  say(sentence: string): void;
}

async function underLoad(work: Workload) {
  const { model, perRequest, say } = work;
  say(`capacity of model ${model} for requests of ${perRequest}`);
  const capacity = await capacityOf(work);
  const children = await Promise.all(Array.from({ length: clients }, (_, at) => startClient(work, at)));
  try {
    const loads = [];
    for (const factor of factors) {
      say(`${factor} times ${capacity.toFixed(0)} requests/s of ${perRequest}`);
      loads.push(loadOf(factor, await offerAll(children, factor * capacity)));
    }
    return { capacity, loads };
  } finally {
    for (const child of children) if (child.connected) child.send({ rate: 0, durationMs: 0 });
  }
}

/** Resolves when the backlog of what was offered before is gone: nobody waits for its answers any more. */
async function settled(channel: Channel, subject: string, body: Uint8Array): Promise<void> {
  for (;;) {
    const startedMs = performance.now();
    const answered = await channel.request(subject, body, { timeoutMs, headers }).then(
      () => true,
      () => false,
    );
    if (answered && performance.now() - startedMs < quietMs) return;
  }
}

/** Answers per second with so many requests in flight; one warm-up, then the median of three. */
async function capacityOf({ url, seed, model, perRequest }: Workload): Promise<number> {
  const channel = await connectChannel({ servers: [url], name: 'bench' });
  const bodies = requestBodies(clickEvents(1_000, seed), perRequest);
  const subject = subjects.predict(model);
  await settled(channel, subject, bodies[0]!);
  const rates: number[] = [];
  for (let round = 0; round < 4; round++) {
    const startedMs = performance.now();
    let count = 0;
    let sent = 0;
    const lane = async () => {
      while (performance.now() < startedMs + capacityMs) {
        const body = bodies[sent++ % bodies.length]!;
        // Others add to the count while this one waits: it must not be read before.
        const isAnswered = await channel.request(subject, body, { timeoutMs, headers }).then(
          () => true,
          () => false,
        );
        if (isAnswered) count++;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    rates.push((count * 1_000) / (performance.now() - startedMs));
  }
  await channel.close();
  return median(rates.slice(1));
}

async function startClient({ url, model, seed, perRequest }: Workload, at: number): Promise<ChildProcess> {
  const file = import.meta.url.endsWith('.ts') ? './overload/client.ts' : './overload/client.js';
  const child = fork(new URL(file, import.meta.url), [url, model, String(seed + at), String(perRequest)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  await once(child, 'message');
  return child;
}

async function offerAll(children: readonly ChildProcess[], rate: number): Promise<Counted[]> {
  const offer: Offer = { rate: rate / children.length, durationMs: phaseMs };
  return Promise.all(
    children.map(async (child) => {
      child.send(offer);
      const [counted] = await once(child, 'message');
      return counted as Counted;
    }),
  );
}

function loadOf(factor: number, counted: readonly Counted[]) {
  const sum = (of: (one: Counted) => number) => counted.reduce((total, one) => total + of(one), 0);
  const quantiles = (ms: readonly number[]) =>
    ms.length === 0 ? null : { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) };
  return {
    factor,
    offered: (sum(({ sent }) => sent) * 1_000) / phaseMs,
    goodput: (sum(({ inTime }) => inTime) * 1_000) / phaseMs,
    shedShare: sum((one) => one.shed) / sum(({ sent }) => sent),
    failed: sum((one) => one.failed),
    admittedMs: quantiles(counted.flatMap(({ latenciesMs }) => latenciesMs)),
    shedMs: quantiles(counted.flatMap(({ shedMs }) => shedMs)),
    lateMs: quantiles(counted.flatMap(({ lateMs }) => lateMs)),
  };
}
