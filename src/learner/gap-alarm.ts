/**
 * Entries that are not in the stream any more when the reader comes to where they stood: deleted, purged, or lost by
 * the server. Nothing can bring them back; so learning goes on, and says so. How many there were is counted in the
 * state (`missing`); which, goes out here.
 */
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { encode, packInternal } from '../protocol/codec.ts';
import type { GapReport } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';

export type GapAlarm = (first: number, last: number) => void;

export const gapAlarm =
  (channel: Channel, subjects: Subjects, model: string, log: Logger): GapAlarm =>
  (first, last) => {
    log.error({ model, first, last }, 'events are gone from the stream that were never learned');
    const report: GapReport = { kind: 'gap', model, first, last };
    channel.publish(subjects.report('gap', model), packInternal(report));
    channel.publish(subjects.event('gap', model), encode({ model, first, last }, 'json'));
  };
