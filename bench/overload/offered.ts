/**
 * Predict requests at a steady rate, whether or not answers come (an open loop), and what came of each. Latency
 * counts from the moment at which a request was due, so that a client that is late itself hides nothing.
 */
import type { LearnEvent } from '../../src/index.ts';
import type { Channel } from '../../src/nats/channel.ts';
import { contentHeaders, encode } from '../../src/protocol/codec.ts';

export interface Offer {
  readonly rate: number;
  readonly durationMs: number;
}

export interface Counted {
  sent: number;
  answered: number;
  /** Answered while requests were still being sent. */
  inTime: number;
  shed: number;
  /** No answer within the time-out, or another refusal. */
  failed: number;
  readonly latenciesMs: number[];
  readonly shedMs: number[];
  /** From a request's being due to its being sent. */
  readonly lateMs: number[];
}

const timeoutMs = 5_000;
const tickMs = 2;
const headers = contentHeaders('msgpack');

export const requestBodies = (events: readonly LearnEvent[], perRequest: number): Uint8Array[] =>
  Array.from({ length: Math.floor(events.length / perRequest) }, (_, at) => {
    const instances = events.slice(at * perRequest, (at + 1) * perRequest);
    return encode(perRequest === 1 ? { features: instances[0]!.features } : { instances }, 'msgpack');
  });

export async function offered(
  channel: Channel,
  subject: string,
  bodies: readonly Uint8Array[],
  { rate, durationMs }: Offer,
): Promise<Counted> {
  const counted: Counted = {
    sent: 0,
    answered: 0,
    inTime: 0,
    shed: 0,
    failed: 0,
    latenciesMs: [],
    shedMs: [],
    lateMs: [],
  };
  const startedMs = performance.now();
  const underWay: Promise<void>[] = [];
  const ask = async (dueMs: number): Promise<void> => {
    counted.lateMs.push(performance.now() - dueMs);
    const body = bodies[counted.sent++ % bodies.length]!;
    try {
      await channel.request(subject, body, { timeoutMs, headers });
      const nowMs = performance.now();
      counted.answered++;
      if (nowMs < startedMs + durationMs) counted.inTime++;
      counted.latenciesMs.push(nowMs - dueMs);
    } catch (error) {
      if ((error as { code?: number }).code !== 429) counted.failed++;
      else {
        counted.shed++;
        counted.shedMs.push(performance.now() - dueMs);
      }
    }
  };
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = Math.min(durationMs, performance.now() - startedMs);
      const due = Math.floor((elapsedMs * rate) / 1_000);
      while (counted.sent < due) underWay.push(ask(startedMs + (counted.sent * 1_000) / rate));
      if (elapsedMs < durationMs) return;
      clearInterval(timer);
      resolve();
    }, tickMs);
  });
  await Promise.all(underWay);
  return counted;
}
