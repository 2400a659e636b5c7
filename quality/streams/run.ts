/** Every stream through our defaults, other families and peers: one row of figures for each set. */
import { isThere } from '../../bench/python.ts';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { backtest } from '../../src/backtest/backtest.ts';
import { MillraceError } from '../../src/base/errors.ts';
import type { EventRow } from '../../src/formats/records.ts';
import { type Row, recordOf } from '../../src/formats/row.ts';
import type { LearnEvent, MetricsView } from '../../src/protocol/messages.ts';
import type { QualityOptions } from '../part.ts';
import { defaults, families } from './learners.ts';
import { type Peer, river, vowpalWabbit } from './peers.ts';
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
  readonly families: readonly FamilyResult[];
}

export interface FamilyResult {
  readonly name: string;
  readonly measure: Measure;
  /** Of the default. */
  readonly ours: number;
  readonly value: number;
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
  const own = await metricsOf(defaults[task], set, events);
  const ours = figureOf(own, measure);
  const microsecondsPerEvent = ((performance.now() - startedMs) * 1000) / events.length;
  const theirs: Record<string, number> = { ...kept };
  const seen = withPast(set, events);
  for (const peer of set.delayMs === undefined ? peers : []) {
    theirs[peer.name] = (await peer.measure(python, task, seen))[measure]!;
  }
  const others: FamilyResult[] = [];
  for (const family of families.filter(({ sets }) => sets.includes(name))) {
    const by = family.measure ?? measure;
    const value = figureOf(await metricsOf(family.model, set, events), by);
    others.push({ name: family.name, measure: by, ours: figureOf(own, by), value });
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

async function metricsOf(
  model: ModelInput,
  set: StreamSet,
  events: readonly EncodedEvent[],
): Promise<MetricsView> {
  const { past, delayMs } = set;
  const aggregates = past && { aggregates: [{ ...past, of: 'label', how: 'mean' as const }] };
  const config = modelSchema.parse({ ...model, features: { ...model.features, ...aggregates } });
  const delay = delayMs === undefined ? {} : { delay: { ms: delayMs, waitingMax: events.length } };
  const { models } = await backtest([{ name: set.name, config }], rowsOf(events), {
    strict: true,
    note: () => undefined,
    ...delay,
  });
  return models[0]!.metrics;
}

async function* rowsOf(events: readonly EncodedEvent[]): AsyncGenerator<Row<EventRow>> {
  for (const [at, event] of events.entries())
    yield recordOf(at + 1, { event: event as LearnEvent, record: {} });
}

/** What our aggregate comes to, as a column for those who have none. */
function withPast({ past }: StreamSet, events: readonly EncodedEvent[]): readonly EncodedEvent[] {
  if (past === undefined) return events;
  const groups = new Map<string, { count: number; sum: number }>();
  return events.map((event) => {
    const key = JSON.stringify(past.by.map((name) => event.features[name]));
    const group = groups.get(key) ?? { count: 0, sum: 0 };
    groups.set(key, group);
    const mean = group.count === 0 ? 0 : group.sum / group.count;
    group.count++;
    group.sum += Number(event.label);
    return { ...event, features: { ...event.features, [past.name]: mean } };
  });
}

function figureOf({ logLoss, accuracy, mae, rmse }: MetricsView, measure: Measure): number {
  const figure = { logLoss, errorRate: accuracy === null ? null : 1 - accuracy, mae, rmse }[measure];
  if (figure === null || figure === undefined) throw new MillraceError('internal', `there is no ${measure}`);
  return figure;
}
