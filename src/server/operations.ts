/** What an operator can have done: the models as a set, and each verb of the control subject. */
import { validateModel } from '../../config/load.ts';
import type { Config, ModelConfig } from '../../config/schema.ts';
import { MillraceError, messageOf } from '../base/errors.ts';
import { hasObjectStore, type StoreKind } from '../checkpoint/open-store.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { ModelViewData } from '../monitor/model-view.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type { Exclusion, PredictorsReport, WeightsQuery } from '../protocol/internal.ts';
import type { ModelStatus, ServerStatus, VersionSummary } from '../protocol/messages.ts';
import { subjectsOf } from '../protocol/subjects.ts';
import type { AddedModels } from './added-models.ts';
import { askWeights } from './ask-weights.ts';
import { carryOver, cloneVersion } from './copy-version.ts';
import { type HostOptions, ModelHost, type RollbackMode } from './model-host.ts';
import { type Ownership, ownModel } from './ownership.ts';
import { RejectedEvents } from './rejected-events.ts';
import { Replays, type UnlearnRequest } from './replays.ts';
import { modelStatus, versionSummaries, versionSummary } from './status.ts';
import { needsOfEpoch, needsOfVersions, purgeEnd } from './stream-needs.ts';
import { Transfers } from './transfers.ts';
import { VersionOperations } from './version-operations.ts';

export interface OperationsOptions extends Omit<HostOptions, 'store'> {
  readonly storeOf: (kind: StoreKind) => CheckpointStore;
  readonly config: Config;
  readonly added: AddedModels;
  /** For versions that are being exported or imported; ours alone, and empty at start. */
  readonly transferFolder: string;
  /** Who we are to others who want the same models. */
  readonly holder: string;
  /** Called when another process took one of our models over. */
  readonly taken: (reason: string) => void;
  readonly facts: Pick<ServerStatus, 'version' | 'startedAt' | 'nats'>;
}

interface Member {
  readonly host: ModelHost;
  readonly ownership: Ownership;
}

/** Leases of the models of one root; longest silence of an owner that is still one. */
export const ownersBucket = (root: string) => ({ name: subjectsOf(root).ownersBucket, ttlMs: 4_000 });

const viewTimeoutMs = 2_000;

export class Operations {
  readonly #options: OperationsOptions;
  readonly #replays: Replays;
  readonly #members = new Map<string, Member>();
  /** Names that are being added or removed right now. */
  readonly #busy = new Set<string>();
  readonly #transfers: Transfers;
  readonly #versions: VersionOperations;
  readonly #rejected: RejectedEvents;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#replays = new Replays(options);
    this.#transfers = new Transfers(options.transferFolder);
    this.#versions = new VersionOperations(this.#transfers);
    const { channel, around, log } = options;
    this.#rejected = new RejectedEvents(channel, subjectsOf(around.config.root), log);
  }

  /** The host whose actor this is, if any. */
  hostOf(actorName: string): ModelHost | undefined {
    return this.#members.get(actorName.split('/')[0]!)?.host;
  }

  get hosts(): ModelHost[] {
    return [...this.#members.values()].map((member) => member.host);
  }

  /** Takes the model into our ownership and starts it. */
  async open(model: string, config: ModelConfig, relearn = false): Promise<ModelHost> {
    const { channel, log } = this.#options;
    const host = this.#newHost(model, config);
    this.#announce(model);
    const ownership = await ownModel(channel, this.#leaseOf(model), (reason) => {
      // Two servers of one root must not both answer: one that lost a model lets go of all.
      for (const one of this.hosts) one.fail(`another server took over: ${reason}`);
      this.#options.taken(reason);
    }).catch((error) => {
      this.#forget(model);
      throw error;
    });
    this.#members.set(model, { host, ownership });
    try {
      if (!relearn) await this.#carryOver(host);
      await host.start(relearn);
    } catch (error) {
      await this.#close(model).catch((failure) =>
        log.warn({ model, reason: messageOf(failure) }, 'not closed cleanly'),
      );
      throw error;
    }
    return host;
  }

  async closeAll(): Promise<void> {
    await this.#transfers.endAll();
    await Promise.all([...this.#members.keys()].map((model) => this.#close(model)));
  }

  async status(model?: string): Promise<ServerStatus> {
    const { channel, supervisor, facts } = this.#options;
    const views = await this.#views();
    const hosts = model === undefined ? this.hosts : [this.#member(model).host];
    const models = hosts.map(async (host): Promise<ModelStatus> => {
      const stream = await channel.streamState(host.streamName);
      return modelStatus(host, views[host.model], stream);
    });
    const isShown = (actor: string) => model === undefined || actor.startsWith(`${model}/`);
    const actors = supervisor.statuses().filter((actor) => isShown(actor.name));
    return { ...facts, models: await Promise.all(models), actors };
  }

  async models(): Promise<{ models: string[] }> {
    return { models: [...this.#members.keys()].sort() };
  }

  async checkpoint(model: string): Promise<VersionSummary> {
    const { host } = this.#member(model);
    const version = await host.makeVersion('command');
    return versionSummary(host, version);
  }

  async checkpoints(model: string) {
    return versionSummaries(this.#member(model).host);
  }

  /** Does something with the versions of a model. */
  async withVersions<Result>(
    model: string,
    act: (versions: VersionOperations, host: ModelHost) => Promise<Result>,
  ): Promise<Result> {
    return act(this.#versions, this.#member(model).host);
  }

  /** Does something with the rejected events of a model. */
  async withRejected<Result>(
    model: string,
    act: (rejected: RejectedEvents) => Promise<Result>,
  ): Promise<Result> {
    this.#member(model);
    return act(this.#rejected);
  }

  async weights(model: string, query: WeightsQuery) {
    const { host } = this.#member(model);
    const { channel, around } = this.#options;
    const line = { channel, subjects: subjectsOf(around.config.root), model };
    return askWeights(line, host.config.actors.predictors, query);
  }

  async rollback(model: string, version: number, mode: RollbackMode) {
    const { host } = this.#member(model);
    await host.rollback(version, mode);
    return { model, epoch: host.served.epoch, version };
  }

  async exclude(model: string, exclusions: readonly Exclusion[]) {
    const { host } = this.#member(model);
    await host.exclude(exclusions);
    return { model, epoch: host.served.epoch, exclusions: host.exclusions.length };
  }

  async replay(model: string, from: number, to: number | undefined) {
    const { host } = this.#member(model);
    return { model, ...(await this.#replays.verify(host, from, to)) };
  }

  async unlearn(model: string, request: UnlearnRequest) {
    return this.#replays.unlearn(this.#member(model).host, request);
  }

  /** Takes what was noticed of the log out of the status. */
  async acknowledge(model: string) {
    const { host } = this.#member(model);
    const { current: regression } = host.regressions;
    host.regressions.acknowledge();
    return { model, ...(regression === undefined ? {} : { regression }) };
  }

  /** Removes from the stream what no kept version needs, or less; refuses to remove more. */
  async purge(model: string, below?: number) {
    const { channel } = this.#options;
    const { host } = this.#member(model);
    const before = await channel.streamState(host.streamName);
    if (before === undefined) throw new MillraceError('notReady', `the stream of ${model} is not there`);
    const { versions } = await host.store.list(model);
    const manifests = versions.map(({ manifest }) => manifest);
    const needs = [...needsOfVersions(manifests, before.created), ...needsOfEpoch(host)];
    const end = purgeEnd(model, needs, below);
    if (end > before.firstSeq) await channel.purgeStream(host.streamName, end);
    const { messages, firstSeq, bytes } = (await channel.streamState(host.streamName)) ?? before;
    const removed = Math.max(0, Math.min(end, before.lastSeq + 1) - before.firstSeq);
    this.#options.log.info({ model, below: end, removed, messages }, 'stream purged');
    return { model, below: end, removed, firstSeq, bytes };
  }

  /** After a version was made: older ones may be gone, and with them the need for what they would have read. */
  async purgeUnneeded(model: string): Promise<void> {
    if (this.#members.get(model)?.host.config.stream.purge !== 'unneeded') return;
    await this.purge(model).catch((error) =>
      this.#options.log.warn({ model, reason: messageOf(error) }, 'stream not purged'),
    );
  }

  async reset(model: string) {
    const { host } = this.#member(model);
    await host.rollback(0, 'continue', 'reset');
    return { model, epoch: host.served.epoch, version: 0 };
  }

  async setPaused(model: string, paused: boolean) {
    const { host } = this.#member(model);
    await host.setPaused(paused);
    return { model, phase: host.phase };
  }

  async add(name: string, input: unknown) {
    const models = Object.fromEntries(this.hosts.map((host) => [host.model, host.config]));
    const config = validateModel(name, input, { ...this.#options.config, models });
    return this.#exclusively(name, async () => {
      if (this.#members.has(name))
        throw new MillraceError('conflict', `a model named ${name} exists already`);
      const host = await this.open(name, config);
      await this.#options.added.save(name, config);
      return { model: name, epoch: host.served.epoch };
    });
  }

  /** Without `purge` the stream and the versions stay, and a model added under the name goes on from them. */
  async remove(name: string, purge: boolean) {
    if (purge && !this.#members.has(name)) return this.#exclusively(name, () => this.#purgeRemains(name));
    const { host } = this.#member(name);
    return this.#exclusively(name, async () => {
      await this.#close(name);
      await host.learning.forget();
      const wasAdded = await this.#options.added.remove(name);
      if (purge) {
        await this.#options.channel.deleteStream(host.streamName);
        await host.store.remove(name);
      }
      // A model of the config file is there again at the next start, unless the file is edited.
      return { model: name, purged: purge, untilRestart: !wasAdded };
    });
  }

  /** What a model left that was removed without `purge`; refused while another process owns it. */
  async #purgeRemains(name: string) {
    const { channel, storeOf, around } = this.#options;
    const { root } = around.config;
    const stream = subjectsOf(root).stream(name);
    // To look into an object store is to create it.
    const kinds = (await hasObjectStore(channel, root)) ? (['file', 'nats'] as const) : (['file'] as const);
    const stores = kinds.map(storeOf);
    const hasStream = (await channel.streamState(stream)) !== undefined;
    const lists = await Promise.all(stores.map((store) => store.list(name)));
    if (!hasStream && lists.every(({ versions }) => versions.length === 0)) this.#member(name);
    const ownership = await ownModel(channel, this.#leaseOf(name), () => undefined);
    try {
      if (hasStream) await channel.deleteStream(stream);
      for (const store of stores) await store.remove(name);
    } finally {
      await ownership.release();
    }
    return { model: name, purged: true, untilRestart: false };
  }

  /** A new model with the parameters of another as they are now, and a stream of its own. */
  async clone(from: string, to: string) {
    const { host } = this.#member(from);
    const models = Object.fromEntries(this.hosts.map(({ model, config }) => [model, config]));
    const config = validateModel(to, host.config, { ...this.#options.config, models });
    return this.#exclusively(to, async () => {
      if (this.#members.has(to)) throw new MillraceError('conflict', `a model named ${to} exists already`);
      const { channel, around } = this.#options;
      const { store, streamSpec } = this.#newHost(to, config);
      const known = (await store.list(to)).versions.length > 0;
      if (known)
        throw new MillraceError(
          'conflict',
          `versions of an earlier ${to} exist; remove ${to} with purge, or choose another name`,
        );
      const version = await host.makeVersion('command');
      const subjects = subjectsOf(around.config.root);
      const stream = await channel.ensureStream(streamSpec);
      await cloneVersion(
        { store: host.store, model: from, version },
        { store, model: to, config, stream: { name: subjects.stream(to), created: stream.created } },
      );
      const cloned = await this.open(to, config);
      await this.#options.added.save(to, config);
      return { model: to, from, version, epoch: cloned.served.epoch };
    });
  }

  /** Ends the actor's thread at once; its supervisor starts it again. */
  async restart(actor: string) {
    this.#options.supervisor.terminate(actor);
    return { actor };
  }

  #leaseOf(model: string) {
    const { name: bucket, ttlMs } = ownersBucket(this.#options.around.config.root);
    return { bucket, model, holder: this.#options.holder, ttlMs };
  }

  #newHost(model: string, config: ModelConfig): ModelHost {
    const store = this.#options.storeOf(config.checkpoint.store);
    return new ModelHost(model, config, { ...this.#options, store });
  }

  async #carryOver({ model, config, store }: ModelHost): Promise<void> {
    const { channel, around, storeOf, log } = this.#options;
    const other = config.checkpoint.store === 'file' ? 'nats' : 'file';
    // To look into an object store is to create it.
    const isThere = other === 'file' || (await hasObjectStore(channel, around.config.root));
    if (isThere) await carryOver(model, storeOf(other), store, log);
  }

  #member(model: string): Member {
    const member = this.#members.get(model);
    if (member !== undefined) return member;
    const known = [...this.#members.keys()].join(', ') || 'none';
    throw new MillraceError('notFound', `no model is named ${model || '(nothing)'}; there are: ${known}`);
  }

  async #views(): Promise<Readonly<Record<string, ModelViewData>>> {
    const { channel, around } = this.#options;
    const subject = subjectsOf(around.config.root).monitor('view');
    try {
      const reply = await channel.request(subject, packInternal({}), { timeoutMs: viewTimeoutMs });
      return unpackInternal<{ models: Record<string, ModelViewData> }>(reply.data).models;
    } catch (error) {
      // A monitor that restarts makes a status thinner; it must not make it fail.
      this.#options.log.warn({ reason: messageOf(error) }, 'the monitor does not answer');
      return {};
    }
  }

  async #close(model: string): Promise<void> {
    const { host, ownership } = this.#member(model);
    try {
      await host.stop();
    } finally {
      await ownership.release();
      this.#members.delete(model);
      this.#forget(model);
    }
  }

  /** Who asks for a model that is still being opened shall hear "not ready", not "no such model". */
  #announce(model: string): void {
    const subjects = subjectsOf(this.#options.around.config.root);
    const report: PredictorsReport = { kind: 'predictors', model, running: 0 };
    this.#options.channel.publish(subjects.report('predictors', model), packInternal(report));
  }

  #forget(model: string): void {
    const subjects = subjectsOf(this.#options.around.config.root);
    this.#options.channel.publish(subjects.monitor('forget'), packInternal({ model }));
  }

  async #exclusively<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
    if (this.#busy.has(name))
      throw new MillraceError('conflict', `model ${name} is being added or removed right now`);
    this.#busy.add(name);
    try {
      return await act();
    } finally {
      this.#busy.delete(name);
    }
  }
}
