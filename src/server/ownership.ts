/**
 * One process owns a model at a time: a lease per model. A lease that ran out because the broker was away is
 * taken again; one that somebody else holds ends the ownership.
 */
import { MillraceError } from '../base/errors.ts';
import type { Channel } from '../nats/channel.ts';
import { acquireLease, type Lease, type LeaseClock, reacquireLease } from '../nats/leases.ts';

export interface OwnershipSpec {
  readonly bucket: string;
  readonly model: string;
  readonly holder: string;
  readonly ttlMs: number;
}

export interface Ownership {
  release(): Promise<void>;
}

const clock: LeaseClock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
const retryMs = 250;

/**
 * Waits out the lease of an owner that died; throws MillraceError('conflict') when the model has a living one.
 * `taken` is called when another process became the owner.
 */
export async function ownModel(
  channel: Channel,
  spec: OwnershipSpec,
  taken: (reason: string) => void,
): Promise<Ownership> {
  let released = false;
  let lease = await patiently(channel, spec, clock.now() + spec.ttlMs + 1_000);
  const hold = (held: Lease) => {
    lease = held;
    held.startRenewing();
    held.onLost(() => void regain());
  };
  const regain = async () => {
    while (!released) {
      try {
        const again = await reacquireLease(channel, leaseOf(spec), clock);
        if (released) await again.release();
        else hold(again);
        return;
      } catch (error) {
        // An entry of our own was in the way when a renewal that a stalled broker took late came in between.
        if (isHeld(error) && !error.message.includes(spec.holder)) return taken(error.message);
        await pause(retryMs);
      }
    }
  };
  hold(lease);
  return {
    async release() {
      released = true;
      await lease.release();
    },
  };
}

const leaseOf = ({ bucket, model, holder, ttlMs }: OwnershipSpec) => ({ bucket, key: model, holder, ttlMs });

const isHeld = (error: unknown): error is MillraceError =>
  error instanceof MillraceError && error.kind === 'conflict';

async function patiently(channel: Channel, spec: OwnershipSpec, untilMs: number): Promise<Lease> {
  for (;;) {
    try {
      return await acquireLease(channel, leaseOf(spec), clock);
    } catch (error) {
      if (!isHeld(error) || clock.now() > untilMs) throw error;
      await pause(retryMs);
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
