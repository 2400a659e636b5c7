/** The store that a model's settings name. */
import type { ModelConfig } from '../../config/schema.ts';
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

export const hasObjectStore = async (channel: Channel, root: string): Promise<boolean> =>
  (await channel.streamState(`OBJ_${objectPlaceName(root)}`)) !== undefined;

export type StoreKind = ModelConfig['checkpoint']['store'];

export function openStore(kind: StoreKind, places: StorePlaces): CheckpointStore {
  if (kind === 'file') return openFileStore(places);
  const { channel, root, now, owner } = places;
  const place = objectPlace(channel, root);
  return new VersionStore((model) => new ObjectStorage(place, model), now, owner);
}
