/**
 * Which version a start goes on from. It is the one that the pointer names. When that is damaged, or the pointer
 * itself is, it is the newest good one of the same history: a version that a rollback went back behind is passed
 * over, because using it would bring back what was left out.
 *
 * What is left out stands in the epochs of the log (src/server/epochs.ts), so that it is known without the
 * version that is lost.
 */
import { compareDefinitions } from '../../config/change.ts';
import { definitionOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { messageOf, SetupError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { DamagedPointerError } from '../checkpoint/errors.ts';
import type { CheckpointStore, Manifest, Pointer } from '../checkpoint/store.ts';
import type { LeftOut } from '../protocol/internal.ts';
import { readVersion, type StoredState } from './starting-state.ts';

export interface StartingVersion {
  /** Undefined for the empty model. */
  readonly stored: StoredState | undefined;
  /** As stored; after damage, as it should be. Undefined where nothing was ever pointed to. */
  readonly pointer: Pointer | undefined;
}

export const emptyStart: StartingVersion = { stored: undefined, pointer: undefined };

/** What the log says of epochs. */
export interface EpochHistory {
  /** Of the last epoch: version that it started from, and what is left out in it; undefined in a new log. */
  last(): Promise<{ readonly base: number; readonly leftOut: readonly LeftOut[] } | undefined>;
  leftOutOf(epoch: number): Promise<readonly LeftOut[]>;
}

interface Sources {
  readonly store: CheckpointStore;
  readonly model: string;
  readonly config: ModelConfig;
  readonly epochs: EpochHistory;
  readonly log: Logger;
}

/** Throws SetupError when there is a history and no version of it can be read. */
export async function startingVersion(sources: Sources): Promise<StartingVersion> {
  const { store, model, log } = sources;
  try {
    const pointer = await store.readPointer(model);
    if (pointer === undefined || pointer.version === 0) return { stored: undefined, pointer };
    const { version } = pointer;
    return await readVersion(store, model, version).then(
      (stored) => ({ stored, pointer }),
      (error) => {
        const reason = messageOf(error);
        log.error({ model, version, reason }, 'version cannot be used; trying the one before it');
        return newestBefore(version, pointer, sources);
      },
    );
  } catch (error) {
    if (!(error instanceof DamagedPointerError)) throw error;
    log.error({ model, reason: error.reason }, 'the pointer is damaged; taking the newest good version');
    const found = await newestBefore(Number.POSITIVE_INFINITY, { version: 0 }, sources);
    await store.writePointer(model, found.pointer);
    return found;
  }
}

async function newestBefore(
  wanted: number,
  pointer: Pointer,
  sources: Sources,
): Promise<StartingVersion & { readonly pointer: Pointer }> {
  const { store, model, config, epochs, log } = sources;
  const last = await epochs.last();
  const leftOut = last?.leftOut ?? [];
  const { versions } = await store.list(model);
  const older = versions.map(({ manifest }) => manifest).filter(({ version }) => version < wanted);
  for (const manifest of older.reverse()) {
    const { version, epoch } = manifest;
    const why = await unfit(manifest, config, leftOut, () => epochs.leftOutOf(epoch));
    const stored = why === undefined ? await readVersion(store, model, version).catch(messageOf) : why;
    if (typeof stored === 'object') {
      const lowest = Math.min(...manifest.stream.marks);
      return { stored, pointer: movedTo(version, lowest, leftOut, pointer) };
    }
    log.error({ model, version, reason: stored }, 'version cannot be used; trying the one before it');
  }
  // Where the last epoch began empty, the log alone leads to the same state.
  if (last?.base === 0) return { stored: undefined, pointer: movedTo(0, 0, leftOut, pointer) };
  throw new SetupError(`model ${model}: no version can be read; restore one, or start over with --relearn`);
}

async function unfit(
  manifest: Manifest,
  config: ModelConfig,
  leftOut: readonly LeftOut[],
  ownLeftOut: () => Promise<readonly LeftOut[]>,
): Promise<string | undefined> {
  const changes = compareDefinitions(manifest.definition, definitionOf(config));
  if (changes.some(({ needs }) => needs === 'relearn')) return 'it was learned under other settings';
  return sharesHistory(manifest, leftOut, await ownLeftOut()) ? undefined : 'a rollback went back behind it';
}

/**
 * Whether a version has left out just what its history leaves out up to where the version stands: more, or less,
 * and it is of another branch. With several learners that is their lowest mark: a range begins behind the lowest
 * mark of the version that was gone back to.
 */
export function sharesHistory(
  { stream }: Pick<Manifest, 'stream'>,
  leftOut: readonly LeftOut[],
  own: readonly LeftOut[],
): boolean {
  const reached = Math.min(...stream.marks);
  const upTo = (ranges: readonly LeftOut[]) =>
    ranges.filter(([first]) => first <= reached).map(([first, end]) => [first, Math.min(end, reached)]);
  return JSON.stringify(upTo(leftOut)) === JSON.stringify(upTo(own));
}

/** Learning goes on behind everything that is left out and that the version does not pass by its own marks. */
function movedTo(version: number, lowest: number, leftOut: readonly LeftOut[], pointer: Pointer): Pointer {
  const before = pointer.skipTo ?? 0;
  const skipTo = Math.max(before, ...leftOut.map(([, end]) => end).filter((end) => end > lowest));
  if (skipTo === before) return { ...pointer, version };
  // The anchor is of another sequence.
  return { version, skipTo };
}
