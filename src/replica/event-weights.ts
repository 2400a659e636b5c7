/**
 * The largest weights by the names of their features. A hashed table knows no names, so they are taken from the latest
 * events in the stream, newest first: what those do not hold is not found. It is done in slices, between which the
 * predictor answers others; the model may learn on meanwhile.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { MillraceError } from '../base/errors.ts';
import type { Channel, LogEntry } from '../nats/channel.ts';
import { contentTypeHeader, decode } from '../protocol/codec.ts';
import type { WeightsQuery } from '../protocol/internal.ts';
import type { FeatureWeight, Weights } from '../protocol/score-messages.ts';
import { type Subjects, verbOfSubject } from '../protocol/subjects.ts';
import type { ServingState } from './answer-service.ts';
import type { Insight } from './insight.ts';

interface Sources {
  readonly channel: Pick<Channel, 'streamState' | 'entryAt'>;
  readonly subjects: Subjects;
  readonly model: string;
  readonly insight: Insight;
  readonly state: () => ServingState;
}

interface Found {
  readonly names: Set<string>;
  weight: number;
}

/** Messages asked for at a time. */
const entriesAtOnce = 32;
const sliceMs = 2;
/** Rows that are remembered; with those the search ends. */
const rowsMax = 200_000;
const namesMax = 9;

export async function largestWeights(
  sources: Sources,
  { top, events: eventsMax }: WeightsQuery,
): Promise<Weights> {
  const { insight, state } = sources;
  insight.requireWeights();
  const rows = new Map<number, Found>();
  let events = 0;
  let untilMs = performance.now() + sliceMs;
  for await (const features of latestFeatures(sources, eventsMax)) {
    if (events === eventsMax || rows.size >= rowsMax) break;
    events++;
    note(insight, features, state().table, rows);
    if (performance.now() < untilMs) continue;
    await turn();
    untilMs = performance.now() + sliceMs;
  }
  const largest = [...rows.values()]
    .sort((left, right) => Math.abs(right.weight) - Math.abs(left.weight))
    .slice(0, top)
    .map(({ names, weight }): FeatureWeight => {
      const [name, ...also] = names;
      return { name: name!, ...(also.length > 0 && { also }), weight };
    });
  return { events, rows: rows.size, weights: largest, ...state().provenance };
}

/** An event that cannot be learned is none of the model's. */
function note(insight: Insight, features: unknown, table: Float32Array, rows: Map<number, Found>): void {
  try {
    for (const { row, names, weight } of insight.weights(features, table)) {
      const found = rows.get(row) ?? { names: new Set(), weight };
      rows.set(row, found);
      found.weight = weight;
      for (const name of names) if (found.names.size < namesMax) found.names.add(name);
    }
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
  }
}

/** Of events, newest first. Ends after so many messages, and where the stream begins. */
async function* latestFeatures(
  { channel, subjects, model }: Sources,
  messagesMax: number,
): AsyncGenerator<unknown> {
  const stream = subjects.stream(model);
  const state = await channel.streamState(stream);
  if (state === undefined) throw new MillraceError('notReady', `there is no stream ${stream}`);
  const first = Math.max(state.firstSeq, state.lastSeq - messagesMax + 1);
  for (let last = state.lastSeq; last >= first; last -= entriesAtOnce) {
    const seqs = Array.from({ length: Math.min(entriesAtOnce, last - first + 1) }, (_, back) => last - back);
    for (const entry of await Promise.all(seqs.map((seq) => channel.entryAt(stream, seq)))) {
      if (entry !== undefined && verbOfSubject(entry.subject) === 'learn') yield* featuresOf(entry);
    }
  }
}

/** A message that cannot be read has none. */
function featuresOf(entry: LogEntry): unknown[] {
  try {
    const body = decode(entry.data, entry.header(contentTypeHeader));
    const items: readonly unknown[] = Array.isArray(body) ? body.toReversed() : [body];
    return items.map((item) => (item as { features?: unknown } | null)?.features);
  } catch (error) {
    if (error instanceof MillraceError) return [];
    throw error;
  }
}
