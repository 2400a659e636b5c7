/** A plan carried out: segments of the log through the plain loop. */
import { MillraceError } from '../base/errors.ts';
import type { Channel } from '../nats/channel.ts';
import type { Segment } from './plan.ts';
import type { SequentialState } from './sequential-state.ts';

export interface ReplayLog {
  readonly channel: Channel;
  readonly stream: string;
  /** Called between entries, now and then: lets others on this thread have their turn. */
  readonly pause: () => Promise<void>;
}

/** Between two pauses, ms. */
const sliceMs = 8;

export async function replaySegments(
  log: ReplayLog,
  segments: readonly Segment[],
  state: SequentialState,
): Promise<void> {
  for (const segment of segments) {
    const isEmpty = segment.to.every((mark, at) => mark <= segment.from[at]!);
    if (!isEmpty) await replaySegment(log, segment, state);
  }
}

async function replaySegment(log: ReplayLog, segment: Segment, state: SequentialState): Promise<void> {
  const first = Math.min(...segment.from) + 1;
  const last = Math.max(...segment.to);
  await refuseGaps(log, first, last);
  state.begin(segment);
  const reader = await log.channel.readFrom(log.stream, first);
  let pausedAtMs = performance.now();
  try {
    for await (const entry of reader) {
      if (entry.seq <= last) state.take(entry);
      if (entry.seq >= last || entry.pending === 0) return;
      if (performance.now() - pausedAtMs < sliceMs) continue;
      await log.pause();
      pausedAtMs = performance.now();
    }
  } finally {
    await reader.close();
  }
  throw new MillraceError('notReady', 'the connection was closed before the replay was done');
}

async function refuseGaps({ channel, stream }: ReplayLog, first: number, last: number): Promise<void> {
  const state = await channel.streamState(stream);
  if (state === undefined) throw new MillraceError('notFound', `there is no stream ${stream}`);
  if (state.firstSeq > first)
    throw new MillraceError(
      'conflict',
      `the stream begins at ${state.firstSeq}; sequences ${first} to ${state.firstSeq - 1} are gone: replay from a later version`,
    );
  if (state.lastSeq < last)
    throw new MillraceError('conflict', `the stream ends at ${state.lastSeq}, before ${last}`);
}
