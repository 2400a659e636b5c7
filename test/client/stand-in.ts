/**
 * A server that answers as Millrace does on the wire, with no mathematics behind it, over a real NATS server:
 * what the client sends and how it takes failures can be seen without starting threads.
 */
import type { Test } from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import type { Channel, Message } from '../../src/nats/channel.ts';
import { connectChannel } from '../../src/nats/connection.ts';
import { contentHeaders, contentTypeHeader, decode, encode } from '../../src/protocol/codec.ts';
import { type Subjects, subjectsOf } from '../../src/protocol/subjects.ts';

export type Answer = (body: never, message: Message) => object | MillraceError | undefined;

export interface StandIn {
  readonly channel: Channel;
  readonly subjects: Subjects;
  /** An answer of undefined is silence. */
  on(subject: string, answer: Answer): void;
  /** Makes the model's stream and its place in the status. */
  model(name: string): Promise<void>;
}

export async function standIn(t: Test, url: string, root = 'millrace'): Promise<StandIn> {
  const channel = await connectChannel({ servers: [url], name: 'stand-in' });
  t.teardown(() => channel.close());
  const subjects = subjectsOf(root);
  const models: { model: string }[] = [];
  const on = (subject: string, answer: Answer) => {
    channel.subscribe(subject, (message) => {
      const type = message.header(contentTypeHeader);
      const result = answer(decode(message.data, type) as never, message);
      if (result === undefined) return;
      if (result instanceof MillraceError) {
        const headers = {
          'Nats-Service-Error-Code': String(result.code),
          'Nats-Service-Error': result.message,
        };
        message.respond(new Uint8Array(0), headers);
      } else {
        const format = type === undefined ? 'json' : 'msgpack';
        message.respond(encode(result, format), contentHeaders(format));
      }
    });
  };
  on(subjects.ctl('status'), () => ({ models }));
  on(subjects.ctl('status', '*'), (_body, { subject }) => {
    const model = subject.split('.').at(-1)!;
    const known = models.map((one) => one.model);
    if (known.includes(model)) return { models: [{ model }] };
    return new MillraceError('notFound', `no model is named ${model}; there are: ${known.join(', ')}`);
  });
  await channel.flush();
  return {
    channel,
    subjects,
    on,
    model: async (name) => {
      models.push({ model: name });
      await channel.ensureStream({
        name: subjects.stream(name),
        subjects: subjects.streamSubjects(name),
        bytesMax: 16 * 1024 * 1024,
        discard: 'new',
        duplicateWindowMs: 60_000,
      });
    },
  };
}
