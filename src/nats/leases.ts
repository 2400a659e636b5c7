/**
 * A lease: one holder at a time, for as long as it renews. The key's entry runs out by itself (the bucket's
 * time to live), so a holder that dies is followed by another after at most `ttlMs`.
 *
 *   acquire: create (fails while somebody holds)    token = revision of that entry: grows with every holder
 *   renew:   update if the revision is still ours   changes the revision, never the token
 *   lost:    another's entry, or no renewal acked for ttlMs since the last one was *sent*
 *
 * The last line is what makes it safe: the server counts from when it stored the entry, which is later than
 * when it was sent, so the holder stops believing before anybody else can acquire.
 */
import { assert } from '../base/assert.ts';
import { MillraceError } from '../base/errors.ts';
import type { Bucket, Channel } from './channel.ts';

export interface LeaseSpec {
  readonly bucket: string;
  readonly key: string;
  /** Unique among all that may ever ask, and what the others read when they are refused. */
  readonly holder: string;
  /** Of the whole bucket: every lease in it has the same. At least 300. */
  readonly ttlMs: number;
}

/** The caller's clock: monotonic milliseconds, and a timer that is cancelled by what it returns. */
export interface LeaseClock {
  now(): number;
  after(delayMs: number, run: () => void): () => void;
}

export interface Lease {
  /** Fencing token: greater than that of every earlier holder of the key. */
  readonly token: number;
  readonly held: boolean;
  /** Renews until the lease is released or lost. Call once, at once. */
  startRenewing(): void;
  /** Called once, with the reason, when the lease is lost; at once when it already is. Not called for a release. */
  onLost(listener: (reason: string) => void): void;
  /** Stops renewing and frees the key for the next holder. Never rejects: a key that cannot be freed runs out. */
  release(): Promise<void>;
}

const ttlLeastMs = 300;
/** Renewals per time to live; an unanswered one is tried again well before the end. */
const renewalsPerTtl = 3;
const retriesPerTtl = 10;

export function acquireLease(channel: Channel, spec: LeaseSpec, clock: LeaseClock): Promise<Lease> {
  return claim(channel, spec, clock, async () => 0);
}

/**
 * For a holder whose lease was lost: takes over an entry of its own at once, such as one from a renewal that a
 * stalled broker took late. Otherwise as acquireLease.
 */
export function reacquireLease(channel: Channel, spec: LeaseSpec, clock: LeaseClock): Promise<Lease> {
  return claim(channel, spec, clock, async (bucket) => {
    const entry = await bucket.get(spec.key);
    return entry !== undefined && decodeClaim(entry.value).holder === spec.holder ? entry.revision : 0;
  });
}

/** `revisionOf` names the entry that may be replaced; 0 for none. */
async function claim(
  channel: Channel,
  spec: LeaseSpec,
  clock: LeaseClock,
  revisionOf: (bucket: Bucket) => Promise<number>,
): Promise<Lease> {
  const { key, holder, ttlMs } = spec;
  assert(ttlMs >= ttlLeastMs, `a lease of ${ttlMs} ms is too short to be renewed: at least ${ttlLeastMs}`);
  const bucket = await channel.openBucket(spec.bucket, { ttlMs });
  const revision = await revisionOf(bucket);
  const value = encodeClaim({ holder, token: 0 });
  const sentAt = clock.now();
  try {
    const token = await (revision === 0
      ? bucket.create(key, value, ttlMs)
      : bucket.update(key, value, revision, ttlMs));
    return new HeldLease(bucket, spec, clock, token, sentAt);
  } catch (thrown) {
    if (!(thrown instanceof MillraceError) || thrown.kind !== 'conflict') throw thrown;
    const other = await leaseHolder(bucket, key);
    if (other === undefined) return claim(channel, spec, clock, revisionOf);
    throw new MillraceError(
      'conflict',
      `${key} is held by ${other}: stop that one, or wait (${ttlMs} ms after it died it is free)`,
      { cause: thrown },
    );
  }
}

/** Who holds a key, as it calls itself; undefined when it is free. */
export async function leaseHolder(bucket: Bucket, key: string): Promise<string | undefined> {
  const entry = await bucket.get(key);
  return entry === undefined ? undefined : decodeClaim(entry.value).holder;
}

class HeldLease implements Lease {
  readonly token: number;
  readonly #bucket: Bucket;
  readonly #spec: LeaseSpec;
  readonly #clock: LeaseClock;
  readonly #listeners: ((reason: string) => void)[] = [];
  #revision: number;
  /** When the renewal that holds now was sent. */
  #sentAt: number;
  #state: 'held' | 'released' | 'lost' = 'held';
  #reason = '';
  #renewing: Promise<void> | undefined;
  #cancelRenewal: () => void = () => {};
  #cancelEnd: () => void = () => {};

  constructor(bucket: Bucket, spec: LeaseSpec, clock: LeaseClock, token: number, sentAt: number) {
    this.#bucket = bucket;
    this.#spec = spec;
    this.#clock = clock;
    this.token = token;
    this.#revision = token;
    this.#sentAt = sentAt;
    this.#awaitEnd();
  }

  get held(): boolean {
    return this.#state === 'held' && this.#leftMs() > 0;
  }

  startRenewing(): void {
    this.#renewAfter(this.#spec.ttlMs / renewalsPerTtl);
  }

  onLost(listener: (reason: string) => void): void {
    if (this.#state === 'lost') listener(this.#reason);
    else this.#listeners.push(listener);
  }

  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    this.#state = 'released';
    this.#cancelRenewal();
    this.#cancelEnd();
    // A renewal under way changes the revision that the removal must name.
    await this.#renewing;
    await this.#bucket.remove(this.#spec.key, this.#revision, this.#spec.ttlMs).catch(() => {});
  }

  #leftMs(): number {
    return this.#sentAt + this.#spec.ttlMs - this.#clock.now();
  }

  #awaitEnd(): void {
    this.#cancelEnd();
    this.#cancelEnd = this.#clock.after(Math.max(0, this.#leftMs()), () => {
      this.#lose(`${this.#spec.key} could not be renewed for ${this.#spec.ttlMs} ms`);
    });
  }

  #renewAfter(delayMs: number): void {
    this.#cancelRenewal = this.#clock.after(delayMs, () => {
      this.#renewing = this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const { key, holder, ttlMs } = this.#spec;
    const sentAt = this.#clock.now();
    const patienceMs = Math.max(1, Math.min(ttlMs / renewalsPerTtl, this.#leftMs()));
    try {
      const value = encodeClaim({ holder, token: this.token });
      this.#revision = await this.#bucket.update(key, value, this.#revision, patienceMs);
    } catch (thrown) {
      const conflict = thrown instanceof MillraceError && thrown.kind === 'conflict';
      if (conflict) await this.#settleConflict();
      if (this.#state === 'held') this.#renewAfter(ttlMs / retriesPerTtl);
      return;
    }
    if (this.#state !== 'held') return;
    this.#sentAt = sentAt;
    this.#awaitEnd();
    this.#renewAfter(ttlMs / renewalsPerTtl);
  }

  /**
   * A renewal whose answer was lost has changed the revision: the entry is still ours, and the next renewal
   * goes on from it. Anything else means that the lease is another's, or nobody's.
   */
  async #settleConflict(): Promise<void> {
    const { key, holder } = this.#spec;
    const entry = await this.#bucket.get(key).catch(() => 'unknown' as const);
    if (entry === 'unknown') return;
    const held = entry === undefined ? undefined : decodeClaim(entry.value);
    if (entry !== undefined && held?.holder === holder && held.token === this.token) {
      this.#revision = entry.revision;
      return;
    }
    this.#lose(held === undefined ? `${key} ran out` : `${key} was taken by ${held.holder}`);
  }

  #lose(reason: string): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.#reason = reason;
    this.#cancelRenewal();
    this.#cancelEnd();
    for (const listener of this.#listeners) listener(reason);
  }
}

/** What stands in the bucket; the token is 0 in the entry whose revision becomes it. */
interface Claim {
  readonly holder: string;
  readonly token: number;
}

const encodeClaim = (claim: Claim): Uint8Array => new TextEncoder().encode(JSON.stringify(claim));

function decodeClaim(value: Uint8Array): Claim {
  try {
    const claim = JSON.parse(new TextDecoder().decode(value)) as Partial<Claim>;
    return { holder: String(claim.holder), token: Number(claim.token) };
  } catch {
    return { holder: 'somebody who wrote no name', token: 0 };
  }
}
