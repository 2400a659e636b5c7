/** Answers to requests: a body in the asker's format, or an error by the NATS services convention. */
import { MillraceError } from '../base/errors.ts';
import type { Headers, Message } from '../nats/channel.ts';
import { contentHeaders, encode, type WireFormat } from './codec.ts';

const errorCodeHeader = 'Nats-Service-Error-Code';
const errorHeader = 'Nats-Service-Error';

/** What an asker is told of an error: operating errors as they are, anything else without its insides. */
export function replyError(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError('internal', 'internal error; the server log has it');
}

export function respondError(message: Message, error: unknown): void {
  message.respond(new Uint8Array(0), errorHeaders(replyError(error)));
}

/** A header is one line of bounded length. */
export function errorHeaders({ code, message }: MillraceError): Headers {
  const line = message.replaceAll(/[\r\n]+/g, ' ').slice(0, 1024);
  return { [errorCodeHeader]: String(code), [errorHeader]: line };
}

/** Throws MillraceError('tooLarge') when the answer is over the server's payload limit. */
export function respondValue(message: Message, value: unknown, format: WireFormat): void {
  message.respond(encode(value, format), contentHeaders(format));
}
