/**
 * What an operator does with events that were refused: looks at them, sends them again once their reason is gone, or
 * drops them. An entry of the rejected stream is named by its sequence there.
 *
 * A retry is a new message at the end of the event stream. It carries a Msg-Id that follows from the entry, and the
 * entry is removed when that message is acked: of a retry that was cut off in between, the next one is a duplicate.
 * An event without an id gets the Msg-Id for one, by which learners know it when the stream has forgotten.
 */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { eventsOf } from '../learner/events.ts';
import { idNameOf } from '../learner/learned-ids.ts';
import { isExactInJson } from '../learner/rejected-log.ts';
import type { Channel, LogEntry } from '../nats/channel.ts';
import { contentHeaders, contentTypeHeader, decode, encode, formatOf } from '../protocol/codec.ts';
import type {
  DroppedEvents,
  EntryFailure,
  KeptRejection,
  RejectedEvent,
  RejectedList,
  RejectedSummary,
  RetriedEvents,
} from '../protocol/messages.ts';
import { replyError } from '../protocol/replies.ts';
import type { Subjects } from '../protocol/subjects.ts';

/** Entries that one request may look at. */
const looksMax = 1_000;
const textMax = 256;
/** Left for what stands around the events of a list. */
const headBytes = 1_024;

export interface RejectedQuery {
  /** Entries below this one; the newest when absent. */
  readonly before?: number;
  readonly limit: number;
  /** Those whose reason has this in it, in any case. */
  readonly reason?: string;
}

interface Retry {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export class RejectedEvents {
  readonly #channel: Channel;
  readonly #subjects: Subjects;
  readonly #log: Logger;

  constructor(channel: Channel, subjects: Subjects, log: Logger) {
    this.#channel = channel;
    this.#subjects = subjects;
    this.#log = log;
  }

  /**
   * The stream is walked backwards in windows that double, because entries of other models and gaps lie between.
   * A window is read forwards: the broker finds the next entry of a subject, and not the one before.
   */
  async list(model: string, { before, limit, reason = '' }: RejectedQuery): Promise<RejectedList> {
    const state = await this.#state();
    let end = Math.min(before ?? Number.POSITIVE_INFINITY, state.lastSeq + 1);
    let found: RejectedSummary[] = [];
    let looks = 0;
    for (let width = limit; end > state.firstSeq && found.length < limit && looks < looksMax; width *= 2) {
      const start = Math.max(state.firstSeq, end - Math.min(width, looksMax - looks));
      const window = await this.#between(model, start, end);
      looks += window.length + 1;
      const wanted = window.map(summaryOf).filter((one) => includes(one.reason, reason));
      found = [...wanted, ...found];
      end = start;
    }
    const events = fitting(found.slice(-limit).reverse(), this.#channel.maxPayload - headBytes);
    const lowest = events.length < found.length ? events.at(-1)!.entry : end;
    return lowest > state.firstSeq ? { events, before: lowest } : { events };
  }

  async show(model: string, entry: number): Promise<KeptRejection> {
    return this.#entryOf(model, entry);
  }

  async retry(model: string, entries: readonly number[]): Promise<RetriedEvents> {
    const { created } = await this.#state();
    const retried: RetriedEvents['retried'][number][] = [];
    const failed = await eachOf(entries, async (entry) => {
      const event = await this.#entryOf(model, entry);
      const msgId = `retry-${Date.parse(created)}-${entry}`;
      const { subject, data, headers } = await this.#retryOf(event, msgId);
      const { seq, duplicate } = await this.#channel.append(subject, data, { msgId, headers });
      await this.#channel.removeEntry(this.#subjects.rejectedStream, entry);
      this.#log.info({ model, entry, seq, duplicate }, 'rejected event retried');
      retried.push({ entry, seq, duplicate });
    });
    return { retried, failed };
  }

  async drop(model: string, entries: readonly number[]): Promise<DroppedEvents> {
    const dropped: number[] = [];
    const failed = await eachOf(entries, async (entry) => {
      await this.#entryOf(model, entry);
      await this.#channel.removeEntry(this.#subjects.rejectedStream, entry);
      dropped.push(entry);
    });
    this.#log.info({ model, dropped: dropped.length }, 'rejected events dropped');
    return { dropped, failed };
  }

  async #state() {
    const state = await this.#channel.streamState(this.#subjects.rejectedStream);
    if (state !== undefined) return state;
    throw new MillraceError('notReady', `there is no stream ${this.#subjects.rejectedStream}`);
  }

  async #between(model: string, start: number, end: number): Promise<KeptRejection[]> {
    const found: KeptRejection[] = [];
    const subject = this.#subjects.rejected(model);
    for (let from = start; from < end; ) {
      const entry = await this.#channel.nextEntry(this.#subjects.rejectedStream, subject, from);
      if (entry === undefined || entry.seq >= end) break;
      found.push(keptRejection(model, entry));
      from = entry.seq + 1;
    }
    return found;
  }

  async #entryOf(model: string, entry: number): Promise<KeptRejection> {
    const found = await this.#channel.entryAt(this.#subjects.rejectedStream, entry);
    if (found !== undefined && found.subject === this.#subjects.rejected(model))
      return keptRejection(model, found);
    throw new MillraceError(
      'notFound',
      `no rejected event of ${model} has the number ${entry}: it never had, or it was retried, dropped or has made room for newer ones; \`millrace rejected list ${model}\` shows those there are`,
    );
  }

  /** As it stands in the event stream; when it is gone from there, as the entry has it. */
  async #retryOf(event: KeptRejection, msgId: string): Promise<Retry> {
    const { model, seq, index, time, whole = false, inexact = false, original } = event;
    const message = await this.#channel.entryAt(this.#subjects.stream(model), seq);
    if (message !== undefined && message.timeMs === time) {
      const contentType = message.header(contentTypeHeader);
      const { subject, data } = message;
      if (whole)
        return {
          subject,
          data,
          headers: contentType === undefined ? {} : { [contentTypeHeader]: contentType },
        };
      const item = eventsOf(message, Number.POSITIVE_INFINITY)[index];
      // A number beyond float64, which JSON has, would be null when written again: another event, without the feature.
      const format = isExactInJson(item) ? formatOf(contentType) : 'msgpack';
      return { subject, data: encode(withId(item, msgId), format), headers: contentHeaders(format) };
    }
    if (whole || inexact || isOmitted(original)) {
      throw new MillraceError(
        'conflict',
        `rejected event ${event.entry} of ${model} cannot be sent again as it came: its message (sequence ${seq}) is no longer in the event stream, and the copy that was kept is not exact; publish a mended one, then drop this`,
      );
    }
    return {
      subject: this.#subjects.learn(model, event.key),
      data: encode(withId(original, msgId), 'json'),
      headers: contentHeaders('json'),
    };
  }
}

const keptSchema = z.object({
  seq: z.int().min(1),
  index: z.int().min(0),
  key: z.string().exactOptional(),
  code: z.int(),
  reason: z.string(),
  original: z.unknown(),
  whole: z.boolean().exactOptional(),
  inexact: z.boolean().exactOptional(),
  time: z.number(),
});

/** What somebody else wrote there is shown as a whole message without a position: it can be dropped. */
function keptRejection(model: string, entry: LogEntry): KeptRejection {
  const at = new Date(entry.timeMs).toISOString();
  return { entry: entry.seq, at, ...(decoded(model, entry) ?? foreign(model, entry)) };
}

function decoded(model: string, entry: LogEntry): RejectedEvent | undefined {
  try {
    const kept = keptSchema.safeParse(decode(entry.data, entry.header(contentTypeHeader)));
    return kept.success ? { model, ...kept.data } : undefined;
  } catch {
    return undefined;
  }
}

const foreign = (model: string, { data, timeMs }: LogEntry): RejectedEvent => ({
  model,
  seq: 0,
  index: 0,
  code: 400,
  reason: 'not an entry that Millrace wrote',
  original: Buffer.from(data).toString('base64'),
  whole: true,
  time: timeMs,
});

function summaryOf({ entry, at, seq, index, code, reason, original }: KeptRejection): RejectedSummary {
  const id = idNameOf(original) === undefined ? undefined : (original as { id: string | number }).id;
  return {
    entry,
    at,
    seq,
    index,
    ...(id === undefined ? {} : { id: typeof id === 'string' ? cut(id) : id }),
    code,
    reason: cut(reason),
  };
}

const cut = (text: string): string => (text.length <= textMax ? text : `${text.slice(0, textMax - 1)}…`);

const includes = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase());

/** As many as fit into one reply, and at least one. */
function fitting(events: readonly RejectedSummary[], bytesMax: number): RejectedSummary[] {
  let bytes = 0;
  const past = events.findIndex((event, at) => {
    bytes += encode(event, 'json').length + 1;
    return at > 0 && bytes > bytesMax;
  });
  return events.slice(0, past < 0 ? undefined : past);
}

async function eachOf(
  entries: readonly number[],
  act: (entry: number) => Promise<void>,
): Promise<EntryFailure[]> {
  const failed: EntryFailure[] = [];
  for (const entry of entries) {
    try {
      await act(entry);
    } catch (error) {
      const { code, message } = replyError(error);
      failed.push({ entry, error: { code, message: message.slice(0, 1_024) } });
    }
  }
  return failed;
}

const withId = (item: unknown, id: string): unknown =>
  typeof item === 'object' && item !== null && !Array.isArray(item) && idNameOf(item) === undefined
    ? { ...item, id }
    : item;

const isOmitted = (original: unknown): boolean =>
  typeof original === 'object' && original !== null && (original as { omitted?: unknown }).omitted === true;
