/** The config that `serve` and `doctor` use: the named file, else millrace.json if it is there, else the defaults. */
import { existsSync } from 'node:fs';
import { loadConfig, parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { ServerOptions } from './options.ts';

export const usualConfig = 'millrace.json';

export interface ConfigChoice extends ServerOptions {
  readonly config?: string;
}

/** What is named on the command line stands above what the file says. */
export function chosenConfig(choice: ConfigChoice): { config: Config; source: string } {
  const path = choice.config ?? (existsSync(usualConfig) ? usualConfig : undefined);
  const base = path === undefined ? parseConfig('{}', 'defaults') : loadConfig(path);
  const config = { ...base, nats: chosenNats(base.nats, choice), root: choice.root ?? base.root };
  return { config, source: path ?? 'the defaults' };
}

function chosenNats(base: Config['nats'], choice: ConfigChoice): Config['nats'] {
  const { context: _, ...others } = base;
  const { server, context, tlsca: ca, tlscert: cert, tlskey: key, tlsfirst: handshakeFirst } = choice;
  const target =
    server !== undefined
      ? { ...others, servers: server.split(',') }
      : context !== undefined
        ? { ...others, servers: [], context }
        : base;
  const { user, creds, nkey, inboxPrefix } = choice;
  return {
    ...target,
    ...(user !== undefined && { user, password: { env: 'NATS_PASSWORD' } }),
    ...(creds !== undefined && { credentials: creds }),
    ...(nkey !== undefined && { nkey }),
    ...(inboxPrefix !== undefined && { inboxPrefix }),
    tls: {
      ...target.tls,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(handshakeFirst !== undefined && { handshakeFirst }),
    },
  };
}
