/** From the stream into the learner's queue, as there is room, until another epoch begins. */
import { MillraceError } from '../base/errors.ts';
import type { LogEntry, LogReader } from '../nats/channel.ts';
import { decodeEpochEntry } from '../protocol/epoch-entry.ts';
import { sequenceOfEpoch } from '../protocol/epoch-number.ts';
import { verbOfSubject } from '../protocol/subjects.ts';
import type { EntryQueue } from './entry-queue.ts';

export async function readInto(queue: EntryQueue, reader: LogReader, epoch: number): Promise<void> {
  for await (const entry of reader) {
    // Another epoch was started by another owner of this model: what this one learns would be refused.
    if (entry.seq > sequenceOfEpoch(epoch) && beginsEpoch(entry)) {
      throw new MillraceError('conflict', `epoch ${epoch} has ended: epoch ${entry.seq} began`);
    }
    queue.push(entry);
    await queue.room();
  }
}

/** An acknowledgement of the server may land on this subject too, when a client names it for the answer to a publish. */
const beginsEpoch = ({ subject, data }: LogEntry): boolean =>
  verbOfSubject(subject) === 'control' && decodeEpochEntry(data) !== undefined;
