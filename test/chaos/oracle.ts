/**
 * What must be there in the end. The stream is read from its beginning: every acked message must stand in it once.
 * The chain of epochs in it says which of its messages the present state has learned; those go through the plain
 * loop, in order, and every parameter, count and progressive sum must be the loop's.
 */
import type { ModelConfig } from '../../config/schema.ts';
import type { Channel, LogEntry } from '../../src/nats/channel.ts';
import { contentTypeHeader, decode } from '../../src/protocol/codec.ts';
import { verbOfSubject } from '../../src/protocol/subjects.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import type { ModelState } from '../support/system.ts';
import type { Scene } from './plan.ts';
import type { Sent } from './traffic.ts';

export interface Verdict {
  readonly published: number;
  readonly acked: number;
  readonly learned: number;
  readonly rejected: number;
  /** Left out by rollbacks that were asked to. */
  readonly leftOut: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly identical: boolean;
  readonly differences: readonly string[];
}

interface Epoch {
  readonly reason: string;
  readonly from?: { readonly epoch: number; readonly marks: readonly number[] };
  readonly skipTo: number;
}

const stream = 'millrace_m';

export async function readLog(channel: Channel): Promise<LogEntry[]> {
  const { lastSeq } = (await channel.streamState(stream))!;
  const reader = await channel.readFrom(stream, 1);
  const entries: LogEntry[] = [];
  for await (const entry of reader) {
    entries.push(entry);
    if (entry.seq >= lastSeq) break;
  }
  await reader.close();
  return entries;
}

/** Which sequences a state of this epoch with these marks has been through, as ranges, following the chain back. */
function rangesOf(epochs: ReadonlyMap<number, Epoch>, name: number, mark: number): [number, number][] {
  const epoch = epochs.get(name);
  if (epoch === undefined) throw new Error(`the stream has no epoch ${name}`);
  const before = epoch.from?.marks[0] ?? 0;
  const earlier = epoch.from === undefined ? [] : rangesOf(epochs, epoch.from.epoch, before);
  return [...earlier, [Math.max(before, epoch.skipTo) + 1, mark]];
}

export function judge(
  scene: Scene,
  config: ModelConfig,
  log: readonly LogEntry[],
  sent: readonly Sent[],
  state: ModelState,
): { readonly verdict: Verdict; readonly loop: PlainLoop } {
  const epochs = new Map<number, Epoch>();
  for (const entry of log) {
    if (verbOfSubject(entry.subject) === 'control')
      epochs.set(entry.seq, decode(entry.data, undefined) as Epoch);
  }
  const mark = state.manifest.stream.marks[0]!;
  const ranges: readonly (readonly [number, number])[] =
    scene === 'counting' ? [[1, Number.MAX_SAFE_INTEGER]] : rangesOf(epochs, state.manifest.epoch, mark);
  const isIn = (seq: number) => ranges.some(([first, last]) => seq >= first && seq <= last);
  const loop = new PlainLoop(config);
  const inStream = new Map<string, number>();
  const stored = new Map<string, LogEntry[]>();
  let [expected, leftOut] = [0, 0];
  for (const entry of log) {
    if (verbOfSubject(entry.subject) !== 'learn') continue;
    const items = decode(entry.data, entry.header(contentTypeHeader)) as unknown[];
    const msgId = entry.header('Nats-Msg-Id') ?? '';
    inStream.set(msgId, (inStream.get(msgId) ?? 0) + items.length);
    stored.set(msgId, [...(stored.get(msgId) ?? []), entry]);
    if (!isIn(entry.seq)) {
      leftOut += items.length;
      continue;
    }
    expected += items.length;
    for (const item of items) loop.learn(item);
  }
  const acked = sent.filter(({ seq }) => seq !== undefined);
  const off = acked.map(({ msgId, events }) => (inStream.get(msgId) ?? 0) - events.length);
  const applied = state.learned + state.rejected;
  const perEvent = scene === 'counting' ? countedOff(loop, sent, state) : { lost: 0, twice: 0 };
  // No fault here takes acked events from the log: who says so has misread it, and learns them again.
  const misread = [...epochs]
    .filter(([, { reason }]) => reason === 'regression')
    .map(([seq]) => `epoch ${seq} says that the log has lost entries`);
  const twice = [...stored].filter(([, entries]) => entries.length > 1).map(storedTwice);
  const found = [
    ...twice,
    ...misread,
    ...differences(state.table, loop.table),
    ...differences(state.totals, loop.totals).map((place) => `totals ${place}`),
  ];
  return {
    loop,
    verdict: {
      published: sum(sent.map(({ events }) => events.length)),
      acked: sum(acked.map(({ events }) => events.length)),
      learned: state.learned,
      rejected: state.rejected,
      leftOut,
      lost: -sum(off.filter((by) => by < 0)) + Math.max(0, expected - applied, perEvent.lost),
      duplicated: sum(off.filter((by) => by > 0)) + Math.max(0, applied - expected, perEvent.twice),
      identical: found.length === 0 && state.learned === loop.learned && state.rejected === loop.rejected,
      differences: found,
    },
  };
}

/**
 * Events whose own row says that they were not applied, or more than once. An event adds -2 label weight to z of its
 * own category; rows that two events share by their hash, or an event and a group, are left to the comparison of the
 * whole table.
 */
function countedOff(loop: PlainLoop, sent: readonly Sent[], state: ModelState) {
  const own = new Map<number, number[]>();
  const shared = new Set<number>();
  for (const { events } of sent) {
    for (const { features, label, weight } of events) {
      if (typeof label !== 'number') continue;
      const { event, group } = features as { event: string; group: string };
      const { key } = loop.keysOf({ event }).at(-1)!;
      for (const other of loop.keysOf({ group })) shared.add(other.key);
      own.set(key, [...(own.get(key) ?? []), -2 * label * weight!]);
    }
  }
  let [lost, twice] = [0, 0];
  for (const [key, steps] of own) {
    if (steps.length > 1 || shared.has(key)) continue;
    const times = state.table[key * loop.width]! / steps[0]!;
    if (times < 1) lost++;
    if (times > 1) twice++;
  }
  return { lost, twice };
}

const storedTwice = ([msgId, entries]: readonly [string, readonly LogEntry[]]): string =>
  `${msgId} is in the stream ${entries.map(({ seq, timeMs }) => `at ${seq}, ${new Date(timeMs).toISOString()}`).join(', and ')}`;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
