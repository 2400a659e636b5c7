/** The NATS servers to use: those of the configuration, or one that we start and keep running ourselves. */
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { redactedUrl } from '../base/redacted-url.ts';
import { configuredConnection, exposesSecret } from '../nats/configured.ts';
import type { ConnectOptions } from '../nats/connection.ts';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../nats/embedded/embedded-server.ts';
import { serverEnvironment } from '../nats/embedded/environment.ts';

export interface Broker {
  readonly connect: Omit<ConnectOptions, 'name'>;
  readonly url: string;
  /** Where the server comes from, for people. */
  readonly source: string;
  /** Whether it is a server of somebody else. */
  readonly foreign: boolean;
  /** Called when an embedded server cannot be brought back. */
  onLost(listener: (error: unknown) => void): void;
  /** `leave` lets an embedded server run, for the process that has taken over from us. */
  close(how: 'stop' | 'leave'): Promise<void>;
}

const restartsMax = 5;
const restartDelayMs = 200;

/** Uses servers that exist, if the configuration names some; else starts one, or joins one that another has started. */
export async function openBroker(
  config: Config,
  dataDir: string,
  log: Logger,
  join?: (options: EmbeddedServerOptions, log: Logger) => Promise<Broker>,
): Promise<Broker> {
  const connect = configuredConnection(config.nats, process.env);
  if (connect !== undefined) {
    if (exposesSecret(connect)) {
      log.warn({}, 'the password or token may cross the network in the clear: use tls:// or set nats.tls');
    }
    const source = config.nats.context === undefined ? 'nats.servers' : `nats context ${config.nats.context}`;
    return {
      connect,
      url: connect.servers.map(redactedUrl).join(','),
      source,
      foreign: true,
      onLost: () => undefined,
      close: async () => undefined,
    };
  }
  const environment = serverEnvironment(process.env, process.cwd());
  const settings = { ...config.nats.embedded, durability: config.durability };
  const options = { dataDir, settings, log, environment, root: config.root };
  return join === undefined ? brokerOf(await startEmbeddedServer(options), log) : join(options, log);
}

/** An embedded server that is ours to keep. */
export function brokerOf(server: EmbeddedServer, log: Logger): Broker {
  const facts = { url: server.url, pid: server.pid, version: server.version, source: server.source };
  log.info(facts, 'nats-server runs');
  const own = { servers: [server.url], ...(server.nkey !== undefined && { nkey: server.nkey }) };
  return { connect: own, url: server.url, source: server.source, foreign: false, ...kept(server, log) };
}

/** Starts the server again when it ends by itself; the connections find it on the same address. */
function kept(server: EmbeddedServer, log: Logger): Pick<Broker, 'onLost' | 'close'> {
  const listeners: ((error: unknown) => void)[] = [];
  const bringBack = async () => {
    let failure: unknown;
    for (let attempt = 1; attempt <= restartsMax; attempt++) {
      try {
        await server.restart();
        log.info({ url: server.url, attempt }, 'nats-server runs again');
        return;
      } catch (error) {
        failure = error;
        log.error({ attempt, reason: messageOf(error) }, 'nats-server does not start');
        await new Promise((resolve) => setTimeout(resolve, restartDelayMs * attempt));
      }
    }
    for (const listener of listeners) listener(failure);
  };
  server.onExit((exit) => {
    log.error(
      { pid: exit.pid, how: exit.how, lastLines: exit.lastLines },
      'nats-server ended; starting it again',
    );
    void bringBack();
  });
  return {
    onLost: (listener) => void listeners.push(listener),
    close: (how) => (how === 'leave' ? server.leave() : server.stop()),
  };
}
