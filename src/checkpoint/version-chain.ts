/**
 * An incremental version is laid over an earlier one, which may itself be laid over one, down to a full version.
 * Each names the one below by number and by the checksum of its manifest, and so everything in it.
 */
import { DamagedVersionError } from './errors.ts';
import { chainMax, manifestFile } from './format.ts';
import type { ModelStorage } from './model-storage.ts';
import type { Manifest } from './store.ts';
import { readManifestPart, type SizedManifest } from './version-parts.ts';

export interface Measured extends SizedManifest {
  /** Of all parts together. */
  readonly bytes: number;
}

/** What is wrong with the version below; undefined when nothing is. */
export function baseProblem(
  { base }: Manifest,
  wholeVersion: (version: number) => SizedManifest | undefined,
): string | undefined {
  if (base === undefined) return undefined;
  const below = wholeVersion(base.version);
  if (below === undefined) return `it is laid over version ${base.version}, which is damaged or missing`;
  return below.digest === base.sha256 ? undefined : notTheOne(base.version);
}

const notTheOne = (version: number): string =>
  `it is laid over another version ${version} than the one that is there`;

/** From the full version up to this one, manifests checked; throws DamagedVersionError when a link is not there. */
export async function chainOf(storage: ModelStorage, top: Manifest): Promise<Manifest[]> {
  const chain = [top];
  for (let link = top; link.base !== undefined; ) {
    const { version, sha256 } = link.base;
    const below = await readManifestPart(storage, version).catch((error) => {
      throw error instanceof DamagedVersionError || isNotFound(error)
        ? brokenLink(top, version, error)
        : error;
    });
    if (below.digest !== sha256)
      throw new DamagedVersionError(top.model, top.version, manifestFile, notTheOne(version));
    const { keyCount, rowWidth } = below.manifest;
    if (keyCount !== top.keyCount || rowWidth !== top.rowWidth) {
      const reason = `it is laid over version ${version}, which has another size`;
      throw new DamagedVersionError(top.model, top.version, manifestFile, reason);
    }
    if (chain.length >= chainMax) {
      const reason = `it is laid over more than ${chainMax} others`;
      throw new DamagedVersionError(top.model, top.version, manifestFile, reason);
    }
    link = below.manifest;
    chain.unshift(link);
  }
  return chain;
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && 'kind' in error && error.kind === 'notFound';

/** The version that was asked for is the one that cannot be used; which link broke is said with it. */
export function brokenLink(top: Manifest, link: number, error: unknown): DamagedVersionError {
  const [file, reason] =
    error instanceof DamagedVersionError ? [error.file, error.reason] : [manifestFile, 'it is missing'];
  const where = link === top.version ? file : `version ${link}, which it is laid over: ${file}`;
  return new DamagedVersionError(top.model, top.version, where, reason, { cause: error });
}
