/** What was learned without a server, stored as the first version of a model of a config file. */
import { join } from 'node:path';
import { requireNothingLearned, saveVersion } from '../backtest/save.ts';
import type { SequentialModel } from '../backtest/sequential-model.ts';
import { openFileStore } from '../checkpoint/file-store.ts';
import { codeVersion } from '../version.ts';
import { UsageError } from './failure.ts';
import type { placeOfModel } from './model-options.ts';

/** Stores the model and resolves to the number of the version. Refused now where it could not be done then. */
export async function firstVersionOf({
  name,
  model,
  config,
}: ReturnType<typeof placeOfModel>): Promise<(learned: SequentialModel) => Promise<number>> {
  const { store: kind } = model.checkpoint;
  if (kind !== 'file') {
    throw new UsageError(
      `versions are written as files here, and models.${name}.checkpoint.store is ${kind}: save with "file", and change it afterwards; the server carries the version over`,
    );
  }
  const store = openFileStore({ folder: join(config.dataDir, 'checkpoints'), now: Date.now });
  await requireNothingLearned(store, name);
  return (learned) => saveVersion(learned, { store, model: name, config: model, codeVersion });
}
