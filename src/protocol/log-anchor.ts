/**
 * One entry of a log, by which the log is known again: another entry at its sequence means that the server has lost
 * entries, or that it is another stream.
 */
import { createHash } from 'node:crypto';

export interface LogAnchor {
  readonly seq: number;
  /** The broker's stamp, ms since the epoch. */
  readonly timeMs: number;
  /** Of the body, as hexadecimal digits. */
  readonly sha256: string;
}

export const anchorOf = (entry: {
  readonly seq: number;
  readonly timeMs: number;
  readonly data: Uint8Array;
}): LogAnchor => ({
  seq: entry.seq,
  timeMs: entry.timeMs,
  sha256: createHash('sha256').update(entry.data).digest('hex'),
});
