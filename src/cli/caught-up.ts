/** Waits a while for a model to have learned what was just published, so that its loss says something. */
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { Millrace } from '../client/millrace.ts';
import type { ModelStatus } from '../protocol/messages.ts';

const patienceMs = 5_000;
const pollMs = 50;

/** The model's status once it covers the sequence, or as it is when that takes too long; undefined without a server. */
export async function caughtUp(
  client: Pick<Millrace, 'status'>,
  model: string,
  seq: number,
): Promise<ModelStatus | undefined> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const status = await modelStatus(client, model);
    const waiting = status !== undefined && status.seq < seq && status.phase === 'running';
    if (!waiting || performance.now() > deadline) return status;
    await wait(pollMs);
  }
}

/** Events are safe in the stream, whatever becomes of this question. */
export async function modelStatus(
  client: Pick<Millrace, 'status'>,
  model: string,
): Promise<ModelStatus | undefined> {
  const status = await client.status(model).catch(() => undefined);
  return status?.models.find((candidate) => candidate.model === model);
}
