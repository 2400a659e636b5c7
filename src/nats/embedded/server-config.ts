/**
 * The config file of the embedded server, generated at every start. A file and not flags: max_payload has no
 * flag, and a server refuses to start over a setting that its version does not know.
 *
 * Loopback only, with no setting to change it: who wants to be reached from elsewhere runs a NATS server with its own
 * certificates and accounts (`millrace auth template`). Without users whoever may open a port of this machine may use it.
 */
import { createHash } from 'node:crypto';
import { canSync } from '../durability.ts';
import type { ServerAccess } from './access.ts';
import type { ServerLayout } from './layout.ts';
import { quote } from './quote.ts';
import type { EmbeddedSettings } from './settings.ts';

export const serverHost = '127.0.0.1';

/** The protocol's limit of one message; snapshots and pulls are cut into pieces to fit. */
const messageBytesMax = 1024 * 1024;
/** Nothing of ours is a memory stream; a little room for a user's own. */
const memoryBytesMax = 256 * 1024 * 1024;
/** How much of the stream's tail a power cut may take; the server's own default is two minutes. */
const syncInterval = { fast: '10s', fsync: 'always' } as const;

/** A name that only a server on this store folder has: its INFO line proves which store it serves. */
export const serverName = (layout: ServerLayout): string =>
  `millrace-${createHash('sha256').update(layout.serverDir).digest('hex').slice(0, 12)}`;

/** `port` 0 lets the server choose; it then says in its ports file which one it took. */
export function serverConfig(
  layout: ServerLayout,
  settings: EmbeddedSettings,
  version: string,
  port: number,
  access: ServerAccess,
): string {
  const jetstream = [
    `store_dir: ${quote(layout.serverDir)}`,
    `max_file_store: ${settings.storeBytesMax}`,
    `max_memory_store: ${memoryBytesMax}`,
    ...(canSync(version) ? [`sync_interval: ${quote(syncInterval[settings.durability ?? 'fast'])}`] : []),
  ];
  return [
    '# Written by Millrace at every start: changes made here are lost.',
    `server_name: ${quote(serverName(layout))}`,
    `host: ${quote(serverHost)}`,
    portLine(port),
    `max_payload: ${messageBytesMax}`,
    `pid_file: ${quote(layout.pidPath)}`,
    `ports_file_dir: ${quote(layout.serverDir)}`,
    'jetstream {',
    ...jetstream.map((line) => `  ${line}`),
    '}',
    ...access.lines,
    '',
  ].join('\n');
}

/** Whether a running server's config is the one that the settings ask for; any port will do where 0 is asked. */
export function satisfies(running: string, wanted: string, settings: EmbeddedSettings): boolean {
  if (settings.port !== 0) return running === wanted;
  const withoutPort = (text: string): string => text.replace(/^port: .*$/m, '');
  return withoutPort(running) === withoutPort(wanted);
}

const portLine = (port: number): string => `port: ${port === 0 ? -1 : port}`;
