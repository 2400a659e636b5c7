/**
 * The embedded server of a data folder that another process of ours keeps: used as it is, and kept by us as soon
 * as that process is gone. Its address stays the same, so the connections that we have find it again.
 *
 *   guest of another's server --the other let go of the folder, or died--> keeper of it
 *
 * While the other process lives, stopped or not, the folder is its own: a server that ends then is its to bring back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { type EmbeddedServer, type EmbeddedServerOptions, startEmbeddedServer } from './embedded-server.ts';
import { prepareLayout } from './layout.ts';
import { FolderInUseError } from './lock.ts';
import { findOrphan } from './orphan.ts';
import { serverHost } from './server-config.ts';

export type SharedServer =
  | { readonly kind: 'kept'; readonly server: EmbeddedServer }
  | { readonly kind: 'guest'; readonly url: string; readonly port: number; readonly pid: number };

const lookMs = 200;

/** The folder's server, whoever keeps it; waits while its keeper is just starting it. */
export async function joinEmbeddedServer(options: EmbeddedServerOptions): Promise<SharedServer> {
  const deadline = performance.now() + options.settings.startTimeoutMs;
  for (;;) {
    try {
      return { kind: 'kept', server: await startEmbeddedServer(options) };
    } catch (error) {
      if (!(error instanceof FolderInUseError)) throw error;
      const layout = await prepareLayout(options.dataDir);
      const theirs = await findOrphan(layout, options.settings.startTimeoutMs);
      if (theirs !== undefined) {
        theirs.unref();
        return {
          kind: 'guest',
          url: `nats://${serverHost}:${theirs.port}`,
          port: theirs.port,
          pid: theirs.pid,
        };
      }
      if (performance.now() > deadline) throw error;
      await sleep(lookMs);
    }
  }
}

/** Resolves to the server when it is ours to keep; to nothing when the signal ended the wait. */
export async function becomeKeeper(
  options: EmbeddedServerOptions,
  signal: AbortSignal,
): Promise<EmbeddedServer | undefined> {
  let said = '';
  while (!signal.aborted) {
    try {
      return await startEmbeddedServer(options);
    } catch (error) {
      // A server that is on its way down still has the port; whatever it is, there is nothing to do but try again.
      if (!(error instanceof FolderInUseError) && messageOf(error) !== said) {
        said = messageOf(error);
        options.log.warn({ reason: said }, 'The data folder is free, and its server does not start yet');
      }
    }
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}
