/** A version of one model as the first version of another: the parameters come along, the place in a stream does not. */
import type { ModelConfig } from '../../config/schema.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import { readVersion } from './starting-state.ts';

export async function cloneVersion(
  store: CheckpointStore,
  from: { readonly model: string; readonly version: number },
  to: {
    readonly model: string;
    readonly config: ModelConfig;
    readonly stream: { readonly name: string; readonly created: string };
  },
): Promise<void> {
  const { manifest, images, blobs } = await readVersion(store, from.model, from.version);
  const { format: _format, version: _version, createdAt: _createdAt, ...rest } = manifest;
  // Epochs are entries of the other's stream, and mean nothing in this one.
  const { shards: _shards, blobs: _blobs, entry: _entry, unlearned: _unlearned, ...facts } = rest;
  const writer = await store.begin(to.model);
  try {
    for (const image of images) await writer.addShard(image);
    for (const [name, bytes] of Object.entries(blobs)) await writer.addBlob(name, bytes);
    const marks = new Array<number>(to.config.partitions).fill(0);
    const cloned = await writer.commit({
      ...facts,
      model: to.model,
      parent: 0,
      epoch: 0,
      reason: 'command',
      stream: { ...to.stream, marks },
    });
    await store.writePointer(to.model, { version: cloned.version });
  } finally {
    await writer.abandon();
  }
}
