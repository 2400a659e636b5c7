/** How a channel is opened, and with what. */
import type { Channel } from './channel.ts';
import { channelOver } from './nats-channel.ts';
import { openConnection } from './open-connection.ts';

export { NoServerError } from './open-connection.ts';

export interface ConnectOptions {
  /** URLs such as nats://127.0.0.1:4222; `tls://` insists on encryption, `user:password@` is understood. */
  readonly servers: readonly string[];
  /** Name of the connection in the server's monitoring. */
  readonly name: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Path of a .creds file. */
  readonly credentials?: string;
  /** Path of a file with an nkey seed. */
  readonly nkey?: string;
  readonly tls?: TlsPaths;
  /** First tokens of reply subjects; `_INBOX` when absent. */
  readonly inboxPrefix?: string;
  readonly connectTimeoutMs?: number;
  /** Keep trying when no server answers at first. */
  readonly waitOnFirstConnect?: boolean;
}

export interface TlsPaths {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  /** The server wants the TLS handshake before its first word. */
  readonly handshakeFirst?: boolean | undefined;
}

/** Rejects with a SetupError that says how to mend it; once open, the channel reconnects for as long as it takes. */
export async function connectChannel(options: ConnectOptions): Promise<Channel> {
  return channelOver(await openConnection(options), options.inboxPrefix);
}
