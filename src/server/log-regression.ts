/**
 * Has the log lost entries that are in the parameters? Told by the stream's time of creation and by anchors: entries
 * whose time and digest were kept with the parameters. A log that lost its end may have grown again, past the mark
 * too; then the sequences are the same and the events are others.
 *
 *   kept  1 ......... agreesTo | lost ............ highest mark      in the parameters
 *   log   1 ......... agreesTo | other events .............. end     to be learned
 */
import type { CheckpointStore, Manifest, Pointer } from '../checkpoint/store.ts';
import type { Channel, StreamState } from '../nats/channel.ts';
import { incarnationOfEpoch } from '../protocol/epoch-number.ts';
import { anchorsFrom, isAnchor, type LogAnchor } from '../protocol/log-anchor.ts';
import { ledgerCopy } from '../shard/ledger-copy.ts';
import { openShardMemory } from '../shard/memory.ts';
import type { ModelEpoch } from '../topology.ts';

/** What the parameters were learned from. */
export interface LearnedLog {
  readonly created: string;
  readonly highestMark: number;
  readonly anchors: readonly LogAnchor[];
}

export interface LogRegression {
  readonly kind: 'anew' | 'truncated' | 'regrown';
  /** Last sequence at which the log is still what was learned. */
  readonly agreesTo: number;
  /** First and last sequence that the parameters hold and the log has lost. */
  readonly lost: readonly [number, number];
}

/** Undefined when the log is the one that was learned; `olderAnchors` narrow down where it was cut. */
export async function findRegression(
  channel: Channel,
  name: string,
  stream: StreamState,
  learned: LearnedLog,
  olderAnchors: readonly LogAnchor[] = [],
): Promise<LogRegression | undefined> {
  const { created, highestMark, anchors } = learned;
  if (highestMark === 0) return undefined;
  if (stream.created !== created) return { kind: 'anew', agreesTo: 0, lost: [1, highestMark] };
  const known = await judge(channel, name, stream, anchors);
  if (known.spoiled.length === 0 && stream.lastSeq >= highestMark) return undefined;
  const older = await judge(channel, name, stream, olderAnchors);
  const firstSpoiled = Math.min(...[...known.spoiled, ...older.spoiled].map(({ seq }) => seq));
  const holds = Math.max(0, ...[...known.holding, ...older.holding].map(({ seq }) => seq));
  const ceiling = Math.min(stream.lastSeq, highestMark, firstSpoiled - 1);
  // Entries stamped after the newest that was learned came after the loss.
  const newest = Math.max(...anchors.map(({ timeMs }) => timeMs));
  const agreesTo = await lastStampedBy(channel, name, newest, Math.min(holds, ceiling), ceiling);
  const kind = stream.lastSeq > agreesTo ? 'regrown' : 'truncated';
  return { kind, agreesTo, lost: [agreesTo + 1, highestMark] };
}

async function judge(channel: Channel, name: string, stream: StreamState, anchors: readonly LogAnchor[]) {
  const holding: LogAnchor[] = [];
  const spoiled: LogAnchor[] = [];
  for (const anchor of anchors) {
    // What was purged cannot be compared any more.
    if (anchor.seq < stream.firstSeq) continue;
    const entry = anchor.seq > stream.lastSeq ? undefined : await channel.entryAt(name, anchor.seq);
    (entry !== undefined && isAnchor(anchor, entry) ? holding : spoiled).push(anchor);
  }
  return { holding, spoiled };
}

/** The last sequence in (from, to] that is stamped no later; stamps grow with sequences. */
async function lastStampedBy(
  channel: Channel,
  name: string,
  timeMs: number,
  from: number,
  to: number,
): Promise<number> {
  // Without any anchor nothing tells old entries from new ones but that the log ends.
  if (!Number.isFinite(timeMs)) return to;
  let [known, unknown] = [from, to];
  while (known < unknown) {
    const middle = Math.ceil((known + unknown) / 2);
    const entry = await channel.entryAt(name, middle);
    if (entry !== undefined && entry.timeMs <= timeMs) known = middle;
    else unknown = middle - 1;
  }
  return known;
}

/** The same for a version, and for what a rollback to it left out (the pointer's anchor). */
export async function findRegressionOf(
  channel: Channel,
  store: CheckpointStore,
  name: string,
  stream: StreamState,
  state: { readonly manifest?: Manifest | undefined; readonly pointer?: Pointer | undefined },
): Promise<LogRegression | undefined> {
  const { manifest, pointer } = state;
  const anchors = [manifest?.stream.anchor, pointer?.anchor].filter((anchor) => anchor !== undefined);
  const highestMark = Math.max(0, ...(manifest?.stream.marks ?? []), pointer?.skipTo ?? 0);
  const learned = { created: manifest?.stream.created ?? stream.created, highestMark, anchors };
  const older =
    manifest === undefined ? [] : await anchorsOfVersions(store, manifest.model, stream, manifest.epoch);
  return findRegression(channel, name, stream, learned, older);
}

type LearningEpoch = Pick<ModelEpoch, 'model' | 'served' | 'stream' | 'shapes' | 'buffers'>;

/**
 * The same for what is in the parameters of an epoch now, while it learns. The parameters are looked at first: a log
 * that is asked for its end before would seem to end below what was learned meanwhile.
 */
export async function findRegressionIn(
  channel: Channel,
  store: CheckpointStore,
  { model, served, stream: learned, shapes, buffers }: LearningEpoch,
  askStream: () => Promise<StreamState>,
): Promise<LogRegression | undefined> {
  const { marks, anchors } = await ledgerCopy(openShardMemory(shapes[0]!, buffers[0]!));
  const stream = await askStream();
  const held = { created: learned.created, highestMark: Math.max(...marks), anchors: anchorsFrom(anchors) };
  const older = await anchorsOfVersions(store, model, stream, served.epoch);
  return findRegression(channel, learned.name, stream, held, older);
}

/**
 * Of the versions of this very stream that were made since it last lost entries: those from before may speak of what
 * was lost then.
 */
async function anchorsOfVersions(
  store: CheckpointStore,
  model: string,
  stream: StreamState,
  epoch: number,
): Promise<LogAnchor[]> {
  const { versions } = await store.list(model);
  return versions.flatMap(({ manifest }) =>
    manifest.stream.created === stream.created &&
    incarnationOfEpoch(manifest.epoch) === incarnationOfEpoch(epoch)
      ? (manifest.stream.anchor ?? [])
      : [],
  );
}

/** What speaks of sequences of the log, cut where the log was. */
export function rangesUpTo(
  ranges: readonly (readonly [number, number])[],
  seq: number,
): (readonly [number, number])[] {
  return ranges.filter(([first]) => first <= seq).map(([first, last]) => [first, Math.min(last, seq)]);
}
