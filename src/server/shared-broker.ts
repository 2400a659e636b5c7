/** The broker of a server that stands by: another process's embedded server first, ours when that process is gone. */
import type { Logger } from '../base/logger.ts';
import type { EmbeddedServerOptions } from '../nats/embedded/embedded-server.ts';
import { keyPathOf } from '../nats/embedded/layout.ts';
import { becomeKeeper, joinEmbeddedServer } from '../nats/embedded/shared-server.ts';
import { type Broker, brokerOf } from './broker.ts';

export async function joinBroker(options: EmbeddedServerOptions, log: Logger): Promise<Broker> {
  const shared = await joinEmbeddedServer(options);
  if (shared.kind === 'kept') return brokerOf(shared.server, log);
  const { url, pid, port } = shared;
  log.info({ url, pid }, 'uses the nats-server of the process that owns the data folder');
  const ended = new AbortController();
  const listeners: ((error: unknown) => void)[] = [];
  const keeping = becomeKeeper({ ...options, port }, ended.signal).then((server) => {
    if (server === undefined) return undefined;
    log.info({ url: server.url, pid: server.pid }, 'keeps the nats-server of the data folder from now on');
    const kept = brokerOf(server, log);
    for (const listener of listeners) kept.onLost(listener);
    return kept;
  });
  let kept: Broker | undefined;
  void keeping.then((broker) => {
    kept = broker;
  });
  return {
    connect: {
      servers: [url],
      ...(options.settings.users.length > 0 && { nkey: keyPathOf(options.dataDir) }),
    },
    url,
    source: `nats-server of another process (pid ${pid})`,
    foreign: true,
    onLost: (listener) => (kept === undefined ? void listeners.push(listener) : kept.onLost(listener)),
    async close(how) {
      ended.abort();
      await (await keeping)?.close(how);
    },
  };
}
