/** A version out of a store into one file, and out of a file into a store. */

import { ContainerWriter, withContainer } from './container.ts';
import type { Disk } from './disk.ts';
import { fullImages, piecesOf } from './full-images.ts';
import type { CheckpointStore, Manifest, VersionFacts } from './store.ts';
import { VersionAttempt } from './version-attempt.ts';
import { readBlobOf, readManifestPart, readShardOf } from './version-parts.ts';

/** Parts of a container are no larger than this, so that whoever reads it needs no more memory. */
const pieceBytesMax = 16 * 1024 * 1024;

/** What its maker said of a version, without what the store added. */
export function factsOf({ format: _, version: __, createdAt: ___, ...rest }: Manifest): VersionFacts {
  const { base: _base, shards: _shards, blobs: _blobs, ...facts } = rest;
  return facts;
}

/** The file holds the version as a full one, under its number and with the time at which it was made. */
export async function exportVersion(
  store: CheckpointStore,
  manifest: Manifest,
  disk: Disk,
  path: string,
): Promise<void> {
  const file = await disk.create(path, 'exclusive');
  try {
    const container = new ContainerWriter(manifest.model, file);
    const createdMs = Date.parse(manifest.createdAt);
    const hooks = { now: () => createdMs, admit: async () => undefined, over: () => undefined };
    const attempt = new VersionAttempt(container, manifest.version, hooks);
    for await (const image of fullImages(store, manifest))
      for (const piece of piecesOf(image, pieceBytesMax)) await attempt.addShard(piece);
    for (const { name } of manifest.blobs)
      await attempt.addBlob(name, (await store.readBlob(manifest, name))!);
    await attempt.commit(factsOf(manifest));
    await container.end();
  } finally {
    await file.close();
  }
}

/**
 * Reads and checks all of the file before anything is written, then stores it under a new number. `accept` refuses by
 * throwing, or says what is stored of the version here. Does not move the pointer.
 */
export async function importVersion(
  store: CheckpointStore,
  disk: Disk,
  path: string,
  accept: (manifest: Manifest) => VersionFacts,
): Promise<Manifest> {
  return withContainer(disk, path, async (container) => {
    const { manifest } = await readManifestPart(container, container.version);
    const facts = accept(manifest);
    for (const index of manifest.shards.keys()) await readShardOf(container, manifest, index);
    for (const entry of manifest.blobs) await readBlobOf(container, manifest, entry);
    const writer = await store.begin(facts.model);
    try {
      for (const index of manifest.shards.keys())
        await writer.addShard(await readShardOf(container, manifest, index));
      for (const entry of manifest.blobs)
        await writer.addBlob(entry.name, await readBlobOf(container, manifest, entry));
      return await writer.commit(facts);
    } finally {
      await writer.abandon();
    }
  });
}
