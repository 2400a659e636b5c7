/**
 * The limit of a model's stream. It is what the configuration says, with two exceptions: it is never below what
 * the stream holds, because a server of 2.9 would delete the oldest events to meet it; and a full stream is given
 * a little room when an epoch must be written, because without one no server could start on it again.
 */
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Appended, Channel, StreamSpec, StreamState } from '../nats/channel.ts';

/** For the epoch's entry, and for events that get in before it. */
const roomBytes = 64 * 1024;
const triesMax = 5;

export async function ensureModelStream(
  channel: Channel,
  spec: StreamSpec,
  log: Logger,
): Promise<StreamState> {
  const held = (await channel.streamState(spec.name))?.bytes ?? 0;
  const bytesMax = Math.max(spec.bytesMax, held);
  if (bytesMax > spec.bytesMax) {
    const facts = { stream: spec.name, held, streamBytesMax: spec.bytesMax };
    log.warn(
      facts,
      'the stream holds more than limits.streamBytesMax; it takes no more until that is raised',
    );
  }
  return channel.ensureStream({ ...spec, bytesMax });
}

/** Appends what the model cannot go on without, making room for it when the stream is full. */
export async function appendMakingRoom(
  channel: Channel,
  spec: StreamSpec,
  append: () => Promise<Appended>,
): Promise<Appended> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await append();
    } catch (error) {
      const full = error instanceof MillraceError && error.kind === 'overloaded';
      const state = full && attempt < triesMax ? await channel.streamState(spec.name) : undefined;
      if (state === undefined) throw error;
      await channel.ensureStream({ ...spec, bytesMax: Math.max(spec.bytesMax, state.bytes) + roomBytes });
    }
  }
}
