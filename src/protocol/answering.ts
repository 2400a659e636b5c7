/** Requests between actors: unpacked, acted on, answered; an error becomes an error reply. */
import { MillraceError } from '../base/errors.ts';
import type { Channel, Subscription } from '../nats/channel.ts';
import { packInternal, unpackInternal } from './codec.ts';
import { respondError } from './replies.ts';

/** Answers every request on the subject. What is no operating error is also handed to `fail`: the actor is broken. */
export function answerRequests<Body>(
  channel: Channel,
  subject: string,
  act: (body: Body) => object | Promise<object>,
  fail: (error: unknown) => void,
): Subscription {
  return channel.subscribe(subject, (message) => {
    const answer = (value: object) => message.respond(packInternal(value));
    const refuse = (error: unknown) => {
      respondError(message, error);
      if (!(error instanceof MillraceError)) fail(error);
    };
    try {
      const value = act(unpackInternal<Body>(message.data));
      if (value instanceof Promise) value.then(answer).catch(refuse);
      else answer(value);
    } catch (error) {
      refuse(error);
    }
  });
}
