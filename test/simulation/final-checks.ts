/** A schedule at rest: predictions, versions, rejected events, and, after a clean stop, the last version. */

import { DamagedVersionError } from '../../src/checkpoint/errors.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { CheckpointStore } from '../../src/checkpoint/store.ts';
import { unpackTotals } from '../../src/model/stored-totals.ts';
import { countNames } from '../../src/protocol/internal.ts';
import { readVersion } from '../../src/server/starting-state.ts';
import type { ShardMemory } from '../../src/shard/memory.ts';
import { idsOfBlobs } from '../../src/shard/recent-ids.ts';
import type { Broker } from './broker.ts';
import type { Asker } from './clients.ts';
import { must, sameNumbers } from './difference.ts';
import type { MemoryDisk } from './memory-disk.ts';
import type { Oracle } from './oracle.ts';
import { type Plan, words } from './plan.ts';
import { checkpointFolder, modelName, type SimulatedProcess } from './process.ts';

export interface AtRest {
  readonly oracle: Oracle;
  readonly plan: Plan;
  readonly asker: Asker;
  readonly broker: Broker;
  readonly disk: MemoryDisk;
  readonly process: SimulatedProcess;
  /** Of the epoch that is served. */
  readonly shards: readonly ShardMemory[];
}

export async function finalChecks(rest: AtRest): Promise<void> {
  const { oracle, plan, process, disk } = rest;
  const { epoch } = process.host!.served;
  await checkPredictions(rest, epoch);
  if (!plan.isExact) checkCounters(rest, epoch);
  checkRejected(rest, epoch);
  const store = openFileStore({ folder: checkpointFolder, now: Date.now, disk });
  if (plan.stopsCleanly) await stopAndLook(rest, epoch, store);
  for (const version of oracle.versions.keys()) await checkVersion(rest, store, version);
}

/** Each word's score, with the last receipt asked for. */
async function checkPredictions({ asker, oracle, plan }: AtRest, epoch: number): Promise<void> {
  const last = oracle.lastSeq;
  for (const word of words) {
    const features = { w: word };
    const { seq, score } = await asker.patiently(features, oracle.isLeftOut(epoch, last) ? undefined : last);
    must(seq >= last, () => `at rest a prediction says seq ${seq}, the log ends at ${last}`);
    if (!plan.isExact) continue;
    const wanted = oracle.scoreAt(epoch, last, features);
    must(Object.is(score, wanted), () => `at rest ${word} scores ${score}, the loop has ${wanted}`);
  }
}

/** Whole counts in rows: how often each feature was learned. */
function checkCounters({ oracle, shards }: AtRest, epoch: number): void {
  const { countSlot } = oracle;
  const loop = oracle.countsAt(epoch, oracle.ends);
  for (const memory of shards) {
    const [learned, rejected] = memory.ledger.counts;
    const found = `${learned} learned and ${rejected} refused`;
    must(
      learned === loop.learned && rejected === loop.rejected,
      () => `epoch ${epoch} at rest: ${found}, the log has ${loop.learned} and ${loop.rejected}`,
    );
    if (countSlot === undefined) continue;
    const { width } = memory.shape.layout;
    for (let key = memory.shape.range.start; key < memory.shape.range.end; key++) {
      const count = memory.rows[(key - memory.shape.range.start) * width + countSlot];
      const wanted = loop.table[key * width + countSlot];
      must(count === wanted, () => `key ${key} was learned ${count} times, the log has it ${wanted} times`);
    }
  }
}

/** What the loop refuses is in the rejected stream. */
function checkRejected({ broker, oracle }: AtRest, epoch: number): void {
  const kept = new Set(
    broker.entries('millrace_rejected').map(({ data }) => {
      const { seq, index } = JSON.parse(new TextDecoder().decode(data)) as { seq: number; index: number };
      return `${seq}/${index}`;
    }),
  );
  for (const position of oracle.refused(epoch))
    must(kept.has(position), () => `event ${position} was refused, and is not in the rejected stream`);
}

/** The pointer's version holds all that was learned. */
async function stopAndLook(
  { oracle, process }: AtRest,
  epoch: number,
  store: CheckpointStore,
): Promise<void> {
  process.stop();
  while (process.isAlive) await new Promise((resolve) => setTimeout(resolve, 50));
  const version = (await store.readPointer(modelName))?.version ?? 0;
  const held = oracle.versions.get(version)?.totals[0] ?? 0;
  const { learned } = oracle.countsAt(epoch, oracle.ends);
  must(held === learned, () => `after a clean stop version ${version} holds ${held} of ${learned} events`);
}

async function checkVersion(
  { oracle, plan }: AtRest,
  store: CheckpointStore,
  version: number,
): Promise<void> {
  const made = oracle.versions.get(version)!;
  const { marks } = made.stream;
  const { counts } = unpackTotals(made.totals);
  const held = countNames.reduce((sum, name) => sum + counts[name], 0);
  const wanted = oracle.eventsAt(made.epoch, marks);
  must(held === wanted, () => `version ${version} holds ${held} events, the log up to its marks ${wanted}`);
  const stored = await readVersion(store, modelName, version).catch((error) => {
    // Pruned, or damaged on purpose and named.
    if (error instanceof DamagedVersionError || error.kind === 'notFound') return undefined;
    throw error;
  });
  if (stored === undefined || !plan.isExact) return;
  const state = oracle.stateAt(made.epoch, marks[0]!);
  const { rowWidth, keyCount, totals } = stored.manifest;
  const table = new Float32Array(keyCount * rowWidth);
  for (const { keys, rows } of stored.images) {
    for (let i = 0; i < keys.length; i++)
      table.set(rows.subarray(i * rowWidth, (i + 1) * rowWidth), keys[i]! * rowWidth);
  }
  const at = (place: number) => `version ${version}: key ${Math.floor(place / rowWidth)}`;
  sameNumbers(table, state.table, at);
  const found = unpackTotals(totals).totals;
  sameNumbers(found, state.totals, (place) => `version ${version}: total ${place}`);
  const ids = idsOfBlobs(stored.blobs);
  must(
    ids.length === state.ids.length,
    () => `version ${version} holds ${ids.length} ids, the loop has ${state.ids.length}`,
  );
}
