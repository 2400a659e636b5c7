/** The store that a model's settings name. */
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { Channel } from '../nats/channel.ts';
import type { Disk } from './disk.ts';
import { openFileStore } from './file-store.ts';
import { ObjectStorage, objectPlace, objectPlaceName } from './object-storage.ts';
import type { CheckpointStore } from './store.ts';
import { type Owner, VersionStore } from './version-store.ts';

export interface StorePlaces {
  /** Where a file store keeps its versions. */
  readonly folder: string;
  /** To the servers whose object store keeps them. */
  readonly channel: Channel;
  /** First token of subjects, and prefix of what is stored with the servers. */
  readonly root: string;
  readonly now: () => number;
  readonly disk?: Disk;
  /** In whose name the store writes: another thread of ours took the model over. */
  readonly owner?: Owner;
}

/** Whoever may not look there has kept nothing there. */
export async function hasObjectStore(channel: Channel, root: string): Promise<boolean> {
  try {
    return (await channel.streamState(`OBJ_${objectPlaceName(root)}`)) !== undefined;
  } catch (error) {
    if (error instanceof MillraceError && error.kind === 'forbidden') return false;
    throw error;
  }
}

export type StoreKind = ModelConfig['checkpoint']['store'];

export function openStore(kind: StoreKind, places: StorePlaces): CheckpointStore {
  if (kind === 'file') return openFileStore(places);
  const { channel, root, now, owner } = places;
  const place = objectPlace(channel, root);
  return new VersionStore((model) => new ObjectStorage(place, model), now, owner);
}
