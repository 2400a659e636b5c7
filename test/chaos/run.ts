/** One run: the scenes of a seed one after the other, each on processes and a folder of its own, and their sum. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/load.ts';
import type { ConfigInput, ModelConfig, ModelInput } from '../../config/schema.ts';
import { messageOf } from '../../src/base/errors.ts';
import { connect } from '../../src/client/connect.ts';
import type { Millrace } from '../../src/client/millrace.ts';
import { connectChannel } from '../../src/nats/connection.ts';
import { until } from '../support/channel-fixture.ts';
import { madeFeatures, randomOf } from '../support/data.ts';
import type { PlainLoop } from '../support/plain-loop.ts';
import { readState } from '../support/system.ts';
import { judge, readLog, type Verdict } from './oracle.ts';
import { perform, type Scenery } from './perform.ts';
import { endsServing, learnersOf, nameOf, type Scene, type Script, scriptsOf } from './plan.ts';
import { Stage } from './stage.ts';
import { Traffic } from './traffic.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly faults: number;
  readonly scenes?: readonly Scene[];
  readonly say: (sentence: string) => void;
}

export interface ChaosResult extends Omit<Verdict, 'differences'> {
  readonly seed: number;
  readonly faults: number;
  readonly predictions: number;
  readonly predictionsFailed: number;
  /** Of those, while neither the server nor the whole process was away. */
  readonly predictionsFailedServing: number;
  readonly recoveryMs: { readonly p50: number; readonly max: number };
  readonly seconds: number;
}

const wholeMs = 120_000;

const modelOf = ({ scene, shards }: Script): ModelInput => ({
  ...(scene === 'counting'
    ? { task: 'regression', optimizer: { name: 'ftrl', alpha: 0.1, l1: 1e6 } }
    : { optimizer: scene === 'ftrl' ? { name: scene, alpha: 0.1 } : { name: scene } }),
  features:
    scene === 'counting'
      ? { bits: 18 }
      : {
          bits: 10,
          // The normalised gradient finds the scale of each number itself.
          standardize: scene !== 'nag',
          interactions: [
            ['city', 'day'],
            ['user', 'price'],
          ],
        },
  actors: { shards, learners: learnersOf(scene), predictors: 2 },
  batch: { eventsMax: 16 },
  checkpoint: { everyEvents: 300, everyMs: 0, atStop: true, keep: 10_000, cutTimeoutMs: 1_500 },
  snapshot: { heartbeatMs: 20 },
  limits: { streamBytesMax: 2 ** 28 },
});

const configOf = (script: Script, dataDir: string): ConfigInput => ({
  dataDir,
  nats: { embedded: { port: 0, storeBytesMax: 2 ** 30 } },
  models: { m: modelOf(script) },
  // Faults come far more often than a thread dies by itself, and are to be seen by heartbeats soon.
  supervisor: {
    intensity: 1_000,
    backoffMs: 10,
    backoffMaxMs: 200,
    heartbeatMs: 100,
    heartbeatTimeoutMs: 1_500,
  },
  metrics: { intervalMs: 50 },
  log: { level: 'info' },
});

interface Played {
  readonly verdict: Verdict;
  readonly predictions: number;
  readonly failed: number;
  readonly failedServing: number;
  readonly recoveriesMs: readonly number[];
}

export async function runChaos({ seed, faults, scenes, say }: ChaosOptions): Promise<ChaosResult> {
  const startedMs = performance.now();
  const played: Played[] = [];
  for (const script of scriptsOf(seed, faults, scenes)) {
    if (script.acts.length > 0) played.push(await playScene(script, seed, say));
  }
  const total = (of: (one: Played) => number) => played.reduce((sum, one) => sum + of(one), 0);
  const recoveries = played.flatMap((one) => one.recoveriesMs).sort((a, b) => a - b);
  return {
    seed,
    faults: recoveries.length,
    published: total(({ verdict }) => verdict.published),
    acked: total(({ verdict }) => verdict.acked),
    learned: total(({ verdict }) => verdict.learned),
    rejected: total(({ verdict }) => verdict.rejected),
    leftOut: total(({ verdict }) => verdict.leftOut),
    lost: total(({ verdict }) => verdict.lost),
    duplicated: total(({ verdict }) => verdict.duplicated),
    identical: played.every(({ verdict }) => verdict.identical),
    predictions: total((one) => one.predictions),
    predictionsFailed: total((one) => one.failed),
    predictionsFailedServing: total((one) => one.failedServing),
    recoveryMs: {
      p50: Math.round(recoveries[recoveries.length >> 1] ?? 0),
      max: Math.round(recoveries.at(-1) ?? 0),
    },
    seconds: Math.round((performance.now() - startedMs) / 1000),
  };
}

async function playScene(script: Script, seed: number, say: ChaosOptions['say']): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'));
  const stage = new Stage(folder);
  // What was started does not end with us by itself.
  const interrupted = () => void stage.end().then(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const played = await play(script, stage, seed, (sentence) => say(`${script.scene}: ${sentence}`));
    await stage.end();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    return played;
  } catch (error) {
    await stage.end();
    throw new Error(`${script.scene}, seed ${seed}: ${messageOf(error)} (logs: ${folder})`, { cause: error });
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

async function play(script: Script, stage: Stage, seed: number, say: ChaosOptions['say']): Promise<Played> {
  const input = configOf(script, stage.dataDir);
  const config = parseConfig(JSON.stringify(input), 'chaos').models.m!;
  await writeFile(join(stage.folder, 'config.json'), JSON.stringify(input));
  const server = await stage.begin().serves();
  const options = { servers: server.url, adminTimeoutMs: 120_000 };
  const [client, publisher, asker] = [await connect(options), await connect(options), await connect(options)];
  const channel = await connectChannel({ servers: [server.url], name: 'chaos' });
  const traffic = new Traffic(publisher, asker, script.scene, seed);
  const scenery: Scenery = { stage, channel, client, traffic, server };
  const spans: { readonly fromMs: number; readonly toMs: number }[] = [];
  const recoveriesMs: number[] = [];
  try {
    await whole(scenery);
    for (const [at, { fault, pauseMs }] of script.acts.entries()) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const fromMs = performance.now();
      try {
        await perform(fault, scenery);
        await whole(scenery);
      } catch (error) {
        throw new Error(`fault ${at + 1} (${nameOf(fault)}): ${messageOf(error)}`, { cause: error });
      }
      const toMs = performance.now();
      recoveriesMs.push(toMs - fromMs);
      if (endsServing(fault)) spans.push({ fromMs, toMs });
      say(`${at + 1}/${script.acts.length} ${nameOf(fault)}: whole after ${Math.round(toMs - fromMs)} ms`);
    }
    await traffic.stop();
    const verdict = await finalVerdict(scenery, script, config, seed);
    for (const difference of verdict.differences) say(`DIFFERS ${difference}`);
    for (const reason of traffic.giveUps) say(`NOT ACKED ${reason}`);
    const serving = traffic.failed.filter(
      ({ startedMs, endedMs }) => !spans.some(({ fromMs, toMs }) => startedMs < toMs && endedMs > fromMs),
    );
    for (const { error } of serving) say(`PREDICTION FAILED ${error}`);
    return {
      verdict,
      predictions: traffic.predictions,
      failed: traffic.failed.length,
      failedServing: serving.length,
      recoveriesMs,
    };
  } finally {
    await traffic.stop().catch(() => undefined);
    await Promise.all([client, publisher, asker, channel].map((one) => one.close().catch(() => undefined)));
  }
}

/** Everybody is at work, and an event that was published now is in what a prediction knows. */
async function whole({ client, traffic }: Scenery): Promise<void> {
  const minSeq = await traffic.probe();
  let seen = 'nothing';
  await until(wholeMs, 'all is whole again', async () => {
    try {
      await client.predict('m', { probe: 1 }, { minSeq });
      const { models, actors } = await client.status();
      const resting = actors
        .filter(({ state }) => state !== 'running')
        .map(({ name, state }) => `${name} ${state}`);
      seen = [models[0]?.phase, ...resting].join(', ');
      return models[0]?.phase === 'running' && resting.length === 0;
    } catch (error) {
      seen = messageOf(error);
      return false;
    }
  }).catch((error) => {
    throw new Error(`${messageOf(error)}: ${seen}`);
  });
}

async function finalVerdict(
  { client, channel, stage, traffic }: Scenery,
  { scene }: Script,
  config: ModelConfig,
  seed: number,
): Promise<Verdict> {
  const log = await readLog(channel);
  const lastSeq = log.at(-1)!.seq;
  await until(wholeMs, 'everything is learned', async () => {
    const { models } = await client.status();
    return models[0]!.seq >= lastSeq;
  });
  const { version } = await client.checkpoint('m');
  const state = await readState(stage.dataDir, 'm', config, version);
  const { verdict, loop } = judge(scene, config, log, traffic.sent, state);
  if (scene === 'counting') return verdict;
  const wrong = await wrongPredictions(client, loop, lastSeq, seed);
  const identical = verdict.identical && wrong.length === 0;
  return { ...verdict, identical, differences: [...verdict.differences, ...wrong] };
}

/** Asked often enough that every replica has answered. */
async function wrongPredictions(
  client: Millrace,
  loop: PlainLoop,
  minSeq: number,
  seed: number,
): Promise<string[]> {
  const random = randomOf(seed);
  const wrong: string[] = [];
  for (let asked = 0; asked < 40; asked++) {
    const features = madeFeatures(random);
    const { score } = await client.predict('m', features, { minSeq });
    if (score !== loop.score(features)) wrong.push(`a score is ${score}, expected ${loop.score(features)}`);
  }
  return wrong;
}
