/** What `millrace doctor` looks at, one check after the other; a check never throws. */
import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../base/errors.ts';
import { connect } from '../client/connect.ts';
import type { MillraceOptions } from '../client/options.ts';
import { ServerUnreachableError } from '../client/unreachable.ts';
import { probeKernels } from '../kernels/probe.ts';
import { configuredConnection } from '../nats/configured.ts';
import { serverEnvironment } from '../nats/embedded/environment.ts';
import { keyPathOf } from '../nats/embedded/layout.ts';
import { readGreeting } from '../nats/embedded/probe.ts';
import { resolveServer } from '../nats/embedded/resolver.ts';
import { codeVersion } from '../version.ts';
import { nodeNeeded } from './node-needed.ts';

export interface Finding {
  readonly check: string;
  /** note: it works, and there is something to know. bad: a start would fail. */
  readonly state: 'ok' | 'note' | 'bad';
  readonly text: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const answerTimeoutMs = 1_500;

export async function* findings(config: Config, environment: Environment): AsyncGenerator<Finding> {
  yield node();
  const embedded = config.nats.servers.length === 0 && config.nats.context === undefined;
  if (embedded) {
    yield await serverBinary(config, environment);
    yield await port(config);
  }
  yield await running(config, environment, embedded);
  yield* kernels();
  yield await dataFolder(config.dataDir);
}

function node(): Finding {
  const needed = nodeNeeded();
  const text = `millrace ${codeVersion} on Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  const [least = 0, leastMinor = 0] = numbersIn(needed);
  const [major = 0, minor = 0] = numbersIn(process.versions.node);
  const enough = major > least || (major === least && minor >= leastMinor);
  if (enough) return { check: 'node', state: 'ok', text };
  return { check: 'node', state: 'bad', text: `${text}; install Node ${needed}` };
}

const numbersIn = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);

async function serverBinary({ nats }: Config, environment: Environment): Promise<Finding> {
  try {
    const binary = await resolveServer(nats.embedded.binary, serverEnvironment(environment, process.cwd()));
    return { check: 'nats-server', state: 'ok', text: binary.source };
  } catch (error) {
    return { check: 'nats-server', state: 'bad', text: messageOf(error) };
  }
}

async function port({ nats }: Config): Promise<Finding> {
  const check = 'port';
  const number = nats.embedded.port;
  if (number === 0) return { check, state: 'ok', text: 'any free one is taken at start' };
  const greeting = await readGreeting(number, answerTimeoutMs);
  if (greeting === undefined) return { check, state: 'ok', text: `no NATS server answers on ${number}` };
  return { check, state: 'note', text: `nats-server ${greeting.version} answers on ${number} already` };
}

/** The connection of the configuration; to an embedded server with users by the key that the server process has. */
function ownConnection(config: Config, environment: Environment): MillraceOptions {
  const { embedded } = config.nats;
  const key = keyPathOf(config.dataDir);
  return (
    configuredConnection(config.nats, environment) ?? {
      servers: `nats://127.0.0.1:${embedded.port || 4222}`,
      ...(embedded.users.length > 0 && existsSync(key) && { nkey: key }),
    }
  );
}

async function running(config: Config, environment: Environment, embedded: boolean): Promise<Finding> {
  const check = 'server';
  try {
    const client = await connect({
      ...ownConnection(config, environment),
      root: config.root,
      timeoutMs: answerTimeoutMs,
    });
    try {
      const { version, models } = await client.status();
      const names = models.map(({ model, phase }) => `${model} (${phase})`).join(', ');
      return {
        check,
        state: 'ok',
        text: `millrace ${version} runs, models: ${names === '' ? 'none' : names}`,
      };
    } finally {
      await client.close();
    }
  } catch (error) {
    // An embedded NATS server that is not there yet is what `serve` is for.
    const notStarted = embedded && error instanceof ServerUnreachableError;
    if (notStarted) return { check, state: 'ok', text: 'none runs yet; `millrace serve` starts one' };
    return { check, state: error instanceof ServerUnreachableError ? 'note' : 'bad', text: messageOf(error) };
  }
}

function* kernels(): Generator<Finding> {
  try {
    for (const { mode, executor, fallback } of probeKernels()) {
      const check = `gpu.js ${mode}`;
      const text = `run by ${executor}${fallback === undefined ? '' : `: ${fallback}`}`;
      yield { check, state: executor === mode ? 'ok' : 'note', text };
    }
  } catch (error) {
    yield { check: 'gpu.js', state: 'bad', text: messageOf(error) };
  }
}

async function dataFolder(dataDir: string): Promise<Finding> {
  const check = 'data folder';
  const path = resolve(dataDir);
  let nearest = path;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
    return { check, state: 'ok', text: nearest === path ? path : `${path} will be made` };
  } catch (error) {
    return {
      check,
      state: 'bad',
      text: `${nearest} cannot be written (${messageOf(error)}); set dataDir to a folder that can`,
    };
  }
}
