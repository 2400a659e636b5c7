/**
 * Where refused events go: the rejected stream, durable before the batch that refused them counts as applied.
 * Ids that follow from the position make a repetition one entry, within the stream's dedupe window.
 */
import { isDeepStrictEqual } from 'node:util';
import { MillraceError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { contentHeaders, encode } from '../protocol/codec.ts';
import type { RejectedEvent } from '../protocol/messages.ts';
import type { Subjects } from '../protocol/subjects.ts';

const retryDelayMs = 100;
/** Left for headers in a message of the largest size. */
const headerBytes = 1024;
/** Refused events on their way at a time; they keep their order unless one must be sent again. */
const inFlight = 64;

export async function keepRejected(
  channel: Channel,
  subjects: Subjects,
  log: Logger,
  events: readonly RejectedEvent[],
): Promise<void> {
  for (let from = 0; from < events.length; from += inFlight) {
    await Promise.all(
      events.slice(from, from + inFlight).map((event) => keepOne(channel, subjects, log, event)),
    );
  }
}

async function keepOne(
  channel: Channel,
  subjects: Subjects,
  log: Logger,
  event: RejectedEvent,
): Promise<void> {
  const { model, seq, index, code, reason } = event;
  log.warn({ model, seq, index, reason }, 'event rejected');
  await appendUntilKept(channel, subjects.rejected(model), log, event);
  channel.publish(subjects.event('rejected', model), encode({ model, seq, index, code, reason }, 'json'));
}

async function appendUntilKept(
  channel: Channel,
  subject: string,
  log: Logger,
  event: RejectedEvent,
): Promise<void> {
  const body = bodyOf(event, channel.maxPayload - headerBytes);
  // The time tells the sequences of a stream from those of one that was made anew under the same name.
  const msgId = `${event.model}-${event.seq}-${event.index}-${event.time}`;
  for (let attempt = 1; ; attempt++) {
    try {
      await channel.append(subject, body, { msgId, headers: contentHeaders('json') });
      return;
    } catch (error) {
      if (!(error instanceof MillraceError) || !['notReady', 'deadline'].includes(error.kind)) throw error;
      if (attempt === 1)
        log.error({ subject, reason: error.message }, 'learning waits for the rejected stream');
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
    }
  }
}

/** JSON, for people; an original that would not fit, or is no JSON, is left out here and stays in the model's stream. */
function bodyOf(event: RejectedEvent, bytesMax: number): Uint8Array {
  let omitted: object;
  try {
    const body = encode(isExactInJson(event.original) ? event : { ...event, inexact: true }, 'json');
    if (body.length <= bytesMax) return body;
    omitted = { omitted: true, bytes: body.length };
  } catch (error) {
    // Nested deeper than the stack is.
    omitted = { omitted: true, why: messageOf(error) };
  }
  return encode({ ...event, original: omitted }, 'json');
}

/** Whether JSON says all of it: it has no NaN, no infinity and no bytes, which MessagePack has. */
export function isExactInJson(original: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(original)), original);
  } catch {
    return false;
  }
}
