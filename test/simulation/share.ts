/**
 * A share of the seeds, run in a worker thread: a schedule keeps its thread to itself until it is over, and what a
 * test framework hooks into every promise is not there. This file is also the worker's.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { sharedBuilds } from './builds.ts';
import { type Outcome, runSchedule } from './schedule.ts';

/** Every `stride`-th seed from the first. */
export interface Share {
  readonly first: number;
  readonly count: number;
  readonly stride: number;
  /** Whether the first failure ends it. */
  readonly bail: boolean;
}

/** Resolves when all have run, or the first has failed; rejects when the worker itself fails. */
export function runShare(share: Share, done: (outcome: Outcome) => void): Promise<void> {
  // A schedule leaves much short-lived memory behind; room for it makes collecting cheap.
  const resourceLimits = { maxYoungGenerationSizeMb: 32 };
  const worker = new Worker(new URL(import.meta.url), { workerData: share, resourceLimits });
  worker.on('message', done);
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`)),
    );
  });
}

async function work({ first, count, stride, bail }: Share): Promise<void> {
  // Errors are made in great numbers here; the one that counts is seen again when its seed is replayed.
  Error.stackTraceLimit = 0;
  const build = sharedBuilds();
  for (let i = 0; i < count; i++) {
    const outcome = await runSchedule(first + i * stride, build);
    parentPort!.postMessage(outcome);
    if (bail && outcome.failure !== undefined) return;
  }
}

if (!isMainThread) await work(workerData as Share);
