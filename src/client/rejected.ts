/** Refused events retried and dropped by the client: chosen first, oldest first then, and in requests of a bounded size. */
import {
  type DroppedEvents,
  type EntryFailure,
  type RejectedList,
  type RetriedEvents,
  rejectedEntriesMax,
} from '../protocol/messages.ts';

export interface RejectedOptions {
  /** 20 when absent. */
  readonly limit?: number;
  /** Entries below this one. */
  readonly before?: number;
  /** Those whose reason has this in it, in any case. */
  readonly reason?: string;
}

/** Entries by their numbers, or all those there are now, or of these the ones with something in their reason. */
export type RejectedSelection = readonly number[] | { readonly reason?: string };

type Ask = <Reply>(body: object) => Promise<Reply>;

const pageSize = 1_000;

/** What was chosen stays as it is: events that are refused once more meanwhile are not retried again. */
export async function retryRejected(ask: Ask, which: RejectedSelection): Promise<RetriedEvents> {
  const replies = await inParts<RetriedEvents>(ask, 'retry', which);
  return { retried: replies.flatMap(({ retried }) => retried), failed: failuresOf(replies) };
}

export async function dropRejected(ask: Ask, which: RejectedSelection): Promise<DroppedEvents> {
  const replies = await inParts<DroppedEvents>(ask, 'drop', which);
  return { dropped: replies.flatMap(({ dropped }) => dropped), failed: failuresOf(replies) };
}

const failuresOf = (replies: readonly { readonly failed: readonly EntryFailure[] }[]): EntryFailure[] =>
  replies.flatMap(({ failed }) => failed);

async function inParts<Reply>(ask: Ask, op: 'retry' | 'drop', which: RejectedSelection): Promise<Reply[]> {
  const entries = 'length' in which ? [...which] : await chosenEntries(ask, which.reason);
  const replies: Reply[] = [];
  for (let from = 0; from < entries.length; from += rejectedEntriesMax) {
    replies.push(await ask<Reply>({ op, entries: entries.slice(from, from + rejectedEntriesMax) }));
  }
  return replies;
}

async function chosenEntries(ask: Ask, reason: string | undefined): Promise<number[]> {
  const entries: number[] = [];
  let before: number | undefined;
  do {
    const page = await ask<RejectedList>({
      op: 'list',
      limit: pageSize,
      ...(before === undefined ? {} : { before }),
      ...(reason === undefined ? {} : { reason }),
    });
    entries.push(...page.events.map(({ entry }) => entry));
    before = page.before;
  } while (before !== undefined);
  return entries.reverse();
}
