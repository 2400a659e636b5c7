/** An outage stands in the log: when it began, and when it was over. */
import t from 'tap';
import type { Channel, ConnectionEvent } from '../../src/nats/channel.ts';
import { sayConnection } from '../../src/nats/say-connection.ts';

t.test('a connection that is lost and found again is said; one that is closed is not', async (t) => {
  const said: unknown[] = [];
  const at = (level: string) => (facts: object, text: string) => void said.push([level, facts, text]);
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  let tell: (event: ConnectionEvent, detail: string) => void = () => undefined;
  const channel = { onEvent: (listener: typeof tell) => (tell = listener) } as unknown as Channel;
  sayConnection(channel, log as unknown as Parameters<typeof sayConnection>[1]);
  tell('disconnect', 'a:4222');
  tell('reconnect', 'b:4222');
  tell('error', 'no permission');
  tell('closed', '');
  t.match(said, [
    ['warn', { server: 'a:4222' }, /is lost/],
    ['info', { server: 'b:4222' }, /is there again/],
    ['warn', { detail: 'no permission' }, /says/],
  ]);
  t.equal(said.length, 3);
});
