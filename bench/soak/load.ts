/**
 * What a server goes through in a soak: events at a steady rate, with ids that now and then come again and some that
 * are refused; predictions; versions and rollbacks; clients that come and go; a learner that is ended. Everything is
 * bounded by its lane: one call at a time each.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type LearnEvent, type Millrace } from '../../src/index.ts';
import { clickEvents, randomFrom } from '../events.ts';

export interface Work {
  events: number;
  predictions: number;
  predictionsFailed: number;
  versions: number;
  rollbacks: number;
  clients: number;
  learnersEnded: number;
  failures: Record<string, number>;
}

const model = 'soak';
const eventsPerMessage = 64;
const eventsPerSecond = 1_500;
const idsRepeat = 5_000;

export async function runLoad(url: string, seed: number, untilMs: number): Promise<Work> {
  const work: Work = {
    events: 0,
    predictions: 0,
    predictionsFailed: 0,
    versions: 0,
    rollbacks: 0,
    clients: 0,
    learnersEnded: 0,
    failures: {},
  };
  const client = await connect({ servers: [url] });
  const events = clickEvents(2_000, seed);
  const random = randomFrom(seed);
  const lane = (name: string, everyMs: number, act: () => Promise<void>) =>
    laneOf(name, everyMs, untilMs, work, act);
  await Promise.all([
    lane('learn', (eventsPerMessage * 1000) / eventsPerSecond, () => learn(client, events, random, work)),
    lane('predict', 10, () => predict(client, events[work.predictions % events.length]!, work)),
    lane('version', 10_000, async () => {
      await client.checkpoint(model);
      work.versions++;
    }),
    lane('rollback', 31_000, () => rollback(client, work)),
    lane('client', 1_000, () => comeAndGo(url, events[0]!, work)),
    lane('restart', 47_000, async () => {
      await client.restartActor(`${model}/learner/0`);
      work.learnersEnded++;
    }),
  ]);
  await client.close();
  return work;
}

/** Again and again, not before `everyMs` have passed since the last beginning; what fails is counted by its kind. */
async function laneOf(
  name: string,
  everyMs: number,
  untilMs: number,
  work: Work,
  act: () => Promise<void>,
): Promise<void> {
  while (performance.now() < untilMs) {
    const dueMs = performance.now() + everyMs;
    try {
      await act();
    } catch (error) {
      const kind = `${name}: ${(error as { kind?: string }).kind ?? String(error)}`;
      work.failures[kind] = (work.failures[kind] ?? 0) + 1;
    }
    await wait(Math.max(0, Math.min(dueMs, untilMs) - performance.now()));
  }
}

async function learn(
  client: Millrace,
  events: LearnEvent[],
  random: () => number,
  work: Work,
): Promise<void> {
  const body = Array.from({ length: eventsPerMessage }, (_, at) => {
    const event = events[(work.events + at) % events.length]!;
    const number = work.events + at - (random() < 0.1 ? Math.floor(random() * idsRepeat) : 0);
    return random() < 0.001 ? { ...event, weight: -1 } : { ...event, id: `event-${number}` };
  });
  await client.learn(model, body);
  work.events += eventsPerMessage;
}

async function predict(client: Millrace, { features }: LearnEvent, work: Work): Promise<void> {
  try {
    await client.predict(model, features);
    work.predictions++;
  } catch (error) {
    work.predictionsFailed++;
    throw error;
  }
}

async function rollback(client: Millrace, work: Work): Promise<void> {
  const { versions } = await client.checkpoints(model);
  const earlier = versions.at(-2) ?? versions.at(-1);
  if (earlier === undefined) return;
  await client.rollback(model, earlier.version, { mode: work.rollbacks % 2 === 0 ? 'continue' : 'relearn' });
  work.rollbacks++;
}

async function comeAndGo(url: string, event: LearnEvent, work: Work): Promise<void> {
  const client = await connect({ servers: [url] });
  try {
    const { seq } = await client.learn(model, event);
    await client.predict(model, event.features, { minSeq: seq }).catch(() => undefined);
    work.clients++;
  } finally {
    await client.close();
  }
}
