/**
 * What a store of versions does. A version is immutable; its number is never used twice, not even after a
 * failed attempt; a damaged one is refused by name. The bytes: docs/checkpoint-format.md.
 *
 * A store knows bytes and checksums, not models.
 */

import type { Exclusion } from '../protocol/internal.ts';
import type { LogAnchor } from '../protocol/log-anchor.ts';
import type { Retention } from './retention.ts';

/** One shard's part of a version: the rows that are not all zero, keys ascending. */
export interface ShardImage {
  readonly start: number;
  readonly end: number;
  readonly rowWidth: number;
  readonly keys: Uint32Array;
  /** rowWidth floats for each key. */
  readonly rows: Float32Array;
}

export interface ShardEntry {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Named bytes that belong to a version beside its rows; what they mean is their owner's business. */
export interface BlobEntry {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type VersionReason = 'events' | 'time' | 'command' | 'stop' | 'unlearn' | 'import';

/** What the maker of a version says of it. */
export interface VersionFacts {
  readonly model: string;
  /** Version that this state descends from; 0 is the empty model. */
  readonly parent: number;
  readonly reason: VersionReason;
  readonly epoch: number;
  readonly stream: {
    readonly name: string;
    readonly created: string;
    /** Last sequence applied, per partition. */
    readonly marks: readonly number[];
    /** The message at the lowest mark: two streams that differ there are not the same stream. */
    readonly anchor?: LogAnchor;
  };
  /** Fingerprint of the settings that decide the parameters, and those settings. */
  readonly fingerprint: string;
  readonly definition: unknown;
  readonly keyCount: number;
  readonly rowWidth: number;
  /** The control entry with which its epoch began, for when the stream has it no more. */
  readonly entry?: unknown;
  /** It was recomputed, from this version (0: from nothing) and without these events: what `epoch` made of the log without them. */
  readonly unlearned?: { readonly from: number; readonly exclusions: readonly Exclusion[] };
  /** Integer counters and progressive sums, as float64 (docs/checkpoint-format.md). */
  readonly totals: readonly number[];
  readonly writer: {
    readonly millrace: string;
    readonly node: string;
    readonly v8: string;
    readonly arch: string;
  };
}

export interface Manifest extends VersionFacts {
  readonly format: 1 | 2;
  readonly version: number;
  readonly createdAt: string;
  /**
   * The version that these rows are laid over, and the checksum of its manifest. Absent: the version is full,
   * and a row that is not there is zero.
   */
  readonly base?: { readonly version: number; readonly sha256: string };
  readonly shards: readonly ShardEntry[];
  readonly blobs: readonly BlobEntry[];
}

/** Which version is current, and from which sequence learning goes on after a rollback that leaves events out. */
export interface Pointer {
  readonly version: number;
  /** Events up to this sequence are left out; absent: the version's own marks count. */
  readonly skipTo?: number;
  /** The log's entry there, by which it is known again. */
  readonly anchor?: LogAnchor;
}

export interface VersionWriter {
  readonly version: number;
  addShard(image: ShardImage): Promise<void>;
  /** Name: 1 to 64 of A-Z a-z 0-9 _ -, once in a version; at most 32 MiB. */
  addBlob(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * Makes the version durable; only then does it exist. Does not move the pointer. `base`: the shards hold only the
   * rows that differ from that version's, all-zero ones among them.
   */
  commit(facts: VersionFacts, base?: number): Promise<Manifest>;
  /** Removes what was written; the number stays used. */
  abandon(): Promise<void>;
}

export interface VersionSizes {
  readonly manifest: Manifest;
  readonly bytes: number;
}

export interface CheckpointStore {
  begin(model: string): Promise<VersionWriter>;
  /** Versions with a readable manifest, ascending, and the damaged ones by name. */
  list(model: string): Promise<{ versions: VersionSizes[]; damaged: { version: number; reason: string }[] }>;
  /** Throws DamagedVersionError, or MillraceError('notFound'). */
  readManifest(model: string, version: number): Promise<Manifest>;
  /** What this version is laid over, from the full one up, and itself; throws DamagedVersionError when a link is broken. */
  readChain(manifest: Manifest): Promise<Manifest[]>;
  /** Reads and verifies one shard's file, without what it is laid over (src/checkpoint/full-images.ts); throws DamagedVersionError naming the file. */
  readShard(manifest: Manifest, index: number): Promise<ShardImage>;
  /** Reads and verifies a blob; undefined when the version has none of this name. */
  readBlob(manifest: Manifest, name: string): Promise<Uint8Array | undefined>;
  readPointer(model: string): Promise<Pointer | undefined>;
  writePointer(model: string, pointer: Pointer): Promise<void>;
  /** Number of the process that took the model over last; 0 before anybody has. */
  owner(model: string): Promise<number>;
  /**
   * Makes this process the owner of the model's versions, and returns its number. From here on what an owner
   * before it begins, commits, points to or prunes is refused with MillraceError('conflict').
   */
  takeOver(model: string): Promise<number>;
  /** The versions that a prune would remove. */
  removable(model: string, retention: Retention): Promise<number[]>;
  /**
   * Removes what need not stay (src/checkpoint/retention.ts): never the pointer's version, and never what one that
   * stays is laid over. Returns the numbers removed, ascending. Refuses while the pointer is damaged.
   */
  prune(model: string, retention: Retention): Promise<number[]>;
  /** Removes everything of the model. */
  remove(model: string): Promise<void>;
}
