/**
 * The connection that a configuration describes. A NATS server elsewhere that lets everybody in is refused: whoever
 * reaches it could teach, read, replace and delete every model.
 */
import type { Config } from '../../config/schema.ts';
import { SetupError } from '../base/errors.ts';
import { redactedUrl } from '../base/redacted-url.ts';
import type { ConnectOptions, TlsPaths } from './connection.ts';
import { loadContext } from './context.ts';
import { type Environment, readSecret } from './secret.ts';

export type Connection = Omit<ConnectOptions, 'name'>;

/** Undefined when the configuration names no server, so that the embedded one is meant. Throws SetupError. */
export function configuredConnection(nats: Config['nats'], environment: Environment): Connection | undefined {
  const connection = namedConnection(nats, environment);
  if (connection === undefined || nats.allowUnauthenticated) return connection;
  const open = connection.servers.find((server) => !isLoopback(server) && !signsIn(connection, server));
  if (open === undefined) return connection;
  throw new SetupError(
    `${redactedUrl(open)} is not on this machine and nothing is set to sign in with: everybody who reaches it could ` +
      'operate the models. Set nats.user and nats.password, nats.token, nats.nkey, nats.credentials or a client ' +
      'certificate (nats.tls.cert), or take a nats.context that has one; if a network that you trust is all the ' +
      'protection you want, set nats.allowUnauthenticated to true',
  );
}

function namedConnection(nats: Config['nats'], environment: Environment): Connection | undefined {
  const { servers, context, user, credentials, nkey, tls, inboxPrefix } = nats;
  if (context === undefined && servers.length === 0) return undefined;
  const base = context === undefined ? { servers } : loadContext(context, environment);
  const merged: TlsPaths = { ...base.tls, ...tls };
  return {
    ...base,
    ...(user !== undefined && { user }),
    ...(nats.password !== undefined && { password: readSecret(nats.password, 'nats.password', environment) }),
    ...(nats.token !== undefined && { token: readSecret(nats.token, 'nats.token', environment) }),
    ...(credentials !== undefined && { credentials }),
    ...(nkey !== undefined && { nkey }),
    ...(inboxPrefix !== undefined && { inboxPrefix }),
    ...(Object.keys(merged).length > 0 && { tls: merged }),
  };
}

/** Whether a secret that a listener could use again (a password, a token) may go over the network in the clear. */
export function exposesSecret(connection: Connection): boolean {
  const { password, token, tls } = connection;
  if (tls !== undefined) return false;
  return connection.servers.some((server) => {
    if (isLoopback(server) || /^\s*tls:/i.test(server)) return false;
    return password !== undefined || token !== undefined || hasUser(server);
  });
}

function signsIn(connection: Connection, server: string): boolean {
  const { user, token, credentials, nkey, tls } = connection;
  const ways = [user, token, credentials, nkey, tls?.cert];
  return ways.some((way) => way !== undefined) || hasUser(server);
}

const hasUser = (server: string): boolean => server.includes('@');

/** By what is written, not by what a name server says: an answer of tomorrow may be another machine. */
export function isLoopback(server: string): boolean {
  const address = redactedUrl(server)
    .trim()
    .replace(/^[a-z+]+:\/\//i, '');
  const host = address.startsWith('[')
    ? address.slice(1, address.indexOf(']'))
    : address.split(/[:/]/, 1)[0]!;
  return /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);
}
