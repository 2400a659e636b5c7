/**
 * Looks at how full the event streams are, and says so before publishers are refused: once for each share that is
 * reached, and again only after it had fallen clearly below.
 */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel, StreamState } from '../nats/channel.ts';
import { encode } from '../protocol/codec.ts';
import type { Subjects } from '../protocol/subjects.ts';
import type { ModelHost } from './model-host.ts';

/** A share counts as reached again after the stream was this much emptier. */
const slack = 0.05;

export class FullnessLevels {
  #reached = 0;

  /** The highest share that is newly reached; undefined when none is. */
  take(
    { bytes, bytesMax }: Pick<StreamState, 'bytes' | 'bytesMax'>,
    shares: readonly number[],
  ): number | undefined {
    if (bytesMax <= 0) return undefined;
    const full = bytes / bytesMax;
    const reached = Math.max(0, ...shares.filter((share) => full >= share));
    if (reached > this.#reached) {
      this.#reached = reached;
      return reached;
    }
    this.#reached = Math.max(
      reached,
      ...shares.filter((share) => share <= this.#reached && full > share - slack),
    );
    return undefined;
  }
}

export interface StreamWatchOptions {
  readonly hosts: () => readonly ModelHost[];
  readonly channel: Channel;
  readonly subjects: Subjects;
  readonly log: Logger;
  readonly everyMs: number;
}

/** Returns what ends it. */
export function watchStreams({ hosts, channel, subjects, log, everyMs }: StreamWatchOptions): () => void {
  const levels = new Map<string, FullnessLevels>();
  const look = async (host: ModelHost): Promise<void> => {
    const state = await channel.streamState(host.streamName);
    if (state === undefined) return;
    const { model } = host;
    const known = levels.get(model) ?? new FullnessLevels();
    levels.set(model, known);
    const share = known.take(state, host.config.stream.fullAt);
    if (share === undefined) return;
    const { bytes, bytesMax } = state;
    const sentence =
      'the event stream fills up; when it is full, publishers are refused: raise limits.streamBytesMax, or remove what no version needs with `millrace stream purge`';
    log.warn({ model, share, bytes, bytesMax }, sentence);
    channel.publish(subjects.event('stream', model), encode({ model, share, bytes, bytesMax }, 'json'));
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    const present = hosts();
    for (const model of levels.keys())
      if (!present.some((host) => host.model === model)) levels.delete(model);
    Promise.all(present.map(look))
      .catch((error) => log.debug({ reason: messageOf(error) }, 'the streams cannot be looked at now'))
      .finally(() => {
        looking = false;
      });
  }, everyMs);
  return () => clearInterval(timer);
}
