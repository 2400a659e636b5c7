/** What the tests of the channel share: one channel to a real server, a stream, and patience with a limit. */
import type { Test } from 'tap';
import type { ErrorKind } from '../../src/base/errors.ts';
import type { Channel, LogEntry, LogReader, StreamSpec } from '../../src/nats/channel.ts';
import { connectChannel } from '../../src/nats/connection.ts';
import {
  type AvailableServer,
  availableServers,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from './nats-server.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** What a rejection must be: decided by kind. */
export const refusal = (kind: ErrorKind) => ({ name: 'MillraceError', kind });

export const eventStream = (more: Partial<StreamSpec> = {}): StreamSpec => ({
  name: 'events',
  subjects: ['events.>'],
  bytesMax: 64 * 1024 * 1024,
  discard: 'new',
  duplicateWindowMs: 60_000,
  ...more,
});

/** Runs the same tests against every server of this machine; skips where there is none. */
export async function onEachServer(
  t: Test,
  name: string,
  run: (t: Test, server: AvailableServer) => Promise<void>,
): Promise<void> {
  const servers = availableServers();
  if (servers.length === 0) {
    await t.test(name, { skip: 'no nats-server on this machine' }, async () => {});
    return;
  }
  for (const server of servers) await t.test(`${name} (${server.label})`, (t) => run(t, server));
}

export interface Fixture {
  readonly server: TestServer;
  readonly channel: Channel;
  connect(): Promise<Channel>;
}

export async function fixture(t: Test, options: TestServerOptions): Promise<Fixture> {
  const server = await startTestServer(t, options);
  const connect = async (): Promise<Channel> => {
    const channel = await connectChannel({ servers: [server.url], name: t.name });
    t.teardown(() => channel.close());
    return channel;
  };
  return { server, channel: await connect(), connect };
}

/** Fails with the name of what did not happen rather than with a hanging test. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export async function until(
  limitMs: number,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The next `count` entries. */
export async function take(reader: LogReader, count: number): Promise<LogEntry[]> {
  const iterator = reader[Symbol.asyncIterator]();
  const entries: LogEntry[] = [];
  while (entries.length < count) {
    const next = await iterator.next();
    if (next.done) break;
    entries.push(next.value);
  }
  return entries;
}
