/**
 * Whether the log still is the one that the parameters were learned from. A learner asks before it reads on: in a
 * log that has lost entries and grown again, what comes behind its mark are other events, and what they follow would
 * never be learned.
 */
import { MillraceError } from '../base/errors.ts';
import type { Channel } from '../nats/channel.ts';
import { isAnchor, type LogAnchor } from '../protocol/log-anchor.ts';

/** Throws MillraceError('conflict') when it is another. */
export async function assertSameLog(
  channel: Channel,
  stream: { readonly name: string; readonly created: string },
  anchors: readonly LogAnchor[],
): Promise<void> {
  const state = await channel.streamState(stream.name);
  if (state?.created !== stream.created)
    throw new MillraceError('conflict', `stream ${stream.name} was made anew`);
  for (const anchor of anchors) {
    if (anchor.seq < state.firstSeq) continue;
    const entry = await channel.entryAt(stream.name, anchor.seq);
    if (entry === undefined || !isAnchor(anchor, entry))
      throw new MillraceError(
        'conflict',
        `stream ${stream.name} has lost the entry ${anchor.seq} that was learned`,
      );
  }
}
