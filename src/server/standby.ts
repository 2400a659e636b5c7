/** A server in waiting: what it waits for is that nobody holds the lease of any of its models. */
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { leaseHolder } from '../nats/leases.ts';

export interface Standby {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Called whenever the waiting begins. */
  readonly waiting: () => void;
}

const lookMs = 200;

/** Resolves when no model has an owner; whoever then asks first gets them. Rejects when the wait was ended. */
export async function untilNobodyOwns(
  channel: Channel,
  bucket: { readonly name: string; readonly ttlMs: number },
  models: readonly string[],
  standby: Standby,
  log: Logger,
): Promise<void> {
  let known = '';
  for (;;) {
    // A broker that does not answer says nothing about who owns what.
    const owners = await ownersOf(channel, bucket, models).catch(() => ['a broker that does not answer']);
    const owner = owners[0];
    if (owner === undefined) return;
    if (known === '') standby.waiting();
    if (owner !== known) log.info({ owner }, 'standing by: the models have an owner');
    known = owner;
    await pause(lookMs, standby.signal);
  }
}

async function ownersOf(
  channel: Channel,
  { name, ttlMs }: { readonly name: string; readonly ttlMs: number },
  models: readonly string[],
): Promise<string[]> {
  const opened = await channel.openBucket(name, { ttlMs });
  const holders = await Promise.all(models.map((model) => leaseHolder(opened, model)));
  return holders.filter((holder) => holder !== undefined);
}

/** Whether a standby whose start failed with this has a reason to wait again. */
export const mayStandByAgain = (error: unknown): boolean =>
  error instanceof MillraceError && ['conflict', 'notReady', 'deadline'].includes(error.kind);

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new MillraceError('notReady', 'stopped while standing by'));
    if (signal.aborted) return end();
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    const stop = () => {
      clearTimeout(timer);
      end();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
