/**
 * Versions recomputed from the log on an operator's request: to verify one, or to unlearn. One at a time in a
 * process, on its main thread, in slices: predictions and learning have threads of their own.
 */
import { MillraceError } from '../base/errors.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import { rowLayoutOf } from '../model/row-layout.ts';
import type { Channel } from '../nats/channel.ts';
import { epochEntryOf } from '../protocol/epoch-entry.ts';
import type { EpochEntry, Exclusion } from '../protocol/internal.ts';
import type { ReplayResult, UnlearnResult } from '../protocol/messages.ts';
import { type Subjects, subjectsOf } from '../protocol/subjects.ts';
import { firstCovered, type ReplaySource, recompute, verifyVersion } from '../replay/verify.ts';
import { entryOfEpoch } from './epochs.ts';
import type { HostOptions, ModelHost } from './model-host.ts';
import { storeRecomputed } from './recomputed-version.ts';
import { readVersion } from './starting-state.ts';

export interface UnlearnRequest {
  readonly skip: readonly { readonly kind: 'id' | 'key' | 'feature'; readonly value: string }[];
  /** Version to recompute from; 0: from nothing. */
  readonly from: number;
  /** Last sequence to be in the new version; what is in the parameters now when absent. */
  readonly to?: number;
  /** Serve the new version at once, and go on with the log behind it. */
  readonly serve: boolean;
}

export class Replays {
  readonly #options: Omit<HostOptions, 'store'>;
  #busy = false;

  constructor(options: Omit<HostOptions, 'store'>) {
    this.#options = options;
  }

  /** Compares the version that stands at this sequence, or one made now, with the log. */
  verify(host: ModelHost, from: number, to: number | undefined): Promise<ReplayResult> {
    return this.#alone(async () => {
      const version = await this.#versionAt(host, to);
      return verifyVersion(this.#sourceOf(host), version, from);
    });
  }

  unlearn(host: ModelHost, { skip, from, to = host.seq, serve }: UnlearnRequest): Promise<UnlearnResult> {
    return this.#alone(async () => {
      const source = this.#sourceOf(host);
      const exclusions = skip.map((one): Exclusion => ({ ...one, untilSeq: to }));
      await refuseUncovered(source, exclusions, from, to);
      const { partitions } = host.config;
      const marks = new Array<number>(partitions).fill(to);
      const layout = rowLayoutOf(host.config);
      const shape = { keyCount: layout.keyCount, rowWidth: layout.width };
      const target = {
        epoch: host.served.epoch,
        stream: { name: source.stream, created: '', marks },
        ...shape,
      };
      const { state, epoch } = await recompute(source, target, from, exclusions);
      const version = await host.writeVersion(async () =>
        storeRecomputed(this.#options, host, state, {
          from,
          epoch,
          marks,
          exclusions,
          entry: await source.readEntry(epoch),
        }),
      );
      if (serve) await host.rollback(version, 'relearn');
      const { learned, excluded } = state.counts;
      const made = { model: host.model, version, from, seq: to, learned, excluded };
      return serve ? { ...made, epoch: host.served.epoch } : made;
    });
  }

  async #versionAt(host: ModelHost, to: number | undefined): Promise<number> {
    if (to === undefined) return host.makeVersion('command');
    const { versions } = await host.store.list(host.model);
    const standing = versions.map(({ manifest }) => manifest).filter(({ stream }) => isAt(stream.marks, to));
    const newest = standing.at(-1);
    if (newest !== undefined) return newest.version;
    if (host.seq === to) return host.makeVersion('command');
    const there = versions.map(
      ({ manifest }) => `${manifest.version} at ${Math.min(...manifest.stream.marks)}`,
    );
    throw new MillraceError(
      'notFound',
      `no version of ${host.model} stands at sequence ${to}, and the parameters are at ${host.seq}; versions: ${there.join(', ') || 'none'}`,
    );
  }

  #sourceOf(host: ModelHost): ReplaySource {
    const { channel, around } = this.#options;
    const { store } = host;
    const subjects = subjectsOf(around.config.root);
    return {
      channel,
      stream: host.streamName,
      model: host.model,
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      readEntry: (epoch) => entryFromLogOrVersion(channel, store, subjects, host.model, epoch),
      readVersion: (version) => readVersion(store, host.model, version),
    };
  }

  async #alone<Result>(act: () => Promise<Result>): Promise<Result> {
    if (this.#busy) throw new MillraceError('overloaded', 'a replay is under way; wait until it is done');
    this.#busy = true;
    try {
      return await act();
    } finally {
      this.#busy = false;
    }
  }
}

const isAt = (marks: readonly number[], seq: number): boolean => marks.every((mark) => mark === seq);

/** A stream that was purged may have lost entries that versions still hold. */
async function entryFromLogOrVersion(
  channel: Channel,
  store: CheckpointStore,
  subjects: Subjects,
  model: string,
  epoch: number,
): Promise<EpochEntry | undefined> {
  const entry = await entryOfEpoch(channel, subjects, model, epoch);
  if (entry !== undefined) return entry;
  const { versions } = await store.list(model);
  const made = versions.find(({ manifest }) => manifest.epoch === epoch && manifest.entry !== undefined);
  return made && epochEntryOf(made.manifest.entry);
}

/** There must be something to unlearn, and none of it in the version that is started from. */
async function refuseUncovered(
  source: ReplaySource,
  exclusions: readonly Exclusion[],
  from: number,
  to: number,
): Promise<void> {
  const first = await firstCovered(source, exclusions, to);
  if (first === undefined)
    throw new MillraceError('notFound', `no event up to sequence ${to} is of this kind; nothing was done`);
  if (from === 0) return;
  const { manifest } = await source.readVersion(from);
  if (Math.max(...manifest.stream.marks) < first.seq) return;
  throw new MillraceError(
    'conflict',
    `version ${from} has learned such an event already (sequence ${first.seq}, index ${first.index}); recompute from an earlier version, or from 0`,
  );
}
