/**
 * What becomes of a nats-server whose disk was full (seen with 2.14.0): a stream that could not be written stays
 * so, also when there is room again, until the server is started anew; meanwhile its publishers get no answer at
 * all. Only the server's log says why. So its log is read, the disk is asked, and the server started again.
 */
import type { Logger } from '../../base/logger.ts';

export interface FullDiskParts {
  /** What the server wrote to its log since the last call. */
  newLines(): Promise<readonly string[]>;
  freeBytes(): Promise<number>;
  restart(): Promise<void>;
  readonly log: Logger;
}

const fullPattern = /no space left on device|disk quota exceeded/i;
/** Less would be full again at once. */
const roomBytes = 16 * 1024 * 1024;

/** Returns what looks once; call it now and then, one call after the other. */
export function fullDiskWatch({ newLines, freeBytes, restart, log }: FullDiskParts): () => Promise<void> {
  let isFull = false;
  return async () => {
    const line = (await newLines()).findLast((written) => fullPattern.test(written));
    if (line !== undefined && !isFull) {
      isFull = true;
      log.error(
        { reason: line },
        'nats-server has no room to write; events are not acked until there is some',
      );
    }
    if (!isFull || (await freeBytes()) < roomBytes) return;
    log.warn({}, 'there is room again; nats-server is started anew, or it would go on refusing events');
    isFull = false;
    await restart();
  };
}
