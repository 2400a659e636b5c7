/**
 * How far an ack reaches. `fast`: the server has the event, and syncs its files every few seconds; a killed process
 * loses nothing, a power cut the last seconds. `fsync`: it syncs before it acks. Servers can since 2.10
 * (`sync_interval: always`). Of a server that is not ours the version can be seen and that setting cannot.
 */
import type { Config } from '../../config/schema.ts';
import { SetupError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isAtLeast } from './embedded/binary.ts';

export type Durability = Config['durability'];

/** Throws SetupError when that server cannot sync before it acks. `found` names it with its version. */
export function refuseUnlessDurable(
  durability: Durability,
  { version, found, mend }: { readonly version: string; readonly found: string; readonly mend: string },
): void {
  if (durability === 'fast' || canSync(version)) return;
  throw new SetupError(
    `durability: expected nats-server 2.10 or newer for "fsync", got ${found}: ${mend}, or set durability to "fast"`,
  );
}

export const canSync = (version: string): boolean => isAtLeast(version, 2, 10);

/** For servers that were started by somebody else. */
export function checkForeignServer(
  durability: Durability,
  { version, source, log }: { readonly version: string; readonly source: string; readonly log: Logger },
): void {
  const found = `nats-server ${version} (${source})`;
  refuseUnlessDurable(durability, { version, found, mend: 'upgrade it' });
  if (durability === 'fsync') {
    const sentence =
      'durability "fsync" is kept by the NATS server: its `jetstream` block needs `sync_interval: always`, which cannot be seen from here';
    log.warn({ source, version }, sentence);
  }
}
