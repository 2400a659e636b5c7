/** What a host tells its running actors; each of them may be restarting at that moment. */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type { ImportVersionRequest, PauseRequest, ServedState } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';
import type { Supervisor } from '../runtime/supervisor.ts';

const switchTimeoutMs = 30_000;
/** How long a version may take, beyond the cut itself. */
export const storeTimeoutMs = 120_000;
const tellTimeoutMs = 10_000;
const tellAttemptMs = 1_000;
const tellRetryMs = 50;

export interface ModelLine {
  readonly channel: Channel;
  readonly subjects: Subjects;
  readonly model: string;
  readonly log: Logger;
}

/**
 * Each predictor is told until it has heard: the message, its answer or the whole connection may be lost while it
 * lives, and it would serve the state from before for ever. One without a thread is told by what its next life
 * starts with; one that lives and stays deaf is started anew.
 */
export async function tellPredictors(
  line: ModelLine,
  supervisor: Pick<Supervisor, 'statuses' | 'terminate'>,
  predictors: number,
  served: () => ServedState,
): Promise<void> {
  const tellings = Array.from({ length: predictors }, (_, predictor) =>
    tellPredictor(line, supervisor, predictor, served),
  );
  await Promise.all(tellings);
}

async function tellPredictor(
  { channel, subjects, model, log }: ModelLine,
  supervisor: Pick<Supervisor, 'statuses' | 'terminate'>,
  predictor: number,
  served: () => ServedState,
): Promise<void> {
  const actor = `${model}/predictor/${predictor}`;
  const untilMs = performance.now() + switchTimeoutMs;
  const hasThread = () => {
    const state = supervisor.statuses().find(({ name }) => name === actor)?.state;
    return state === 'running' || state === 'starting';
  };
  while (hasThread()) {
    try {
      // What is served may have moved on since the last attempt.
      const body = packInternal(served());
      await channel.request(subjects.predictor(model, predictor, 'serve'), body, {
        timeoutMs: tellAttemptMs,
      });
      return;
    } catch (error) {
      if (performance.now() > untilMs) {
        log.warn({ model, predictor, reason: messageOf(error) }, 'predictor not told; it is started anew');
        return supervisor.terminate(actor);
      }
      await new Promise((resolve) => setTimeout(resolve, tellRetryMs));
    }
  }
}

/** The number under which the checkpointer took a version from a file. */
export async function askImport({ channel, subjects, model }: ModelLine, path: string): Promise<number> {
  const request = packInternal({ path } satisfies ImportVersionRequest);
  const options = { timeoutMs: storeTimeoutMs };
  const reply = await channel.request(subjects.checkpointer(model, 'import'), request, options);
  return unpackInternal<{ version: number }>(reply.data).version;
}

/**
 * A learner that has no thread at the moment need not hear: its next life starts with what is to be told. So one that
 * lives and stays deaf is started anew: it would go on with what was to be stopped.
 */
export async function tellLearners(
  { channel, subjects, model, log }: ModelLine,
  supervisor: Pick<Supervisor, 'statuses' | 'terminate'>,
  learners: readonly string[],
  epoch: number,
  paused: boolean,
): Promise<void> {
  const body = packInternal({ paused } satisfies PauseRequest);
  const tellings = learners.map(async (learner, number) => {
    const isAway = () => {
      const state = supervisor.statuses().find(({ name }) => name === learner)?.state;
      return state === 'backing-off' || state === 'failed';
    };
    try {
      await tellUntilHeard(channel, subjects.learners(model, epoch, `pause-${number}`), body, isAway);
    } catch (error) {
      log.warn({ model, learner, reason: messageOf(error) }, 'learner not told; it is started anew');
      supervisor.terminate(learner);
    }
  });
  await Promise.all(tellings);
}

/** A learner that is just starting may not hear yet, and may have begun with the settings from before. */
async function tellUntilHeard(
  channel: Channel,
  subject: string,
  body: Uint8Array,
  isAway: () => boolean,
): Promise<void> {
  const untilMs = performance.now() + tellTimeoutMs;
  for (;;) {
    try {
      await channel.request(subject, body, { timeoutMs: tellAttemptMs });
      return;
    } catch (error) {
      if (isAway()) return;
      if (performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, tellRetryMs));
    }
  }
}
