/** What a backtest has learned, as the version from which a server starts: warm start from history. */
import { definitionOf, fingerprintOf } from '../../config/fingerprint.ts';
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import { idHashOfName } from '../learner/learned-ids.ts';
import { packTotals } from '../model/stored-totals.ts';
import { blobsOfIds } from '../shard/recent-ids.ts';
import { imagesOfTable } from '../shard/table-images.ts';
import type { SequentialModel } from './sequential-model.ts';

export interface SavePlace {
  readonly store: CheckpointStore;
  readonly model: string;
  readonly config: ModelConfig;
  readonly codeVersion: string;
}

/**
 * Stores it as the current version, with no place in a stream: all that the stream holds comes after it. Throws
 * MillraceError('conflict') when the model has learned something already. Resolves to the number of the version.
 */
export async function saveVersion(
  learned: SequentialModel,
  { store, model, config, codeVersion }: SavePlace,
): Promise<number> {
  await requireNothingLearned(store, model);
  const definition = definitionOf(config);
  const { table, totals, width, rejected, duplicates } = learned;
  const counts = { learned: learned.learned, rejected, excluded: 0, duplicates, missing: 0 };
  await store.takeOver(model);
  const writer = await store.begin(model);
  try {
    for (const image of imagesOfTable(table, width, config.actors.shards)) await writer.addShard(image);
    const ids = blobsOfIds(learned.ids.map((name) => idHashOfName(name).join(' ')));
    for (const [name, bytes] of Object.entries(ids)) await writer.addBlob(name, bytes);
    const { version } = await writer.commit({
      model,
      parent: 0,
      reason: 'import',
      epoch: 0,
      stream: { name: '', created: '', marks: new Array<number>(config.partitions).fill(0) },
      fingerprint: fingerprintOf(definition),
      definition,
      keyCount: table.length / width,
      rowWidth: width,
      totals: packTotals({ counts, totals }),
      writer: { millrace: codeVersion, node: process.version, v8: process.versions.v8, arch: process.arch },
    });
    await store.writePointer(model, { version });
    return version;
  } finally {
    await writer.abandon();
  }
}

/**
 * Throws MillraceError('conflict') when the model has a version, whole or damaged, or a server that may be running and
 * have made none yet: from that one the versions would be taken away.
 */
export async function requireNothingLearned(store: CheckpointStore, model: string): Promise<void> {
  const { versions, damaged } = await store.list(model);
  const present = versions.at(-1)?.manifest.version ?? damaged.at(-1)?.version;
  if (present !== undefined) {
    throw new MillraceError(
      'conflict',
      `model ${model} has version ${present} already: what is saved or imported begins a model, and this one has begun; use another name, or another dataDir`,
    );
  }
  if ((await store.owner(model)) === 0) return;
  throw new MillraceError(
    'conflict',
    `model ${model} has been begun already, by a server, which may be running, or by one that was cut off: use another name, or another dataDir`,
  );
}
