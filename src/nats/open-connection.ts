/**
 * Opens the connection. What cannot work (nobody there, wrong password, missing file) is a SetupError that
 * says how to mend it. Once connected, the client never gives up: the library's own default would end the
 * connection for good after ten attempts.
 */
import { accessSync, constants } from 'node:fs';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  ErrorCode,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
  type TlsOptions,
} from 'nats';
import { messageOf, SetupError } from '../base/errors.ts';
import { redactedUrl } from '../base/redacted-url.ts';
import type { ConnectOptions, TlsPaths } from './connection.ts';
import { readSecretFile } from './secret.ts';

/** No server answered at all: start one, or wait for it. Other refusals at connect are plain SetupErrors. */
export class NoServerError extends SetupError {}

const defaultConnectTimeoutMs = 5_000;
const reconnectWaitMs = 250;
const reconnectJitterMs = 100;
const pingIntervalMs = 15_000;

export async function openConnection(options: ConnectOptions): Promise<NatsConnection> {
  if (options.servers.length === 0) {
    throw new SetupError(
      'no NATS server to connect to: set nats.servers, for example ["nats://127.0.0.1:4222"]',
    );
  }
  const settings = clientSettings(options);
  try {
    return await connect(settings);
  } catch (thrown) {
    throw setupErrorOf(thrown, options);
  }
}

function clientSettings(options: ConnectOptions): ConnectionOptions {
  const urls = options.servers.map(splitUrl);
  const user = options.user ?? urls.find((url) => url.user !== undefined)?.user;
  const password = options.password ?? urls.find((url) => url.password !== undefined)?.password;
  const authenticator = authenticatorOf(options);
  const tls = tlsOf(
    options.tls,
    urls.some((url) => url.encrypted),
  );
  return {
    servers: urls.map((url) => url.address),
    name: options.name,
    timeout: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    reconnectJitter: reconnectJitterMs,
    pingInterval: pingIntervalMs,
    noAsyncTraces: true,
    waitOnFirstConnect: options.waitOnFirstConnect ?? false,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(options.token !== undefined && { token: options.token }),
    ...(options.inboxPrefix !== undefined && { inboxPrefix: options.inboxPrefix }),
    ...(authenticator !== undefined && { authenticator }),
    ...(tls !== undefined && { tls }),
  };
}

interface ServerUrl {
  readonly address: string;
  readonly encrypted: boolean;
  readonly user?: string;
  readonly password?: string;
}

/** The client library drops `user:password@` without a word, so both are taken off here. */
function splitUrl(text: string): ServerUrl {
  const match = /^(?:([a-z]+):\/\/)?(?:([^:@/]*)(?::([^@/]*))?@)?([^@/\s]+)\/?$/i.exec(text.trim());
  const scheme = match?.[1]?.toLowerCase() ?? 'nats';
  if (match === null || (scheme !== 'nats' && scheme !== 'tls')) {
    throw new SetupError(
      `nats.servers has "${redactedUrl(text)}", expected a URL such as nats://127.0.0.1:4222 or tls://host:4222`,
    );
  }
  const [, , user, password] = match;
  return {
    address: match[4]!,
    encrypted: scheme === 'tls',
    ...(user !== undefined && { user: decoded(user) }),
    ...(password !== undefined && { password: decoded(password) }),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new SetupError('nats.servers has a user or password with a stray "%": write %25 for it');
  }
}

function authenticatorOf(options: ConnectOptions): Authenticator | undefined {
  if (options.credentials !== undefined) {
    return credsAuthenticator(
      new TextEncoder().encode(`${readSecretFile(options.credentials, 'nats.credentials')}\n`),
    );
  }
  if (options.nkey === undefined) return undefined;
  const seed = readSecretFile(options.nkey, 'nats.nkey').trim();
  if (!/^SU[A-Z2-7]{56}$/.test(seed)) {
    throw new SetupError(
      `${options.nkey}, named by nats.nkey, holds no seed of a user: expected 58 letters and digits from SU`,
    );
  }
  return nkeyAuthenticator(new TextEncoder().encode(seed));
}

/** The library hands the paths on, and a file that is not there ends in words about the handshake. */
function refuseMissingFiles({ ca, cert, key }: TlsPaths): void {
  for (const [name, path] of Object.entries({ ca, cert, key })) {
    if (path === undefined) continue;
    try {
      accessSync(path, constants.R_OK);
    } catch (cause) {
      throw new SetupError(`cannot read ${path}, named by nats.tls.${name}: ${messageOf(cause)}`, { cause });
    }
  }
}

function tlsOf(paths: TlsPaths | undefined, encrypted: boolean): TlsOptions | undefined {
  if (paths === undefined) return encrypted ? {} : undefined;
  refuseMissingFiles(paths);
  return {
    ...(paths.cert !== undefined && { certFile: paths.cert }),
    ...(paths.key !== undefined && { keyFile: paths.key }),
    ...(paths.ca !== undefined && { caFile: paths.ca }),
    ...(paths.handshakeFirst !== undefined && { handshakeFirst: paths.handshakeFirst }),
  };
}

const unknownAuthority =
  'the TLS certificate of the server is from an authority unknown here: name the file of that authority in nats.tls.ca';

const mends: Readonly<Record<string, string>> = {
  [ErrorCode.ConnectionRefused]: 'nobody listens there: start nats-server, or correct nats.servers',
  [ErrorCode.Timeout]: 'no answer in time: check the address, the port and any firewall',
  [ErrorCode.ConnectionTimeout]: 'no answer in time: check the address, the port and any firewall',
  [ErrorCode.AuthorizationViolation]:
    'the server refused the credentials: check nats.user and nats.password, nats.token, nats.nkey, nats.credentials or nats.context',
  [ErrorCode.AuthenticationTimeout]:
    'the server waited too long for credentials: try again, or check its load',
  [ErrorCode.AuthenticationExpired]: 'the credentials have expired: get new ones',
  [ErrorCode.AccountExpired]: 'the account has expired: renew it on the server',
  [ErrorCode.BadCreds]: 'the credentials file is none: expected a .creds file as `nsc` writes it',
  [ErrorCode.BadAuthentication]: 'the credentials cannot be used: check the .creds file or the nkey seed',
  [ErrorCode.ServerOptionNotAvailable]:
    'the server offers no TLS: use nats:// without certificates, or configure TLS on the server',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  CERT_HAS_EXPIRED: 'the TLS certificate of the server has expired: renew it there',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the TLS certificate of the server is for another name: connect by a name that is in it',
  [ErrorCode.Tls]: 'the TLS handshake failed: check the certificate, key and ca paths',
};

/** Nobody answered, as against: somebody refused. */
const silences: ReadonlySet<string> = new Set([
  ErrorCode.ConnectionRefused,
  ErrorCode.Timeout,
  ErrorCode.ConnectionTimeout,
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
]);

function setupErrorOf(thrown: unknown, options: ConnectOptions): SetupError {
  const servers = options.servers.map(redactedUrl).join(', ');
  const code =
    thrown instanceof NatsError ? thrown.code : String((thrown as { code?: unknown } | undefined)?.code);
  const mend = mends[code] ?? `${messageOf(thrown)}: check nats.servers and the server's log`;
  const words = `cannot connect to ${servers}: ${mend}`;
  return silences.has(code)
    ? new NoServerError(words, { cause: thrown })
    : new SetupError(words, { cause: thrown });
}
