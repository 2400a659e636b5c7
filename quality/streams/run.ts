/** Every stream through our defaults, other families and peers: one row of figures for each set. */
import { modelSchema } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { MillraceError } from '../../src/base/errors.ts';
import type { MetricsView } from '../../src/protocol/messages.ts';
import type { QualityOptions } from '../part.ts';
import { defaults, families } from './learners.ts';
import { isThere, type Peer, river, vowpalWabbit } from './peers.ts';
import { readSet } from './read.ts';
import { type Figures, readReferences } from './references.ts';
import { type EncodedEvent, type Measure, type StreamSet, streamSets } from './sets.ts';

export interface SetResult {
  readonly name: string;
  readonly task: string;
  readonly measure: Measure;
  readonly events: number;
  readonly ours: number;
  readonly microsecondsPerEvent: number;
  /** By the peer's name: of this run, else of the last that was kept. */
  readonly peers: Readonly<Record<string, number>>;
  /** By the family's name. */
  readonly families: Readonly<Record<string, number>>;
}

export async function runStreams({ data, python, only, say }: QualityOptions): Promise<SetResult[]> {
  const peers = [vowpalWabbit, river].filter(({ module, name }) => {
    if (python === undefined) return false;
    if (isThere(python, module)) return true;
    say(`${name} is skipped: ${python} has no module ${module}`);
    return false;
  });
  const kept = await readReferences();
  const results: SetResult[] = [];
  for (const set of streamSets) {
    if (only.length > 0 && !only.includes(set.name)) continue;
    say(set.name);
    results.push(await runSet(set, await readSet(set, data), peers, python ?? '', kept[set.name]));
  }
  return results;
}

async function runSet(
  set: StreamSet,
  events: readonly EncodedEvent[],
  peers: readonly Peer[],
  python: string,
  kept: Figures = {},
): Promise<SetResult> {
  const { name, task, measure } = set;
  const startedMs = performance.now();
  const ours = measured(defaults[task], events, measure);
  const microsecondsPerEvent = ((performance.now() - startedMs) * 1000) / events.length;
  const theirs: Record<string, number> = { ...kept };
  for (const peer of peers) theirs[peer.name] = (await peer.measure(python, task, events))[measure]!;
  const others: Record<string, number> = {};
  for (const family of families) {
    if (family.sets.includes(name)) others[family.name] = measured(family.model, events, measure);
  }
  return {
    name,
    task,
    measure,
    events: events.length,
    ours,
    microsecondsPerEvent,
    peers: theirs,
    families: others,
  };
}

function measured(model: object, events: readonly EncodedEvent[], measure: Measure): number {
  const learner = new SequentialModel(modelSchema.parse(model));
  for (const event of events) learner.step(event);
  return figureOf(learner.metrics, measure);
}

function figureOf({ logLoss, accuracy, mae, rmse }: MetricsView, measure: Measure): number {
  const figure = { logLoss, errorRate: accuracy === null ? null : 1 - accuracy, mae, rmse }[measure];
  if (figure === null || figure === undefined) throw new MillraceError('internal', `there is no ${measure}`);
  return figure;
}
