/**
 * The logger of a process or a thread: pino to standard error, JSON lines, or short readable lines when a
 * person is watching. It writes synchronously, in every thread by itself: what was said before a kill stands.
 */
import { isatty } from 'node:tty';
import pino from 'pino';
import type { Logger } from '../base/logger.ts';
import { oneLine } from '../base/plain-text.ts';
import type { LogLevel } from './thread-protocol.ts';

const standardError = 2;

export function createLogger(level: LogLevel, facts: object = {}): Logger {
  const destination = pino.destination({ dest: standardError, sync: true });
  const options = { level, base: facts, timestamp: pino.stdTimeFunctions.isoTime };
  if (!isatty(standardError)) return pino(options, destination);
  return pino(options, { write: (line: string) => destination.write(readableLine(line)) });
}

/** `12:03:04.512 warn  flights/learner/0: actor failed, restarting (waitMs=50)` from pino's JSON line. */
export function readableLine(line: string): string {
  const { level, time, msg, actor, err, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const word = (pino.levels.labels[Number(level)] ?? 'info').padEnd(5);
  const speaker = actor === undefined ? '' : `${actor}: `;
  const shown = Object.entries(facts).map(([key, value]) => `${oneLine(key)}=${textOf(value)}`);
  const details = shown.length === 0 ? '' : ` (${shown.join(', ')})`;
  const reason = err === undefined ? '' : `: ${(err as { message?: string }).message ?? textOf(err)}`;
  return `${String(time).slice(11, 23)} ${word} ${oneLine(`${speaker}${msg ?? ''}${reason}`)}${details}\n`;
}

/** Reasons and names come from anywhere: none may end the line and begin one that looks like ours. */
const textOf = (value: unknown): string => oneLine(typeof value === 'string' ? value : JSON.stringify(value));
