/** Management of a running server: one request per command, answered when it is done. */
import type { ModelInput } from '../../config/schema.ts';
import type { MillraceError } from '../base/errors.ts';
import { encode } from '../protocol/codec.ts';
import type { Exclusion } from '../protocol/internal.ts';
import type {
  DroppedEvents,
  KeptRejection,
  LogRegressionStatus,
  RejectedList,
  ReplayResult,
  RetriedEvents,
  ServerStatus,
  UnlearnResult,
  VersionCheck,
  VersionDifference,
  VersionSummary,
} from '../protocol/messages.ts';
import type { Weights, WeightsOptions } from '../protocol/score-messages.ts';
import type { Verb } from '../protocol/subjects.ts';
import { bodyOf, isNotReady, type Link } from './link.ts';
import { dropRejected, type RejectedOptions, type RejectedSelection, retryRejected } from './rejected.ts';
import { nameOf } from './tokens.ts';
import { ServerUnreachableError } from './unreachable.ts';
import {
  type ExportedVersion,
  exportPredictOnly,
  exportVersion,
  importVersion,
  type PredictOnlyOptions,
} from './version-files.ts';

/** For what reads all bytes of a version. */
const longMs = 600_000;

export interface Versions {
  readonly versions: readonly VersionSummary[];
  readonly damaged: readonly { readonly version: number; readonly reason: string }[];
}

/** What becomes of the events after the version: learned already and left out, or learned once more. */
export type RollbackMode = 'continue' | 'relearn';

export interface Removal {
  readonly purged: boolean;
  /** The model is in the server's config file, so that it comes back with the next start. */
  readonly untilRestart: boolean;
}

/** Events by their own id (or their message's), their key, or a feature: `name` or `name=value`. */
export interface SkippedEvents {
  readonly kind: 'id' | 'key' | 'feature';
  readonly value: string;
}

/** How long a replay may take: it reads the log from its beginning. */
const replayTimeoutMs = 24 * 3_600_000;

export interface Purged {
  /** Sequence below which nothing is left. */
  readonly below: number;
  /** Sequences removed. */
  readonly removed: number;
  readonly firstSeq: number;
  readonly bytes: number;
}

export interface Admin {
  /** Of everything, or of one model: the one is more than a client of a single model may ask. */
  status(model?: string): Promise<ServerStatus>;
  /** Makes a version now. */
  checkpoint(model: string): Promise<VersionSummary>;
  checkpoints(model: string): Promise<Versions>;
  /** Reads everything of one or of all versions. */
  verifyVersions(model: string, version?: number): Promise<readonly VersionCheck[]>;
  diffVersions(
    model: string,
    from: number,
    to: number,
    options?: { top?: number },
  ): Promise<VersionDifference>;
  /** Removes versions that need not stay, by the model's settings where nothing else is given. */
  pruneVersions(
    model: string,
    options?: { keep?: number; keepForMs?: number; dryRun?: boolean },
  ): Promise<{ readonly removed: readonly number[]; readonly dryRun: boolean }>;
  /** One version as the bytes of one file, which any server with this model can import. */
  exportVersion(model: string, version?: number): Promise<ExportedVersion>;
  /** A model that only predicts, as the bytes of one file for `millrace/edge`. */
  exportPredictOnly(model: string, options?: PredictOnlyOptions): Promise<ExportedVersion>;
  /** Stores an exported version under a new number; a rollback to it makes it the current one. */
  importVersion(
    model: string,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<VersionSummary>;
  rollback(
    model: string,
    version: number,
    options?: { mode?: RollbackMode },
  ): Promise<{ epoch: number; version: number }>;
  /** Events that were refused, newest first; `before` of the answer, given again, goes on. */
  rejectedEvents(model: string, options?: RejectedOptions): Promise<RejectedList>;
  /** One of them with its original. */
  rejectedEvent(model: string, entry: number): Promise<KeptRejection>;
  /** Sends the originals again, in their order; each is learned once, however often it is retried. */
  retryRejected(model: string, which: RejectedSelection): Promise<RetriedEvents>;
  /** Removes them for good. */
  dropRejected(model: string, which: RejectedSelection): Promise<DroppedEvents>;
  /** The largest weights by the names of their features, as far as the latest events tell those. */
  weights(model: string, options?: WeightsOptions): Promise<Weights>;
  /** Has events passed over from now on, in this epoch and later ones; what is learned already stays learned. */
  /** Removes from the event stream what no kept version needs, or only what lies below a sequence. */
  purgeStream(model: string, options?: { below?: number }): Promise<Purged>;
  exclude(model: string, exclusions: readonly Exclusion[]): Promise<{ epoch: number; exclusions: number }>;
  /** Recomputes a version from the log and compares: the one that stands at a sequence, else one made now. */
  replay(model: string, options?: { from?: number; to?: number }): Promise<ReplayResult>;
  /** Makes a version that never learned these events, up to a sequence (what is learned now when absent). */
  unlearn(
    model: string,
    skip: readonly SkippedEvents[],
    options?: { from?: number; to?: number; serve?: boolean },
  ): Promise<UnlearnResult>;
  /** Takes a loss of the log out of the status; resolves to it, if there was one. */
  acknowledge(model: string): Promise<{ regression?: LogRegressionStatus }>;
  addModel(model: string, config?: ModelInput): Promise<{ model: string; epoch: number }>;
  /** `purge` removes its stream and its versions too. */
  removeModel(model: string, options?: { purge?: boolean }): Promise<Removal>;
  /** Forgets what the model learned; its configuration and versions stay. */
  resetModel(model: string): Promise<void>;
  cloneModel(from: string, to: string): Promise<void>;
  /** Learning stops, predictions go on. */
  pause(model: string): Promise<void>;
  resume(model: string): Promise<void>;
  /** By the name that status shows, such as `flights/learner/0`. */
  restartActor(actor: string): Promise<void>;
}

export function adminOf(link: Link): Admin {
  const ask = <T>(verb: Verb, model: string | undefined, body: object, timeoutMs = link.adminTimeoutMs) =>
    command<T>(
      link,
      link.subjects.ctl(verb, model === undefined ? undefined : nameOf(model)),
      body,
      timeoutMs,
    );
  const tell = async (verb: Verb, model: string | undefined, body: object) => {
    await ask(verb, model, body);
  };
  return {
    status: async (model) => ask('status', model, {}, link.timeoutMs),
    checkpoint: async (model) => ask('checkpoint', model, {}),
    checkpoints: async (model) => ask('checkpoints', model, {}),
    verifyVersions: async (model, version) =>
      (
        await ask<{ versions: VersionCheck[] }>(
          'verify',
          model,
          version === undefined ? {} : { version },
          longMs,
        )
      ).versions,
    diffVersions: async (model, from, to, { top } = {}) =>
      ask('diff', model, { from, to, ...(top === undefined ? {} : { top }) }, longMs),
    pruneVersions: async (model, options = {}) => ask('prune', model, options),
    exportVersion: (model, version) => exportVersion(link, model, version),
    exportPredictOnly: (model, options = {}) => exportPredictOnly(link, model, options),
    importVersion: (model, chunks) => importVersion(link, model, chunks),
    rollback: async (model, version, { mode = 'continue' } = {}) => ask('rollback', model, { version, mode }),
    purgeStream: async (model, { below } = {}) => ask('purge', model, below === undefined ? {} : { below }),
    rejectedEvents: async (model, options = {}) => ask('rejected', model, { op: 'list', ...options }),
    rejectedEvent: async (model, entry) => ask('rejected', model, { op: 'show', entry }),
    retryRejected: (model, which) => retryRejected((body) => ask('rejected', model, body), which),
    dropRejected: (model, which) => dropRejected((body) => ask('rejected', model, body), which),
    weights: async (model, options = {}) => ask('weights', model, options),
    exclude: async (model, exclusions) => ask('exclude', model, { exclusions }),
    replay: async (model, options = {}) => ask('replay', model, options, replayTimeoutMs),
    unlearn: async (model, skip, options = {}) =>
      ask('unlearn', model, { skip, ...options }, replayTimeoutMs),
    acknowledge: async (model) => ask('acknowledge', model, {}),
    addModel: async (model, config = {}) => ask('add', model, { config }),
    removeModel: async (model, { purge = false } = {}) => ask('remove', model, { purge }),
    resetModel: (model) => tell('reset', model, {}),
    cloneModel: (from, to) => tell('clone', from, { to: nameOf(to) }),
    pause: (model) => tell('pause', model, {}),
    resume: (model) => tell('resume', model, {}),
    restartActor: (actor) => tell('restart', undefined, { actor }),
  };
}

/** Not repeated: a command whose answer was lost may have been carried out. */
async function command<T>(link: Link, subject: string, body: object, timeoutMs: number): Promise<T> {
  try {
    return bodyOf<T>(await link.channel.request(subject, encode(body, 'json'), { timeoutMs }));
  } catch (error) {
    throw isNotReady(error) ? await reasonOf(link, error) : error;
  }
}

/** A server that is there and not ready says so itself; only silence needs words. */
async function reasonOf(link: Link, error: MillraceError): Promise<MillraceError> {
  try {
    await link.channel.request(link.subjects.ctl('status'), encode({}, 'json'), {
      timeoutMs: link.timeoutMs,
    });
    return error;
  } catch (silence) {
    return isNotReady(silence) ? ServerUnreachableError.noMillrace(link.root, silence) : error;
  }
}
