/**
 * A whole Millrace for a test: a real nats-server, real threads, a client, and a data folder of its own, all of
 * it gone when the test is over. Millrace starts its own nats-server unless one is handed in.
 *
 * A data folder may be handed from one system to the next, which is a restart. `stop()` may be called by the
 * test; the end of the test does what is left to do.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parseConfig } from '../../config/load.ts';
import type { Config, ConfigInput, ModelConfig, ModelInput } from '../../config/schema.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { Manifest } from '../../src/checkpoint/store.ts';
import { connect } from '../../src/client/connect.ts';
import type { Millrace } from '../../src/client/millrace.ts';
import type { MillraceOptions } from '../../src/client/options.ts';
import { rowLayoutOf } from '../../src/model/row-layout.ts';
import { unpackTotals } from '../../src/model/stored-totals.ts';
import type { ModelStatus } from '../../src/protocol/messages.ts';
import { readVersion } from '../../src/server/starting-state.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { until } from './channel-fixture.ts';
import { availableServers, type TestServer } from './nats-server.ts';

export interface SystemOptions extends Omit<ConfigInput, 'models' | 'dataDir'> {
  readonly models: Readonly<Record<string, ModelInput>>;
  /** One that the test started; an embedded one when absent. */
  readonly natsServer?: TestServer;
  /** How the server signs in. */
  readonly signIn?: Pick<NonNullable<ConfigInput['nats']>, 'user' | 'password' | 'inboxPrefix'>;
  /** How the clients sign in. */
  readonly clientSignIn?: Pick<MillraceOptions, 'user' | 'password' | 'inboxPrefix'>;
  /** Kept after the test when given; otherwise a temporary folder. */
  readonly dataDir?: string;
}

/** What a model is at one moment, as a version holds it; rows that are not in the version are zeros. */
export interface ModelState {
  readonly table: Float32Array;
  readonly learned: number;
  readonly rejected: number;
  readonly excluded: number;
  readonly duplicates: number;
  readonly missing: number;
  readonly totals: Float64Array;
  readonly manifest: Manifest;
}

export interface System {
  readonly server: RunningServer;
  readonly client: Millrace;
  readonly url: string;
  readonly config: Config;
  readonly dataDir: string;
  modelConfig(model: string): ModelConfig;
  /** One more client, which the end of the test closes. */
  connect(options?: MillraceOptions): Promise<Millrace>;
  status(model: string): Promise<ModelStatus>;
  /** Resolves when everything up to the sequence is in the parameters. */
  caughtUp(model: string, seq: number): Promise<ModelStatus>;
  /** Makes a version now and reads it back from its files. */
  stateOf(model: string): Promise<ModelState>;
  stop(): Promise<void>;
}

const catchUpMs = 60_000;

/** Why no system can be started here; false when one can. Goes into a test's `skip`. */
export const systemMissing = (): string | false =>
  availableServers().length === 0 ? 'no nats-server on this machine' : false;

export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-system-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

export async function startSystem(t: Test, options: SystemOptions): Promise<System> {
  // Teardowns run latest first: the folder goes after everything that uses it.
  const dataDir = options.dataDir ?? (await temporaryFolder(t));
  const config = configOf(options, dataDir);
  const server = await startServer(config);
  const clients: Millrace[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= Promise.all(clients.map((client) => client.close())).then(() => server.stop());
    return stopped;
  };
  t.teardown(stop);
  const connectClient = async (more: MillraceOptions = {}): Promise<Millrace> => {
    const client = await connect({
      servers: server.url,
      root: config.root,
      ...options.clientSignIn,
      ...more,
    });
    clients.push(client);
    return client;
  };
  const client = await connectClient();
  const status = async (model: string) => (await client.status()).models.find((one) => one.model === model)!;
  return {
    server,
    client,
    url: server.url,
    config,
    dataDir,
    modelConfig: (model) => config.models[model]!,
    connect: connectClient,
    status,
    caughtUp: (model, seq) => caughtUp(() => status(model), model, seq),
    stateOf: async (model) => {
      const { version } = await client.checkpoint(model);
      return readState(dataDir, model, config.models[model]!, version);
    },
    stop,
  };
}

function configOf(options: SystemOptions, dataDir: string): Config {
  const { models, natsServer, signIn, clientSignIn: _client, dataDir: _kept, ...overrides } = options;
  const nats = {
    ...(natsServer === undefined
      ? { embedded: { port: 0, ...overrides.nats?.embedded } }
      : { servers: [natsServer.url] }),
    ...signIn,
  };
  const input: ConfigInput = {
    // Frequent reports, so that a test that waits for one does not wait long.
    metrics: { intervalMs: 20 },
    log: { level: (process.env.MILLRACE_TEST_LOG ?? 'silent') as 'silent' },
    ...overrides,
    nats,
    dataDir,
    models: Object.fromEntries(Object.entries(models).map(([name, model]) => [name, withSmallStream(model)])),
  };
  return parseConfig(JSON.stringify(input), 'test configuration');
}

/** Test servers have little room, and streams claim theirs in advance. */
const withSmallStream = (model: ModelInput): ModelInput => ({
  ...model,
  limits: { streamBytesMax: 128 * 1024 * 1024, ...model.limits },
});

async function caughtUp(look: () => Promise<ModelStatus>, model: string, seq: number): Promise<ModelStatus> {
  let last: ModelStatus | undefined;
  await until(catchUpMs, `${model} has learned up to ${seq}`, async () => {
    last = await look().catch(unlessNotBack);
    if (last?.phase === 'failed') throw new Error(`${model} failed: ${last.reason}`);
    return last !== undefined && last.seq >= seq;
  });
  return last!;
}

/** After a broker was away the client may be back before the server is. */
function unlessNotBack(error: unknown): undefined {
  if (!(error instanceof MillraceError && error.kind === 'notReady')) throw error;
}

export async function readState(
  dataDir: string,
  model: string,
  config: ModelConfig,
  version: number,
): Promise<ModelState> {
  const store = openFileStore({ folder: join(dataDir, 'checkpoints'), now: Date.now });
  const { manifest, images } = await readVersion(store, model, version);
  const { keyCount, width } = rowLayoutOf(config);
  const table = new Float32Array(keyCount * width);
  for (const image of images) {
    for (let i = 0; i < image.keys.length; i++) {
      table.set(image.rows.subarray(i * width, (i + 1) * width), image.keys[i]! * width);
    }
  }
  const { counts, totals } = unpackTotals(manifest.totals);
  return { table, ...counts, totals, manifest };
}
