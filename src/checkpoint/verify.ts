/** Reads everything of one or of all versions and says of each whether it could be restored. */
import { MillraceError } from '../base/errors.ts';
import { DamagedVersionError } from './errors.ts';
import type { CheckpointStore, Manifest } from './store.ts';

export interface Verified {
  readonly version: number;
  /** What is wrong with it, with the part that is damaged; absent when nothing is. */
  readonly problem?: string;
  /** Files and bytes of its own that were read. */
  readonly files: number;
  readonly bytes: number;
}

/** All versions, or one with what it is laid over; ascending. */
export async function verifyVersions(
  store: CheckpointStore,
  model: string,
  only?: number,
): Promise<Verified[]> {
  const { versions, damaged } = await store.list(model);
  const manifests = new Map(versions.map(({ manifest }) => [manifest.version, manifest]));
  const found = new Map<number, Verified>(
    damaged.map(({ version, reason }) => [version, { version, problem: reason, files: 0, bytes: 0 }]),
  );
  if (only !== undefined && !manifests.has(only) && !found.has(only))
    throw new MillraceError('notFound', `model ${model} has no version ${only}`);
  const wanted = only === undefined ? [...manifests.keys()] : linksOf(only, manifests);
  for (const version of wanted.sort((a, b) => a - b)) {
    const manifest = manifests.get(version)!;
    const base = manifest.base?.version;
    const below = base === undefined ? undefined : found.get(base)?.problem;
    const own = await partsProblem(store, manifest);
    const problem = own ?? (below && `it is laid over version ${base}: ${below}`);
    const parts = [...manifest.shards, ...manifest.blobs];
    found.set(version, {
      version,
      ...(problem === undefined ? {} : { problem }),
      files: parts.length + 1,
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    });
  }
  const told = [...found.values()].sort((a, b) => a.version - b.version);
  return only === undefined ? told : told.filter(({ version }) => version === only);
}

/** The version and what it is laid over. */
function linksOf(version: number, manifests: ReadonlyMap<number, Manifest>): number[] {
  const links: number[] = [];
  for (let link = manifests.get(version); link !== undefined; link = manifests.get(link.base?.version ?? 0))
    links.push(link.version);
  return links;
}

async function partsProblem(store: CheckpointStore, manifest: Manifest): Promise<string | undefined> {
  try {
    for (const index of manifest.shards.keys()) await store.readShard(manifest, index);
    for (const { name } of manifest.blobs) await store.readBlob(manifest, name);
    return undefined;
  } catch (error) {
    if (error instanceof DamagedVersionError) return `${error.file}: ${error.reason}`;
    throw error;
  }
}
