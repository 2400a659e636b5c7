/** Says when a connection is lost and found again: a broker that was away, or one that cut off a slow reader. */
import type { Logger } from '../base/logger.ts';
import type { Channel } from './channel.ts';

export function sayConnection(channel: Channel, log: Logger): void {
  channel.onEvent((event, detail) => {
    if (event === 'disconnect') log.warn({ server: detail }, 'the NATS connection is lost; trying again');
    if (event === 'reconnect') log.info({ server: detail }, 'the NATS connection is there again');
    if (event === 'error') log.warn({ detail }, 'the NATS connection says');
  });
}
