/** A state that was recomputed without some events, stored as a version that says so. */
import { definitionOf, fingerprintOf } from '../../config/fingerprint.ts';
import { modelSchema } from '../../config/schema.ts';
import { packTotals } from '../model/stored-totals.ts';
import type { EpochEntry, Exclusion } from '../protocol/internal.ts';
import { anchorOf } from '../protocol/log-anchor.ts';
import type { SequentialState } from '../replay/sequential-state.ts';
import { imagesOfTable } from '../shard/table-images.ts';
import type { HostOptions, ModelHost } from './model-host.ts';

export interface RecomputedFacts {
  /** Version that it was recomputed from; 0: from nothing. */
  readonly from: number;
  /** The epoch that had made the state, and its entry. */
  readonly epoch: number;
  readonly entry: EpochEntry | undefined;
  readonly marks: readonly number[];
  readonly exclusions: readonly Exclusion[];
}

/** The number of the version. Does not move the pointer. */
export async function storeRecomputed(
  { channel, around }: Pick<HostOptions, 'channel' | 'around'>,
  { model, config, store, streamName }: ModelHost,
  state: SequentialState,
  { from, epoch, entry, marks, exclusions }: RecomputedFacts,
): Promise<number> {
  const stream = await channel.streamState(streamName);
  const last = await channel.entryAt(streamName, Math.min(...marks));
  const definition = definitionOf(modelSchema.parse(entry?.settings?.definition));
  const { keyCount, rowWidth } = state.shape;
  const writer = await store.begin(model);
  try {
    for (const image of imagesOfTable(state.table, rowWidth, config.actors.shards))
      await writer.addShard(image);
    for (const [name, bytes] of Object.entries(state.blobs)) await writer.addBlob(name, bytes);
    const { version } = await writer.commit({
      model,
      parent: from,
      reason: 'unlearn',
      epoch,
      ...(entry === undefined ? {} : { entry }),
      unlearned: { from, exclusions },
      stream: {
        name: streamName,
        created: stream?.created ?? '',
        marks,
        ...(last === undefined ? {} : { anchor: anchorOf(last) }),
      },
      fingerprint: fingerprintOf(definition),
      definition,
      keyCount,
      rowWidth,
      totals: packTotals(state),
      writer: {
        millrace: around.codeVersion,
        node: process.version,
        v8: process.versions.v8,
        arch: process.arch,
      },
    });
    return version;
  } finally {
    await writer.abandon();
  }
}
