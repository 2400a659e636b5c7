/** A log in several clients' hands, and the plain loop that learns it in order: what a server's state must equal. */
import type { Test } from 'tap';
import { connectChannel } from '../../src/nats/connection.ts';
import { contentTypeHeader } from '../../src/protocol/codec.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import type { MadeStream, StreamMessage } from './data.ts';
import { differences, type PlainLoop } from './plain-loop.ts';
import type { ModelState, System } from './system.ts';

/** What a publisher has put into a model's stream so far, by sequence. */
export type Log = Map<number, StreamMessage>;

interface Publisher {
  /** Resolves to the highest sequence. */
  publish(model: string, log: Log, messages: readonly StreamMessage[]): Promise<number>;
}

export async function publisherOf(t: Test, system: System): Promise<Publisher> {
  const clients = {
    json: await system.connect({ wire: 'json' }),
    msgpack: await system.connect({ wire: 'msgpack' }),
  };
  const channel = await connectChannel({ servers: [system.url], name: t.name });
  t.teardown(() => channel.close());
  const subjects = subjectsOf(system.config.root);
  const send = async (model: string, message: StreamMessage): Promise<number> => {
    if (message.kind === 'events') return (await clients[message.wire].learn(model, message.body as [])).seq;
    if (message.kind === 'label') return (await clients.json.label(model, { id: 'nobody', label: 1 })).seq;
    const { bytes, contentType } = message;
    const headers = contentType === undefined ? {} : { [contentTypeHeader]: contentType };
    return (await channel.append(subjects.learn(model), bytes, { headers })).seq;
  };
  const inFlight = 16;
  return {
    async publish(model, log, messages) {
      for (let at = 0; at < messages.length; at += inFlight) {
        const sent = messages.slice(at, at + inFlight).map(async (message) => {
          log.set(await send(model, message), message);
        });
        await Promise.all(sent);
      }
      return Math.max(...log.keys());
    },
  };
}

export function learnInOrder(loop: PlainLoop, log: Log): PlainLoop {
  for (const [, message] of [...log].sort(([a], [b]) => a - b)) {
    if (message.kind !== 'events') loop.refuse();
    else if (Array.isArray(message.body)) for (const item of message.body) loop.learn(item);
    else loop.learn(message.body);
  }
  return loop;
}

export function sameAsLoop(
  t: Test,
  state: ModelState,
  loop: PlainLoop,
  stream: Pick<MadeStream, 'good' | 'bad'>,
  isNetwork = false,
): void {
  t.same(differences(state.table, loop.table), [], 'every parameter is that of the plain loop');
  t.same(differences(state.totals, loop.totals), [], 'so is every progressive sum and histogram bucket');
  t.same(
    [state.learned, state.rejected, state.duplicates],
    [loop.learned, loop.rejected, loop.duplicates],
    'counts are those of the plain loop',
  );
  const handled = [loop.learned + loop.duplicates, loop.rejected];
  // The step that is too large for other models may meet units of a network that are off, and change nothing.
  if (isNetwork) t.equal(handled[0]! + handled[1]!, stream.good + stream.bad, 'each event was handled');
  else t.same(handled, [stream.good, stream.bad], 'each event was learned, known already, or refused');
}
