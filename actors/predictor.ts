/**
 * The predictor actor: answers `predict` from a replica that it keeps in memory. It never asks a learner or a
 * shard while it answers. It is a NATS micro service, registered once its replica is whole.
 */
import type { ModelConfig } from '../config/schema.ts';
import type { MillraceError } from '../src/base/errors.ts';
import { LatencyHistogram } from '../src/base/latency-histogram.ts';
import { wallClock } from '../src/base/wall-clock.ts';
import { buildModel } from '../src/kernels/build-model.ts';
import type { ServiceSpec } from '../src/nats/channel.ts';
import { answerRequests } from '../src/protocol/answering.ts';
import { packInternal } from '../src/protocol/codec.ts';
import type { PredictorReport, ServedState } from '../src/protocol/internal.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import { PredictService } from '../src/replica/predict-service.ts';
import { ReadingLag } from '../src/replica/reading-lag.ts';
import { Scorer } from '../src/replica/scorer.ts';
import { Serving } from '../src/replica/serving.ts';
import type { ActorContext, RunningActor } from '../src/runtime/actor.ts';
import { actorThread } from '../src/runtime/thread.ts';

export interface PredictorSettings {
  readonly root: string;
  readonly model: string;
  readonly config: ModelConfig;
  readonly predictor: number;
  readonly served: ServedState;
  readonly requestTimeoutMs: number;
  readonly reportMs: number;
  readonly codeVersion: string;
}

/** Answers since the last report. */
interface Tally {
  answered: number;
  failed: number;
  shed: number;
  readonly latency: LatencyHistogram;
}

export async function predictorActor(
  context: ActorContext<PredictorSettings>,
  build = buildModel,
): Promise<RunningActor> {
  const { channel, settings, log, fail } = context;
  const { model, config, served, requestTimeoutMs: timeoutMs } = settings;
  const { limits, actors, snapshot } = config;
  const subjects = subjectsOf(settings.root);
  const built = build(config);
  const { keyCount, width: rowWidth } = built.model.layout;
  const shape = { shards: actors.shards, keyCount, rowWidth };
  // An age must not jump with the host's clock; a stamp of the broker is compared with that very clock.
  const now = () => performance.timeOrigin + performance.now();
  const clocks = { now, wallNow: wallClock(Date.now, now) };
  const serving = new Serving({ channel, subjects, model, shape, served, timeoutMs, log, limits, ...clocks });
  await serving.whole();

  const scorer = new Scorer(built.definition, built.featurizer, built.model);
  const lag = new ReadingLag(() => channel.flush(), now);
  const state = () => serving.state();
  const predict = new PredictService(limits, scorer, serving.gate, state, () => lag.ms());
  const tally: Tally = { answered: 0, failed: 0, shed: 0, latency: new LatencyHistogram() };
  const service = await channel.serve(serviceOf(settings, subjects.predict(model), predict, tally));
  const switching = answerRequests<ServedState>(
    channel,
    subjects.predictor(model, settings.predictor, 'serve'),
    async (next) => {
      await serving.serve(next);
      log.info({ model, epoch: next.epoch, version: next.version }, 'serving');
      return {};
    },
    fail,
  );

  // A check that gets no answer leaves the age growing, which is what it should say.
  const checking = setInterval(() => serving.checkEnd().catch(() => undefined), snapshot.heartbeatMs);
  const reporting = setInterval(() => {
    channel.publish(subjects.report('predictor', model), packInternal(reportOf(settings, serving, tally)));
  }, settings.reportMs);
  return {
    async stop() {
      clearInterval(checking);
      clearInterval(reporting);
      switching.unsubscribe();
      await service.stop();
      predict.close();
      serving.close();
    },
  };
}

function serviceOf(
  settings: PredictorSettings,
  subject: string,
  predict: PredictService,
  tally: Tally,
): ServiceSpec {
  const { model, config, predictor, codeVersion } = settings;
  return {
    name: 'millrace',
    version: codeVersion,
    description: 'Predictions of the Millrace server',
    endpoints: [
      {
        name: `predict-${model}`,
        subject,
        queue: 'millrace',
        metadata: { model, task: config.task, predictor: String(predictor) },
        handle(message, done) {
          const startedMs = performance.now();
          predict.handle(message, (refusal) => {
            count(tally, refusal, performance.now() - startedMs);
            done(refusal?.message);
          });
        },
      },
    ],
  };
}

/** Of what is shed the latency says nothing: it is told at once. */
function count(tally: Tally, refusal: MillraceError | undefined, tookMs: number): void {
  if (refusal?.kind === 'overloaded') {
    tally.shed++;
    return;
  }
  tally.latency.recordMs(tookMs);
  tally[refusal === undefined ? 'answered' : 'failed']++;
}

/** What happened since the last report; starts the next one. */
function reportOf({ model, predictor }: PredictorSettings, serving: Serving, tally: Tally): PredictorReport {
  const { answered, failed, shed } = tally;
  tally.answered = tally.failed = tally.shed = 0;
  return {
    kind: 'predictor',
    model,
    epoch: serving.served.epoch,
    predictor,
    seq: serving.seq,
    version: serving.served.version,
    answered,
    failed,
    shed,
    latency: tally.latency.take(),
    freshness: serving.freshness.take(),
  };
}

export default actorThread(predictorActor);
