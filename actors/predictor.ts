/**
 * The predictor actor: answers `predict` and `rank` from a replica that it keeps in memory. It never asks a learner or a
 * shard while it answers. It is a NATS micro service, registered once its replica is whole.
 */
import type { ModelConfig } from '../config/schema.ts';
import { wallClock } from '../src/base/wall-clock.ts';
import { buildModel } from '../src/kernels/build-model.ts';
import type { ServiceSpec, Subscription } from '../src/nats/channel.ts';
import { answerRequests } from '../src/protocol/answering.ts';
import { packInternal } from '../src/protocol/codec.ts';
import type { PredictorReport, ServedState, WeightsQuery } from '../src/protocol/internal.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import { AnswerService, type Endpoint } from '../src/replica/answer-service.ts';
import { AnswerTally } from '../src/replica/answer-tally.ts';
import { largestWeights } from '../src/replica/event-weights.ts';
import { Insight } from '../src/replica/insight.ts';
import { predictEndpoint } from '../src/replica/predict-endpoint.ts';
import { rankEndpoint } from '../src/replica/rank-endpoint.ts';
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

export async function predictorActor(
  context: ActorContext<PredictorSettings>,
  build = buildModel,
): Promise<RunningActor> {
  const { channel, settings, log } = context;
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
  const insight = new Insight(built, limits);
  const lag = new ReadingLag(() => channel.flush(), now);
  const answers = new AnswerService(
    limits,
    serving.gate,
    () => serving.state(),
    () => lag.ms(),
  );
  const tally = new AnswerTally();
  const endpoints = {
    predict: predictEndpoint(scorer, insight, limits),
    rank: rankEndpoint(built, { ...limits, ...config.rank }),
  };
  const service = await channel.serve(serviceOf(settings, endpoints, answers, tally));
  const requests = answerServer(context, serving, insight);

  // A check that gets no answer leaves the age growing, which is what it should say.
  const checking = setInterval(() => serving.checkEnd().catch(() => undefined), snapshot.heartbeatMs);
  const reporting = setInterval(() => {
    channel.publish(subjects.report('predictor', model), packInternal(reportOf(settings, serving, tally)));
  }, settings.reportMs);
  return {
    async stop() {
      clearInterval(checking);
      clearInterval(reporting);
      for (const subscription of requests) subscription.unsubscribe();
      await service.stop();
      answers.close();
      serving.close();
    },
  };
}

/** What the server's main thread asks. */
function answerServer(
  { channel, settings, log, fail }: ActorContext<PredictorSettings>,
  serving: Serving,
  insight: Insight,
): Subscription[] {
  const { root, model, predictor } = settings;
  const subjects = subjectsOf(root);
  const serve = async (next: ServedState) => {
    await serving.serve(next);
    log.info({ model, epoch: next.epoch, version: next.version }, 'serving');
    return {};
  };
  const sources = { channel, subjects, model, insight, state: () => serving.state() };
  const weigh = (query: WeightsQuery) => largestWeights(sources, query);
  return [
    answerRequests(channel, subjects.predictor(model, predictor, 'serve'), serve, fail),
    answerRequests(channel, subjects.predictor(model, predictor, 'weights'), weigh, fail),
  ];
}

function serviceOf(
  { root, model, config, predictor, codeVersion }: PredictorSettings,
  endpoints: Readonly<Record<'predict' | 'rank', Endpoint>>,
  answers: AnswerService,
  tally: AnswerTally,
): ServiceSpec {
  return {
    name: 'millrace',
    version: codeVersion,
    description: 'Predictions of the Millrace server',
    endpoints: (['predict', 'rank'] as const).map((verb) => ({
      name: `${verb}-${model}`,
      subject: subjectsOf(root)[verb](model),
      queue: 'millrace',
      metadata: { model, task: config.task, predictor: String(predictor) },
      handle(message, done) {
        const startedMs = performance.now();
        answers.handle(message, endpoints[verb], (refusal) => {
          tally.count(refusal, performance.now() - startedMs);
          done(refusal?.message);
        });
      },
    })),
  };
}

/** What happened since the last report; starts the next one. */
const reportOf = (
  { model, predictor }: PredictorSettings,
  serving: Serving,
  tally: AnswerTally,
): PredictorReport => ({
  kind: 'predictor',
  model,
  epoch: serving.served.epoch,
  predictor,
  seq: serving.seq,
  version: serving.served.version,
  ...tally.take(),
  freshness: serving.freshness.take(),
});

export default actorThread(predictorActor);
