/**
 * What the parts of the client share: the channel, the subjects, the wire format, and the question that turns
 * "nobody answers" into a reason: no Millrace at all, or no such model.
 */
import { performance } from 'node:perf_hooks';
import { MillraceError } from '../base/errors.ts';
import type { Channel, Message } from '../nats/channel.ts';
import { contentHeaders, contentTypeHeader, decode, encode, type WireFormat } from '../protocol/codec.ts';
import type { Subjects } from '../protocol/subjects.ts';
import { type Attempts, attempt } from './call.ts';
import { ServerUnreachableError } from './unreachable.ts';

export interface Link {
  readonly channel: Channel;
  readonly subjects: Subjects;
  readonly root: string;
  readonly wire: WireFormat;
  readonly timeoutMs: number;
  readonly adminTimeoutMs: number;
}

/** The question for the reason may take this long. */
const explainTimeoutMs = 1_000;

export interface Payload {
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Throws MillraceError('tooLarge') when the server would refuse it. */
export function payloadOf(link: Link, value: unknown): Payload {
  const payload = { data: encode(value, link.wire), headers: contentHeaders(link.wire) };
  if (payload.data.length > link.channel.maxPayload) {
    throw new MillraceError(
      'tooLarge',
      `the message has ${payload.data.length} bytes and the server takes ${link.channel.maxPayload}; send fewer at once`,
    );
  }
  return payload;
}

export const bodyOf = <T>(reply: Message): T => decode(reply.data, reply.header(contentTypeHeader)) as T;

/** Tries until the deadline; a model that is not there ends it at once, by name. */
export async function tryFor<T>(
  link: Link,
  model: string,
  limits: Pick<Attempts, 'attemptMs' | 'retried'> & { readonly timeoutMs?: number | undefined },
  call: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  try {
    return await attempt(call, {
      ...limits,
      timeoutMs: limits.timeoutMs ?? link.timeoutMs,
      now: () => performance.now(),
      explain: async () => void (await isServed(link, model).catch(passNotFound)),
    });
  } catch (error) {
    throw isNotReady(error) ? await reasonOf(link, model, error) : error;
  }
}

/** Nobody answered for the model until the end: no Millrace at all, no such model, or what was said last. */
async function reasonOf(link: Link, model: string, error: MillraceError): Promise<MillraceError> {
  try {
    await isServed(link, model);
    return error;
  } catch (reason) {
    if (isNotReady(reason)) return ServerUnreachableError.noMillrace(link.root, reason);
    return reason instanceof MillraceError && reason.kind === 'notFound' ? reason : error;
  }
}

/** Throws 'notFound' when a server answers and does not have the model, 'notReady' when none answers. */
async function isServed(link: Link, model: string): Promise<void> {
  const subject = link.subjects.ctl('status', model);
  await link.channel.request(subject, encode({}, 'json'), { timeoutMs: explainTimeoutMs });
}

function passNotFound(error: unknown): void {
  if (error instanceof MillraceError && error.kind === 'notFound') throw error;
}

export const isNotReady = (error: unknown): error is MillraceError =>
  error instanceof MillraceError && error.kind === 'notReady';
