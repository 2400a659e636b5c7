/**
 * A running server for tests, with three ways to it: the raw wire (bytes and headers on any subject), the SDK, and
 * what it logged. All of it is gone when the test is over.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Test } from 'tap';
import { type Config, type ConfigInput, configSchema, type ModelInput } from '../../config/schema.ts';
import type { Logger } from '../../src/base/logger.ts';
import { connect } from '../../src/client/connect.ts';
import type { Millrace } from '../../src/client/millrace.ts';
import type { Channel } from '../../src/nats/channel.ts';
import { connectChannel } from '../../src/nats/connection.ts';
import { encode } from '../../src/protocol/codec.ts';
import type { ModelStatus, RejectedEvent } from '../../src/protocol/messages.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../src/server.ts';
import { text, until } from './channel-fixture.ts';
import { availableServers } from './nats-server.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly sentence: string;
}

export interface Door {
  readonly channel: Channel;
  readonly client: Millrace;
  close(): Promise<void>;
  /** Sends a body as JSON, or bytes as they are; resolves to the decoded JSON of the answer. */
  ask(subject: string, body: unknown, headers?: Record<string, string>): Promise<Record<string, unknown>>;
  /** Appends a body as JSON, or bytes as they are, to the stream; the sequence. */
  append(subject: string, body: unknown, headers?: Record<string, string>): Promise<number>;
  modelStatus(model: string): Promise<ModelStatus>;
  /** Waits until everything in the stream is in the parameters and the status says so. */
  caughtUp(model: string): Promise<ModelStatus>;
  rejected(model: string): Promise<RejectedEvent[]>;
}

export interface Running extends Door {
  readonly server: RunningServer;
  readonly config: Config;
  readonly log: readonly LogLine[];
  readonly dataDir: string;
  /** Closes the door, then stops the server. */
  stop(): Promise<void>;
}

export const bytesOfBody = (body: unknown): Uint8Array =>
  body instanceof Uint8Array ? body : encode(body, 'json');

export function recordingLogger(lines: LogLine[]): Logger {
  const at = (level: LogLine['level']) => (facts: object, sentence: string) =>
    void lines.push({ level, facts: facts as Record<string, unknown>, sentence });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

/** What a refused answer says. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

export async function refused(call: Promise<unknown>): Promise<Refusal> {
  try {
    const answer = await call;
    return { code: 0, message: `not refused: ${JSON.stringify(answer)?.slice(0, 200)}` };
  } catch (error) {
    const { code = -1, message } = error as Partial<Refusal> & Error;
    return { code, message };
  }
}

export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return folder;
}

/** Settings for a small and quick server; models are small too. */
export function quickConfig(
  dataDir: string,
  models: Readonly<Record<string, ModelInput>>,
  more: Partial<ConfigInput> = {},
): ConfigInput {
  return {
    dataDir,
    nats: { embedded: embedded() },
    models: Object.fromEntries(Object.entries(models).map(([name, model]) => [name, quickModel(model)])),
    metrics: { intervalMs: 20 },
    log: { level: 'silent' },
    ...more,
  };
}

/** An embedded server on any free port: the first of this machine's, or the binary that is named. */
export function embedded(binary = availableServers()[0]?.binary): Config['nats']['embedded'] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const path = folders.map((folder) => join(folder, binary ?? '')).find((file) => existsSync(file));
  const found = binary === undefined || isAbsolute(binary) ? binary : path;
  return {
    ...configSchema.parse({}).nats.embedded,
    port: 0,
    storeBytesMax: 2 ** 30,
    ...(found && { binary: found }),
  };
}

export function quickModel(model: ModelInput = {}): ModelInput {
  return {
    ...model,
    features: { bits: 10, ...model.features },
    actors: { shards: 1, ...model.actors },
    snapshot: { heartbeatMs: 20, ...model.snapshot },
    // A busy machine may keep a predictor waiting for long, which is no overload.
    limits: { streamBytesMax: 64 * 2 ** 20, predictQueueMs: 20_000, ...model.limits },
  };
}

export interface RunningOptions extends Partial<ConfigInput>, Pick<ServerOptions, 'relearn' | 'faults'> {
  /** Data folder, kept after the test; a temporary one when absent. */
  readonly folder?: string;
  /** The nats-server to embed. */
  readonly binary?: string;
}

export async function startRunning(
  t: Test,
  models: Readonly<Record<string, ModelInput>>,
  options: RunningOptions = {},
): Promise<Running> {
  const { folder, binary, relearn = [], faults, ...more } = options;
  const dataDir = folder ?? temporaryFolder(t);
  const log: LogLine[] = [];
  const config = configSchema.parse(
    quickConfig(dataDir, models, { nats: { embedded: embedded(binary) }, ...more }),
  );
  const server = await startServer(config, { log: recordingLogger(log), relearn, faults });
  let stopped: Promise<void> | undefined;
  const door = await openDoor(t, server.url);
  const stop = () => {
    stopped ??= door.close().then(() => server.stop());
    return stopped;
  };
  t.teardown(stop);
  return { server, config, log, dataDir, ...door, stop };
}

export async function openDoor(t: Test, url: string): Promise<Door> {
  const channel = await connectChannel({ servers: [url], name: 'test' });
  const client = await connect({ servers: url });
  let closed: Promise<unknown> | undefined;
  const close = async () => {
    closed ??= Promise.all([client.close(), channel.close()]);
    await closed;
  };
  t.teardown(close);
  const modelStatus = async (model: string): Promise<ModelStatus> => {
    const status = (await client.status()).models.find((one) => one.model === model);
    if (status === undefined) throw new Error(`status shows no model ${model}`);
    return status;
  };
  return {
    channel,
    client,
    close,
    async ask(subject, body, headers = {}) {
      const reply = await channel.request(subject, bytesOfBody(body), { timeoutMs: 20_000, headers });
      return JSON.parse(text(reply.data));
    },
    append: async (subject, body, headers = {}) =>
      (await channel.append(subject, bytesOfBody(body), { headers })).seq,
    modelStatus,
    caughtUp: (model) => caughtUp(() => modelStatus(model), model),
    rejected: (model) => rejectedOf(channel, `millrace.v1.rejected.${model}`),
  };
}

async function caughtUp(look: () => Promise<ModelStatus>, model: string): Promise<ModelStatus> {
  let status = await look();
  await until(20_000, `${model} has caught up`, async () => {
    status = await look();
    if (status.phase === 'failed') throw new Error(`${model} failed: ${status.reason}`);
    return status.lag === 0 && status.streamSeq > 0;
  });
  return status;
}

/** Publishes until not even the smallest event is taken any more; how many were. */
export async function fillStream({ channel }: Door, model: string): Promise<number> {
  let acked = 0;
  for (const bytesOfNote of [60_000, 6_000, 600, 60, 0]) {
    const event = { features: { a: 1 }, label: 1, note: 'x'.repeat(bytesOfNote) };
    await until(20_000, `the stream of ${model} is full`, async () => {
      const append = channel.append(`millrace.v1.learn.${model}`, bytesOfBody(event));
      const { code } = await refused(append);
      if (code === 0) acked++;
      return code === 429;
    });
  }
  return acked;
}

async function rejectedOf(channel: Channel, subject: string): Promise<RejectedEvent[]> {
  const { lastSeq } = (await channel.streamState('millrace_rejected'))!;
  const events: RejectedEvent[] = [];
  for (let seq = 1; seq <= lastSeq; seq++) {
    const entry = await channel.entryAt('millrace_rejected', seq);
    if (entry?.subject === subject) events.push(JSON.parse(text(entry.data)));
  }
  return events;
}
