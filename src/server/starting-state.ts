/**
 * A version as the state to go on from: whether it is whole, whether its settings are still these, and whether the
 * stream is still the one that it was learned from.
 */
import { compareDefinitions } from '../../config/change.ts';
import { definitionOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { SetupError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { fullImages } from '../checkpoint/full-images.ts';
import type { CheckpointStore, Manifest, ShardImage } from '../checkpoint/store.ts';
import type { StreamState } from '../nats/channel.ts';
import type { LogRegression } from './log-regression.ts';

export interface StoredState {
  readonly manifest: Manifest;
  readonly images: readonly ShardImage[];
  /** What parts of the state other than rows keep, by name. */
  readonly blobs: Readonly<Record<string, Uint8Array>>;
}

/** A version with all its rows and blobs, verified; throws when any of it is damaged. */
export async function readVersion(
  store: CheckpointStore,
  model: string,
  version: number,
): Promise<StoredState> {
  const manifest = await store.readManifest(model, version);
  const images: ShardImage[] = [];
  for await (const image of fullImages(store, manifest)) images.push(image);
  const blobs: Record<string, Uint8Array> = {};
  for (const { name } of manifest.blobs) blobs[name] = (await store.readBlob(manifest, name))!;
  return { manifest, images, blobs };
}

/** Throws SetupError when the settings that decide the parameters are no longer those of the version. */
export function checkDefinition(model: string, config: ModelConfig, manifest: Manifest): void {
  const changes = compareDefinitions(manifest.definition, definitionOf(config));
  const refused = changes.filter((change) => change.needs === 'relearn');
  if (refused.length === 0) return;
  const list = refused.map(
    ({ path, from, to }) => `${path} (${JSON.stringify(from)} -> ${JSON.stringify(to)})`,
  );
  throw new SetupError(
    `model ${model}: changed since version ${manifest.version}: ${list.join(', ')}; ` +
      'change it back, or start with --relearn to learn the stream again from its beginning',
  );
}

/**
 * The marks to start from: the version's own, or the end of what is left out; where the log has lost entries, no
 * further than it still is what was learned, because what comes next is new, whatever its sequence.
 */
export function startingMarks(
  kept: ArrayLike<number>,
  skipTo: number,
  regression: LogRegression | undefined,
): Float64Array {
  const ceiling = regression?.agreesTo ?? Number.POSITIVE_INFINITY;
  return Float64Array.from(kept, (mark) => Math.min(ceiling, Math.max(mark, skipTo)));
}

/** A stream that begins above a mark misses events that were never learned. */
export function sayMissing(model: string, marks: Float64Array, stream: StreamState, log: Logger): void {
  const lowest = Math.min(...marks);
  if (stream.messages === 0 || stream.firstSeq <= lowest + 1) return;
  log.error(
    { model, missing: [lowest + 1, stream.firstSeq - 1] },
    'events are gone from the stream that were never learned',
  );
}
