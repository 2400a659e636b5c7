/**
 * Events and labels into the model's stream. Every message carries a Msg-Id, so a publish whose ack was lost
 * is sent again and still counts once (within the stream's window for duplicates, 2 minutes by default).
 */
import { randomUUID } from 'node:crypto';
import { MillraceError } from '../base/errors.ts';
import type { Appended } from '../nats/channel.ts';
import type { LabelEvent, LearnEvent } from '../protocol/messages.ts';
import { type Link, type Payload, payloadOf, tryFor } from './link.ts';
import { keyToken, nameOf } from './tokens.ts';

export interface LearnOptions {
  /** Events of one key keep their order when several learners share the stream. */
  readonly key?: string;
  /** Identity of the message, for a caller that may send it twice; a random one when absent. */
  readonly msgId?: string;
  readonly timeoutMs?: number;
}

/** The stream took the message. `seq` is usable as `minSeq` of a prediction. */
export type Receipt = Appended;

/** One message, however many events; throws 'tooLarge' rather than splitting it. */
export async function learn(
  link: Link,
  model: string,
  events: LearnEvent | readonly LearnEvent[],
  options: LearnOptions,
): Promise<Receipt> {
  const subject = link.subjects.learn(nameOf(model), keyOf(options));
  return append(link, model, subject, payloadOf(link, events), options);
}

export async function label(
  link: Link,
  model: string,
  events: LabelEvent | readonly LabelEvent[],
  options: LearnOptions,
): Promise<Receipt> {
  const subject = link.subjects.label(nameOf(model), keyOf(options));
  return append(link, model, subject, payloadOf(link, events), options);
}

const keyOf = ({ key }: LearnOptions): string | undefined => (key === undefined ? undefined : keyToken(key));

/** An ack that has not come by then was lost with the connection. */
const ackMs = 2_000;

export async function append(
  link: Link,
  model: string,
  subject: string,
  { data, headers }: Payload,
  options: Pick<LearnOptions, 'msgId' | 'timeoutMs'>,
): Promise<Receipt> {
  const msgId = options.msgId ?? randomUUID();
  const limits = { timeoutMs: options.timeoutMs, attemptMs: ackMs };
  try {
    return await tryFor(link, model, limits, (timeoutMs) =>
      link.channel.append(subject, data, { msgId, headers, timeoutMs }),
    );
  } catch (error) {
    if (!(error instanceof MillraceError) || error.kind !== 'overloaded') throw error;
    const mend = `raise models.${model}.limits.streamBytesMax, or remove what no version needs with \`millrace stream purge ${model}\``;
    throw new MillraceError('overloaded', `the stream takes no more (${error.message}); ${mend}`, {
      cause: error,
    });
  }
}
