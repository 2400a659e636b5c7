/**
 * Where the versions of one model lie: the few things in which stores differ. What a version is, how it is made,
 * checked, listed and pruned is the same for all of them (src/checkpoint/version-store.ts).
 *
 * A version is a number and parts under names. Its manifest is written last and removed first, so that whatever
 * crashes in between leaves parts that nothing names, never half a version.
 */
import type { ByteSink, ByteSource } from './shard-file.ts';

export interface StoredPart extends ByteSource {
  close(): Promise<void>;
}

export interface PartReader {
  readonly model: string;
  /** Undefined when there is none. */
  openPart(version: number, part: string): Promise<StoredPart | undefined>;
  /** Names the place and the mend; errors that are ours already pass unchanged. */
  failure(doing: string, thrown: unknown, version?: number, part?: string): Error;
}

export interface PartWriter extends PartReader {
  /** A shard's file or a blob is never larger than this; larger shards are split. */
  readonly partBytesMax: number;
  /** Durable when it resolves; nothing is left of it when it rejects. */
  writePart<Result>(
    version: number,
    part: string,
    write: (sink: ByteSink) => Promise<Result>,
  ): Promise<Result>;
  removeVersion(version: number): Promise<void>;
}

export interface ModelStorage extends PartWriter {
  /**
   * Takes a number that was never taken and is above `pointed`, and makes room for its parts. Removes what crashed
   * attempts left, but not the versions in `live`, and nothing while `pointed` is undefined (not known).
   */
  begin(pointed: number | undefined, live: ReadonlySet<number>): Promise<number>;
  /** Versions that have a manifest, ascending. */
  versions(): Promise<number[]>;
  /** Number of the process that took the model over last; 0 before anybody has. */
  newestOwner(): Promise<number>;
  /** Takes the next number: whatever an owner before still writes from here on has no effect. */
  takeOver(): Promise<number>;
  /** The pointer of the newest owner that has written one. */
  openPointer(): Promise<StoredPart | undefined>;
  /** The pointer of this owner. */
  writePointer(bytes: Uint8Array, owner: number): Promise<void>;
  /** The pointer goes first: what a crash leaves is versions that nothing names. Numbers start again at 1. */
  removeAll(): Promise<void>;
}
