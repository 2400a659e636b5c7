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

interface Anchored {
  readonly seq: number;
  readonly timeMs: number;
  readonly data: Uint8Array;
}

export const anchorOf = (entry: Anchored): LogAnchor => ({
  seq: entry.seq,
  timeMs: entry.timeMs,
  sha256: createHash('sha256').update(entry.data).digest('hex'),
});

export function isAnchor(anchor: LogAnchor, entry: Anchored): boolean {
  const found = anchorOf(entry);
  return found.seq === anchor.seq && found.timeMs === anchor.timeMs && found.sha256 === anchor.sha256;
}

const wordDigits = 8;
const words = 8;
/** An anchor as float64 numbers: sequence, time, and the digest in words of 32 bits. */
export const anchorLength = 2 + words;

export function anchorNumbers({ seq, timeMs, sha256 }: LogAnchor): number[] {
  const digest = Array.from({ length: words }, (_, at) =>
    Number.parseInt(sha256.slice(at * wordDigits, (at + 1) * wordDigits), 16),
  );
  return [seq, timeMs, ...digest];
}

/** Of zeros: none. */
export function anchorFrom(numbers: ArrayLike<number>): LogAnchor | undefined {
  const [seq = 0, timeMs = 0, ...digest] = Array.from(numbers);
  if (seq === 0) return undefined;
  return { seq, timeMs, sha256: digest.map((word) => word.toString(16).padStart(wordDigits, '0')).join('') };
}

/** Anchors that lie one behind the other, those that are there. */
export function anchorsFrom(numbers: Float64Array): LogAnchor[] {
  const places = Array.from({ length: numbers.length / anchorLength }, (_, at) => at * anchorLength);
  return places.flatMap((at) => anchorFrom(numbers.subarray(at, at + anchorLength)) ?? []);
}
