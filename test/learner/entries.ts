/** Stream entries made by hand. */
import type { LogEntry } from '../../src/nats/channel.ts';
import { contentHeaders, encode, type WireFormat } from '../../src/protocol/codec.ts';
import { subjects } from '../shard/row-of-shards.ts';

export function entryOf(
  seq: number,
  data: Uint8Array,
  subject = subjects.learn('m'),
  headers: Readonly<Record<string, string>> = {},
): LogEntry {
  return { seq, subject, data, timeMs: 1_000 + seq / 4, pending: 0, header: (name) => headers[name] };
}

export const learnEntry = (seq: number, body: unknown, key?: string, format: WireFormat = 'json'): LogEntry =>
  entryOf(seq, encode(body, format), subjects.learn('m', key), contentHeaders(format));
