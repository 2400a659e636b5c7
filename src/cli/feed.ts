/** Rows of a file into the stream: the unreadable ones are named and counted, the others published. */

import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { MillraceError } from '../base/errors.ts';
import type { LearnProgress } from '../client/learn-stream.ts';
import type { Millrace } from '../client/millrace.ts';
import type { Mapping } from '../formats/mapping.ts';
import { eventsOf } from '../formats/records.ts';
import type { FileRecord, Row } from '../formats/row.ts';
import type { LearnEvent } from '../protocol/messages.ts';

export interface FeedOptions extends Mapping {
  readonly key?: string;
  readonly eventsPerMessage: number;
  readonly rate?: number;
  readonly strict?: boolean;
}

export interface Feed {
  readonly client: Pick<Millrace, 'learnStream'>;
  readonly model: string;
  readonly rows: AsyncIterable<Row<FileRecord>>;
  readonly options: FeedOptions;
  readonly note: (text: string) => void;
  readonly onProgress: (progress: LearnProgress) => void;
}

export interface Fed {
  readonly progress: LearnProgress;
  readonly unreadable: number;
  readonly elapsedMs: number;
}

/** Unreadable lines that are named; the rest is only counted. */
const namedMax = 10;

export async function feed({ client, model, rows, options, note, onProgress }: Feed): Promise<Fed> {
  const startedAt = performance.now();
  const keys = new WeakMap<LearnEvent, string>();
  let unreadable = 0;

  async function* readable(): AsyncGenerator<LearnEvent> {
    for await (const row of eventsOf(rows, options)) {
      if (row.kind === 'problem') {
        const line = `line ${row.line}: ${row.problem}`;
        if (options.strict === true) throw new MillraceError('badInput', line);
        unreadable += 1;
        if (unreadable <= namedMax) note(`${line}; passed over`);
        continue;
      }
      const { event, record } = row.value;
      const key =
        options.key === undefined ? undefined : (record[options.key] ?? event.features[options.key]);
      if (key !== undefined && key !== null) keys.set(event, String(key));
      yield event;
    }
  }

  const events = options.rate === undefined ? readable() : paced(readable(), options.rate);
  const progress = await client.learnStream(model, events, {
    eventsPerMessage: options.eventsPerMessage,
    onProgress,
    ...(options.key === undefined ? {} : { key: (event: LearnEvent) => keys.get(event) }),
  });
  return { progress, unreadable, elapsedMs: performance.now() - startedAt };
}

/** Holds items back to so many per second, in steps no shorter than a timer can keep. */
async function* paced<T>(items: AsyncIterable<T>, perSecond: number): AsyncGenerator<T> {
  const startedAt = performance.now();
  const stepMs = 5;
  let count = 0;
  for await (const item of items) {
    const aheadMs = (count * 1000) / perSecond - (performance.now() - startedAt);
    if (aheadMs > stepMs) await wait(aheadMs);
    count += 1;
    yield item;
  }
}
