/** A stored version written once more: into another store, or as the first version of another model. */
import type { ModelConfig } from '../../config/schema.ts';
import type { Logger } from '../base/logger.ts';
import { factsOf } from '../checkpoint/carry.ts';
import type { CheckpointStore, VersionFacts } from '../checkpoint/store.ts';
import { readVersion, type StoredState } from './starting-state.ts';

/** Writes a full version with these facts and makes it the current one. */
async function writeCurrent(
  store: CheckpointStore,
  { images, blobs }: StoredState,
  facts: VersionFacts,
  skipTo?: number,
): Promise<number> {
  const writer = await store.begin(facts.model);
  try {
    for (const image of images) await writer.addShard(image);
    for (const [name, bytes] of Object.entries(blobs)) await writer.addBlob(name, bytes);
    const { version } = await writer.commit(facts);
    await store.writePointer(facts.model, { version, ...(skipTo === undefined ? {} : { skipTo }) });
    return version;
  } finally {
    await writer.abandon();
  }
}

/** The parameters come along, the place in a stream does not. */
export async function cloneVersion(
  from: { readonly store: CheckpointStore; readonly model: string; readonly version: number },
  to: {
    readonly store: CheckpointStore;
    readonly model: string;
    readonly config: ModelConfig;
    readonly stream: { readonly name: string; readonly created: string };
  },
): Promise<void> {
  const stored = await readVersion(from.store, from.model, from.version);
  const marks = new Array<number>(to.config.partitions).fill(0);
  // Epochs are entries of the other's stream, and mean nothing in this one.
  const { entry: _entry, unlearned: _unlearned, ...rest } = factsOf(stored.manifest);
  const facts = { ...rest, model: to.model, parent: 0, epoch: 0, reason: 'command' as const };
  await writeCurrent(to.store, stored, { ...facts, stream: { ...to.stream, marks } });
}

/** A model whose settings name another store than before goes on from its current version, copied there. */
export async function carryOver(
  model: string,
  from: CheckpointStore,
  to: CheckpointStore,
  log: Logger,
): Promise<void> {
  if ((await to.readPointer(model)) !== undefined) return;
  const pointer = await from.readPointer(model);
  if (pointer === undefined || pointer.version === 0) return;
  const stored = await readVersion(from, model, pointer.version);
  const version = await writeCurrent(to, stored, factsOf(stored.manifest), pointer.skipTo);
  log.info(
    { model, was: pointer.version, version },
    'the current version was copied to the configured store',
  );
}
