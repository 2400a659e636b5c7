/**
 * `mixed`: 2,000 predictions a second in an open loop while the model learns at half of what it can, versions are made
 * and one is gone back to. The floor is the same load of predictions beside processes that burn the processor time
 * that learning costs everybody: what is left between the two is waiting for each other, and not the machine.
 * Latency counts from the moment when a request was due, so that nothing hides behind a late one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { connect, type Millrace } from '../src/index.ts';
import type { Channel } from '../src/nats/channel.ts';
import { connectChannel } from '../src/nats/connection.ts';
import { contentHeaders, encode } from '../src/protocol/codec.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import { clickEvents } from './events.ts';
import { median, quantile } from './measure.ts';
import type { Task } from './mixed/work.ts';
import type { Benchmark } from './result.ts';
import { withHost } from './with-host.ts';

const predictionsPerSecond = 2_000;
const windowMs = 7_000;
/** When in a window a version is made, and the last one is gone back to. */
const cutsAtMs = [1_500, 3_500];
const rollbackAtMs = 5_000;
/** So long after one of these a bump would show. */
const bumpMs = 600;
const capacityMs = 3_000;
const headers = contentHeaders('msgpack');
const subject = subjectsOf('millrace').predict('bench');

interface Answer {
  readonly atMs: number;
  readonly latencyMs: number;
}

interface Window {
  readonly answers: readonly Answer[];
  readonly failed: number;
  /** Of all processors, 1 is one of them. */
  readonly busy: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Milliseconds that all processors were busy since the machine started. */
const busyMs = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

async function predictAtPace(channel: Channel, bodies: readonly Uint8Array[]): Promise<Window> {
  const startedMs = performance.now();
  const busyBefore = busyMs();
  const answers: Answer[] = [];
  const underWay: Promise<void>[] = [];
  let failed = 0;
  const total = (windowMs * predictionsPerSecond) / 1000;
  for (let sent = 0; sent < total; ) {
    for (; sent < total && startedMs + (sent * 1000) / predictionsPerSecond <= performance.now(); sent++) {
      const dueMs = (sent * 1000) / predictionsPerSecond;
      const asked = channel.request(subject, bodies[sent % bodies.length]!, { timeoutMs: 5_000, headers });
      const answered = () => {
        answers.push({ atMs: dueMs, latencyMs: performance.now() - startedMs - dueMs });
      };
      underWay.push(
        asked.then(answered, () => {
          failed++;
        }),
      );
    }
    await sleep(1);
  }
  await Promise.all(underWay);
  return { answers, failed, busy: (busyMs() - busyBefore) / (performance.now() - startedMs) };
}

class Helpers {
  readonly #children: ChildProcess[] = [];

  /** What each of them says when it is done. */
  run(tasks: readonly Task[]): Promise<number[]> {
    const entry = new URL(
      import.meta.url.endsWith('.ts') ? './mixed/work.ts' : './mixed/work.js',
      import.meta.url,
    );
    while (this.#children.length < tasks.length) this.#children.push(fork(entry));
    return Promise.all(
      tasks.map(async (task, at) => {
        const child = this.#children[at]!;
        const said = once(child, 'message');
        child.send(task);
        return (await said)[0] as number;
      }),
    );
  }

  end(): void {
    for (const child of this.#children) child.disconnect();
  }
}

/** Versions and a rollback at their times; events behind the rollback are left out. */
async function operate(client: Millrace): Promise<void> {
  const startedMs = performance.now();
  const at = (ms: number) => sleep(startedMs + ms - performance.now());
  let version = 0;
  for (const ms of cutsAtMs) {
    await at(ms);
    ({ version } = await client.checkpoint('bench'));
  }
  await at(rollbackAtMs);
  await client.rollback('bench', version);
}

const p99 = (answers: readonly Answer[]): number =>
  quantile(
    answers.map(({ latencyMs }) => latencyMs),
    0.99,
  );

const after = (windows: readonly Window[], ms: number): Answer[] =>
  windows.flatMap(({ answers }) => answers.filter(({ atMs }) => atMs >= ms && atMs < ms + bumpMs));

export const mixed: Benchmark = ({ pairs, seed, say }) =>
  withHost({ models: { bench: { checkpoint: { keep: 3 } } } }, async (url) => {
    const helpers = new Helpers();
    const client = await connect({ servers: [url] });
    const channel = await connectChannel({ servers: [url], name: 'bench' });
    try {
      const bodies = clickEvents(2_000, seed).map(({ features }) => encode({ features }, 'msgpack'));
      const [acked] = await helpers.run([{ kind: 'learn', url, rate: 1e6, durationMs: capacityMs }]);
      const rate = (acked! * 1000) / capacityMs / 2;
      while ((await client.status('bench')).models[0]!.lag > 0) await sleep(50);
      const idle = await predictAtPace(channel, bodies);
      say(`${predictionsPerSecond} predictions/s beside ${rate.toFixed(0)} events/s; ${pairs} pairs`);
      const learning = async () => {
        const [window] = await Promise.all([
          predictAtPace(channel, bodies),
          helpers.run([{ kind: 'learn', url, rate, durationMs: windowMs }]),
          operate(client),
        ]);
        while ((await client.status('bench')).models[0]!.lag > 0) await sleep(20);
        return window;
      };
      const burning = async (share: number) => {
        const burners = Math.max(1, Math.ceil(share));
        const task: Task = { kind: 'burn', share: share / burners, durationMs: windowMs };
        const [window] = await Promise.all([
          predictAtPace(channel, bodies),
          helpers.run(Array.from({ length: burners }, () => task)),
        ]);
        return window;
      };
      const subjects: Window[] = [];
      const floors: Window[] = [];
      let share = Math.max(0, (await learning()).busy - idle.busy);
      for (let pair = 0; pair < pairs; pair++) {
        const subjectWindow = await learning();
        share = Math.max(0, subjectWindow.busy - idle.busy);
        subjects.push(subjectWindow);
        floors.push(await burning(share));
      }
      const ratios = subjects.map(({ answers }, at) => p99(answers) / p99(floors[at]!.answers));
      const all = subjects.flatMap(({ answers }) => answers);
      return {
        name: 'mixed',
        value: p99(all),
        unit: 'ms, p99 of predictions while learning',
        spread: [Math.min(...ratios), Math.max(...ratios)],
        ratio: { p99: median(ratios) },
        failed: subjects.reduce((sum, { failed }) => sum + failed, 0),
        floorP99Ms: p99(floors.flatMap(({ answers }) => answers)),
        idleP99Ms: p99(idle.answers),
        bumpP99Ms: {
          cut: p99(cutsAtMs.flatMap((ms) => after(subjects, ms))),
          rollback: p99(after(subjects, rollbackAtMs)),
        },
        eventsPerSecond: rate,
        busy: {
          learning: median(subjects.map(({ busy }) => busy)),
          floor: median(floors.map(({ busy }) => busy)),
        },
      };
    } finally {
      helpers.end();
      await Promise.all([client.close(), channel.close()]);
    }
  });
