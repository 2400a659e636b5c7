/** How a client reaches Millrace, and how long it tries. */
import { SetupError } from '../base/errors.ts';
import type { TlsPaths } from '../nats/connection.ts';
import type { WireFormat } from '../protocol/codec.ts';

export interface MillraceOptions {
  /** NATS servers, else those of `context`, else NATS_URL (commas between several), else nats://127.0.0.1:4222. */
  readonly servers?: string | readonly string[];
  /** Name of a `nats` CLI context. */
  readonly context?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Path of a .creds file. */
  readonly credentials?: string;
  /** Path of a file with an nkey seed. */
  readonly nkey?: string;
  /** Paths of PEM files; with any of them the connection is encrypted, or refused. */
  readonly tls?: TlsPaths;
  /** First tokens of the subjects of answers, where a user may read those of its own prefix only. */
  readonly inboxPrefix?: string;
  /** First token of the subjects, as in the server's config. */
  readonly root?: string;
  /** Name that `nats server report connections` shows. */
  readonly name?: string;
  readonly wire?: WireFormat;
  /** How long a call may take with its retries, ms. */
  readonly timeoutMs?: number;
  /** The same for commands such as a checkpoint, ms. */
  readonly adminTimeoutMs?: number;
}

export const clientDefaults = {
  server: 'nats://127.0.0.1:4222',
  root: 'millrace',
  wire: 'msgpack' as WireFormat,
  timeoutMs: 5_000,
  adminTimeoutMs: 60_000,
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The servers to use when no context names them. */
export function serversOf(named: MillraceOptions['servers'], environment: Environment): string[] {
  const given = named ?? (environment.NATS_URL || clientDefaults.server);
  const list = (typeof given === 'string' ? given.split(',') : [...given]).map((server) => server.trim());
  const servers = list.filter((server) => server !== '');
  if (servers.length === 0) throw new SetupError('servers is empty; name one, such as nats://127.0.0.1:4222');
  return servers;
}
