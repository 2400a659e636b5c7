/**
 * Makes versions of one model and epoch, one at a time: a cut across the shards, their rows to the store, the
 * manifest, the pointer. One that fails is given up whole, and its number with it.
 */
import { randomUUID } from 'node:crypto';
import { definitionOf, fingerprintOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { messageOf } from '../base/errors.ts';
import { type FaultPoints, noFaults } from '../base/fault-points.ts';
import type { Logger } from '../base/logger.ts';
import { persistently } from '../base/persistently.ts';
import type { CheckpointStore, VersionFacts, VersionReason, VersionWriter } from '../checkpoint/store.ts';
import { rowLayoutOf } from '../model/row-layout.ts';
import { packTotals } from '../model/stored-totals.ts';
import type { Channel } from '../nats/channel.ts';
import type { EpochEntry } from '../protocol/internal.ts';
import { anchorOf } from '../protocol/log-anchor.ts';
import type { CutClient, CutState } from './cut-client.ts';

export interface VersionMakerSettings {
  readonly model: string;
  readonly config: ModelConfig;
  readonly epoch: number;
  /** Control entry with which the epoch began. */
  readonly entry: EpochEntry;
  readonly stream: { readonly name: string; readonly created: string };
  /** Version that the epoch, or this life of the maker, starts from, and events learned by then. */
  readonly base: VersionMade;
  readonly codeVersion: string;
}

export interface VersionMade {
  readonly version: number;
  readonly learned: number;
}

/** A cut that an actor's death spoiled is made again. */
const triesMax = 5;

export interface VersionMakerParts {
  readonly channel: Channel;
  readonly cuts: CutClient;
  readonly store: CheckpointStore;
  readonly log: Logger;
  readonly faults?: FaultPoints;
}

export class VersionMaker {
  readonly #settings: VersionMakerSettings;
  readonly #channel: Channel;
  readonly #cuts: CutClient;
  readonly #store: CheckpointStore;
  readonly #log: Logger;
  readonly #faults: FaultPoints;
  #last: VersionMade;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    settings: VersionMakerSettings,
    { channel, cuts, store, log, faults = noFaults }: VersionMakerParts,
  ) {
    this.#settings = settings;
    this.#channel = channel;
    this.#cuts = cuts;
    this.#store = store;
    this.#log = log;
    this.#faults = faults;
    this.#last = settings.base;
  }

  get last(): VersionMade {
    return this.#last;
  }

  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** Resolves to the version that holds the present state: a stop that finds nothing new gives the last one again. */
  make(reason: VersionReason): Promise<VersionMade> {
    const { model } = this.#settings;
    const failed = (error: Error) =>
      this.#log.warn({ model, reason: error.message }, 'version given up; trying again');
    return this.inTurn(() => persistently(triesMax, () => this.#makeOnce(reason), failed));
  }

  /** Whatever writes versions of this model comes one after the other. */
  inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    this.#waiting++;
    const done = this.#queue.then(act).finally(() => this.#waiting--);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** Resolves when nothing is being made. */
  async idle(): Promise<void> {
    await this.#queue;
  }

  async #makeOnce(reason: VersionReason): Promise<VersionMade> {
    const { model, config } = this.#settings;
    const cut = randomUUID();
    const writer = await this.#store.begin(model);
    let stored: number | undefined;
    try {
      const state = await this.#cuts.open(cut);
      const unchanged = this.#last.version > 0 && state.learned === this.#last.learned;
      if (reason === 'stop' && unchanged) return this.#last;
      const base = await this.#baseFor(state);
      await this.#writeState(writer, cut, state, base !== undefined);
      const facts = await this.#facts(reason, state);
      this.#faults.reach('checkpointer.beforeManifest');
      const { version } = await writer.commit(facts, base);
      this.#faults.reach('checkpointer.beforePointer');
      await this.#store.writePointer(model, { version });
      stored = version;
      this.#last = { version, learned: state.learned };
      await this.#store.prune(model, config.checkpoint);
      return this.#last;
    } finally {
      await writer.abandon();
      await this.#close(cut, stored);
    }
  }

  /** The version to lay this one over; undefined for a full one: where all shards count from it, and its chain is short. */
  async #baseFor({ countedFrom }: CutState): Promise<number | undefined> {
    const { model, config } = this.#settings;
    const { version } = this.#last;
    if (version === 0 || countedFrom.some((counted) => counted !== version)) return undefined;
    try {
      const chain = await this.#store.readChain(await this.#store.readManifest(model, version));
      return chain.length < config.checkpoint.fullEvery ? version : undefined;
    } catch (error) {
      this.#log.warn({ model, version, reason: messageOf(error) }, 'making a full version');
      return undefined;
    }
  }

  async #writeState(writer: VersionWriter, cut: string, state: CutState, touched: boolean): Promise<void> {
    for (const [shard, blobs] of state.blobs.entries()) {
      if (shard > 0) this.#faults.reach('checkpointer.betweenImages');
      for await (const image of this.#cuts.images(cut, shard, touched)) await writer.addShard(image);
      for (const name of blobs) await writer.addBlob(name, await this.#cuts.blob(cut, shard, name));
    }
  }

  async #close(cut: string, stored: number | undefined): Promise<void> {
    const { model } = this.#settings;
    try {
      const keptBytes = await this.#cuts.close(cut, stored);
      this.#log.debug({ model, cut, keptBytes }, 'cut closed');
    } catch (error) {
      this.#log.warn({ model, cut, reason: messageOf(error) }, 'cut not closed; the next one replaces it');
    }
  }

  async #facts(reason: VersionReason, state: CutState): Promise<VersionFacts> {
    const { model, config, epoch, entry, stream, codeVersion } = this.#settings;
    const definition = definitionOf(config);
    const { keyCount, width } = rowLayoutOf(config);
    const marks = Array.from(state.marks);
    const lowest = Math.min(...marks);
    // The entry as it was learned: the log may have lost it since.
    const anchor = state.anchors.find(({ seq }) => seq === lowest) ?? (await this.#anchor(lowest));
    return {
      model,
      parent: this.#last.version,
      reason,
      epoch,
      entry,
      stream: { ...stream, marks, ...(anchor === undefined ? {} : { anchor }) },
      fingerprint: fingerprintOf(definition),
      definition,
      keyCount,
      rowWidth: width,
      totals: packTotals({ counts: state, totals: state.totals }),
      writer: { millrace: codeVersion, node: process.version, v8: process.versions.v8, arch: process.arch },
    };
  }

  async #anchor(seq: number): Promise<VersionFacts['stream']['anchor']> {
    const entry = seq > 0 ? await this.#channel.entryAt(this.#settings.stream.name, seq) : undefined;
    return entry && anchorOf(entry);
  }
}
