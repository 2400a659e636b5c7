/**
 * A work board in a file, for when the whole process dies: written by the learner in one small piece at a time, which
 * the system keeps when the process is gone, and which needs no syncing. A few microseconds for each batch.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytesOf } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

/** Where a learner keeps its board. */
export const boardFile = (folder: string, model: string, learner: number): string =>
  join(folder, `${model}-${learner}.board`);

/** What keeps a board there. Where that is not possible it is said once, and learning goes on without. */
export function keepIn(file: string | undefined, log: Logger): (numbers: Float64Array) => void {
  if (file === undefined) return () => undefined;
  let descriptor: number | undefined;
  let isPossible = true;
  return (numbers) => {
    if (!isPossible) return;
    try {
      descriptor ??= opened(file);
      writeSync(descriptor, bytesOf(numbers.slice()), 0, numbers.byteLength, 0);
    } catch (error) {
      isPossible = false;
      log.warn({ file, reason: messageOf(error) }, 'what is being learned is not noted');
    }
  };
}

function opened(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'w');
}
