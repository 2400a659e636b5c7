/**
 * Contexts of the `nats` command line tool: a file per context that says where the servers are and who one
 * is. What a context asks for and Millrace cannot do is refused by name rather than left out.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { messageOf, SetupError } from '../base/errors.ts';
import type { ConnectOptions, TlsPaths } from './connection.ts';

const defaultUrl = 'nats://127.0.0.1:4222';

/** Where contexts lie: XDG_CONFIG_HOME or HOME decide it. */
export type ContextEnvironment = Readonly<Record<string, string | undefined>>;

interface ContextFile {
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly inbox_prefix?: string;
  readonly tls_first?: boolean;
}

const refusedSettings = [
  'nsc',
  'user_jwt',
  'user_seed',
  'jetstream_domain',
  'jetstream_api_prefix',
  'socks_proxy',
];
const textSettings = [
  'url',
  'user',
  'password',
  'token',
  'creds',
  'nkey',
  'cert',
  'key',
  'ca',
  'inbox_prefix',
];

/** All of the connect options but the connection's name, which is the caller's. */
export function loadContext(
  name: string,
  environment: ContextEnvironment = process.env,
): Omit<ConnectOptions, 'name'> {
  const folder = contextFolder(environment);
  const text = readContextFile(folder, name);
  const file = parseContext(text, join(folder, `${name}.json`));
  const atHome = (path: string) => path.replace(/^~(?=\/)/, environment.HOME ?? '~');
  const tls = tlsPaths(file, atHome);
  return {
    servers: (file.url || defaultUrl).split(',').map((url) => url.trim()),
    ...(file.user && { user: file.user }),
    ...(file.password && { password: file.password }),
    ...(file.token && { token: file.token }),
    ...(file.creds && { credentials: atHome(file.creds) }),
    ...(file.nkey && { nkey: atHome(file.nkey) }),
    ...(file.inbox_prefix && { inboxPrefix: file.inbox_prefix }),
    ...(tls !== undefined && { tls }),
  };
}

function contextFolder({ XDG_CONFIG_HOME, HOME }: ContextEnvironment): string {
  const config = XDG_CONFIG_HOME || (HOME && join(HOME, '.config'));
  if (!config)
    throw new SetupError('cannot look for a NATS context: neither XDG_CONFIG_HOME nor HOME is set');
  return join(config, 'nats', 'context');
}

function readContextFile(folder: string, name: string): string {
  if (name !== basename(name) || name.startsWith('.')) {
    throw new SetupError(
      `nats.context is "${name}", expected the name of a context as \`nats context ls\` shows it`,
    );
  }
  try {
    return readFileSync(join(folder, `${name}.json`), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new SetupError(`cannot read NATS context "${name}": ${messageOf(cause)}`, { cause });
    }
    const known = contextNames(folder);
    const choice = known.length === 0 ? 'there is none' : `there are: ${known.join(', ')}`;
    throw new SetupError(
      `no NATS context "${name}" in ${folder} (${choice}): make it with \`nats context save ${name}\`, or set nats.servers`,
      { cause },
    );
  }
}

function contextNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'));
}

function parseContext(text: string, path: string): ContextFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new SetupError(`NATS context ${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SetupError(`NATS context ${path}: expected an object, as \`nats context save\` writes it`);
  }
  const settings = parsed as Record<string, unknown>;
  for (const setting of refusedSettings) {
    if (!settings[setting]) continue;
    throw new SetupError(
      `NATS context ${path} sets ${setting}, which Millrace cannot use: take a context without it`,
    );
  }
  for (const setting of textSettings) {
    const value = settings[setting];
    if (value === undefined || value === null || typeof value === 'string') continue;
    throw new SetupError(`NATS context ${path}: ${setting} is a ${typeof value}, expected text`);
  }
  return settings as ContextFile;
}

function tlsPaths(file: ContextFile, atHome: (path: string) => string): TlsPaths | undefined {
  const paths: TlsPaths = {
    ...(file.cert && { cert: atHome(file.cert) }),
    ...(file.key && { key: atHome(file.key) }),
    ...(file.ca && { ca: atHome(file.ca) }),
    ...(file.tls_first === true && { handshakeFirst: true }),
  };
  return Object.keys(paths).length === 0 ? undefined : paths;
}
