/** Opens a connection and makes a client of it. */
import process from 'node:process';
import { type ConnectOptions, connectChannel, NoServerError } from '../nats/connection.ts';
import { loadContext } from '../nats/context.ts';
import { subjectsOf } from '../protocol/subjects.ts';
import { clientOver, type Millrace } from './millrace.ts';
import { clientDefaults, type MillraceOptions, serversOf } from './options.ts';
import { ServerUnreachableError } from './unreachable.ts';

/**
 * Rejects with ServerUnreachableError (kind 'notReady') when no NATS server answers, with SetupError when one
 * refuses or a setting cannot work. That Millrace itself is there is found out by the first call.
 */
export async function connect(options: MillraceOptions = {}): Promise<Millrace> {
  const target = targetOf(options);
  const root = options.root ?? clientDefaults.root;
  const channel = await connectChannel(target).catch((error: unknown) => {
    throw error instanceof NoServerError ? ServerUnreachableError.noNats(target.servers, error) : error;
  });
  return clientOver({
    channel,
    subjects: subjectsOf(root),
    root,
    wire: options.wire ?? clientDefaults.wire,
    timeoutMs: options.timeoutMs ?? clientDefaults.timeoutMs,
    adminTimeoutMs: options.adminTimeoutMs ?? clientDefaults.adminTimeoutMs,
  });
}

/** What is named here stands above what the context says. */
function targetOf(options: MillraceOptions): ConnectOptions {
  const { context, servers, user, password, token, credentials, nkey, tls, inboxPrefix } = options;
  const known = context === undefined ? undefined : loadContext(context, process.env);
  return {
    ...known,
    name: options.name ?? 'millrace-client',
    servers: servers === undefined && known !== undefined ? known.servers : serversOf(servers, process.env),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
    ...(credentials !== undefined && { credentials }),
    ...(nkey !== undefined && { nkey }),
    ...(tls !== undefined && { tls: { ...known?.tls, ...tls } }),
    ...(inboxPrefix !== undefined && { inboxPrefix }),
  };
}
