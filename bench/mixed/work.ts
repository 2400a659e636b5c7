/**
 * The other work of `mixed`, a process of its own: publishes events at an even pace, or burns as much processor time
 * as that costs everybody. Its parent tells it what to do, and gets the answer when it is done.
 */
import { connect } from '../../src/index.ts';
import { clickEvents } from '../events.ts';

export type Task =
  | { readonly kind: 'learn'; readonly url: string; readonly rate: number; readonly durationMs: number }
  | { readonly kind: 'burn'; readonly share: number; readonly durationMs: number };

const perMessage = 64;
const inFlightMax = 64;
const sliceMs = 5;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Open loop: who is late sends at once. Returns how many events were acked. */
async function publish(url: string, rate: number, durationMs: number): Promise<number> {
  const client = await connect({ servers: [url] });
  const events = clickEvents(perMessage * 40, 7);
  const startedMs = performance.now();
  let acked = 0;
  const underWay = new Set<Promise<unknown>>();
  for (let message = 0; performance.now() < startedMs + durationMs; message++) {
    const from = (message % 40) * perMessage;
    const sent = client.learn('bench', events.slice(from, from + perMessage)).then(() => {
      acked += perMessage;
      underWay.delete(sent);
    });
    underWay.add(sent);
    while (underWay.size >= inFlightMax) await Promise.race(underWay);
    await sleep(startedMs + ((message + 1) * perMessage * 1000) / rate - performance.now());
  }
  await Promise.all(underWay);
  await client.close();
  return acked;
}

async function burn(share: number, durationMs: number): Promise<number> {
  const endMs = performance.now() + durationMs;
  let spun = 0;
  while (performance.now() < endMs) {
    const untilMs = performance.now() + sliceMs * share;
    while (performance.now() < untilMs) spun++;
    await sleep(sliceMs * (1 - share));
  }
  return spun;
}

process.on('message', async (task: Task) => {
  const done =
    task.kind === 'learn'
      ? await publish(task.url, task.rate, task.durationMs)
      : await burn(task.share, task.durationMs);
  process.send!(done);
});
